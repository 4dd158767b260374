"""A flow-sensitive abstract interpreter: runs the notebook on abstract objects and writes down what each statement does.

Branches are merged, loops run to a fixed point, functions of the notebook are interpreted at each call with the names
as they are then (so late binding and rebinding are seen), library calls follow `knowledge`.
"""

from __future__ import annotations

import ast
from functools import cache

from nb2stage.analysis.assignments import Assignments
from nb2stage.analysis.calls import Calls
from nb2stage.analysis.classes import Classes
from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.definitions import Definitions
from nb2stage.analysis.expressions import Expressions
from nb2stage.analysis.fileuses import FileUses
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.gradients import Gradients
from nb2stage.analysis.heap import FREE, MOST, Heap, TooLongError
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.librarycalls import LibraryCalls
from nb2stage.analysis.modulefiles import ModuleFiles
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Obj, State, Statement, Values, join_vars, line_of, module_of, reach
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.scopes import ScopeNode, free_names, top_level_names
from nb2stage.analysis.sqlcalls import SqlCalls
from nb2stage.analysis.statements import Statements
from nb2stage.analysis.vocabulary import DELETED
from nb2stage.knowledge import Knowledge
from nb2stage.trees import walk

INERT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@cache
def declared_global(node: ast.AST) -> frozenset[str]:
    """The names that a function or class says are those of the notebook."""
    return frozenset(n for part in walk(node) if isinstance(part, ast.Global) for n in part.names)


class Interpreter:
    """One run over the statements of a notebook: makes the parts, and puts them together.

    Each part is given those below it.  Where it calls back one above, as a call executes the body of a function, it
    knows that one by an interface only.
    """

    def __init__(self, copy_on_write: bool, module_files: ModuleFiles, known: Knowledge) -> None:
        self.heap = heap = Heap(copy_on_write, module_files, known)
        plain = PlainValues(heap)
        self.classes = classes = Classes(heap)
        self.names = names = Names(heap)
        self.process = process = ProcessState(heap)
        self.randomness = randomness = Randomness(heap)
        self.file_uses = file_uses = FileUses(heap, plain)
        gradients = Gradients(heap, classes)
        sql = SqlCalls(heap, names, randomness)
        self.functions = functions = Functions(heap, plain, classes, names, randomness)
        iteration = Iteration(heap, classes, randomness, functions)
        consequences = Consequences(heap, classes, process, randomness, file_uses, gradients, functions, iteration)
        self.modules = modules = Modules(heap, names)
        library_calls = LibraryCalls(
            heap,
            classes,
            names,
            process,
            randomness,
            file_uses,
            gradients,
            sql,
            functions,
            iteration,
            consequences,
            modules,
        )
        calls = Calls(
            heap,
            classes,
            process,
            randomness,
            file_uses,
            gradients,
            sql,
            functions,
            iteration,
            consequences,
            modules,
            library_calls,
        )
        definitions = Definitions(heap, plain, process, functions, calls)
        expressions = Expressions(
            heap,
            plain,
            classes,
            names,
            gradients,
            functions,
            iteration,
            consequences,
            modules,
            calls,
            definitions,
        )
        assignments = Assignments(heap, plain, classes, names, process, functions, iteration, expressions)
        self.statements = statements = Statements(
            heap,
            plain,
            classes,
            names,
            functions,
            iteration,
            consequences,
            modules,
            definitions,
            expressions,
            assignments,
        )
        names.statements = functions.statements = modules.statements = statements
        functions.expressions = library_calls.expressions = definitions.expressions = expressions
        functions.calls = modules.calls = calls
        functions.iteration = iteration
        iteration.consequences = consequences
        expressions.assignments = assignments

    def run(self, statement: Statement) -> None:
        """Interpret one top-level statement of the notebook."""
        start = self.heap.state
        self.heap.statement, self.heap.current = statement, None
        self.heap.budget, self.heap.made = 4_000, set()
        free = self.heap.effort + FREE
        self.heap.most_effort = free + min(self.heap.spare, MOST)
        try:
            self.statements.execute(statement.node)
            makes_setting = statement.sets and not statement.calls
            if self.heap.hooks and not makes_setting and not isinstance(statement.node, INERT):
                self.call_hooks(statement)
            self.heap.spare -= max(0, self.heap.effort - free)
        except (TooLongError, RecursionError):
            self.heap.spare -= max(0, min(self.heap.effort, self.heap.most_effort) - free)
            self.recover(start)
            self.heap.most_effort = 1 << 60
            self.run_coarsely(statement)

    def call_hooks(self, statement: Statement) -> None:
        """What libraries were told to call, they may call in any later statement."""
        for fn in sorted(self.heap.hooks, key=line_of):
            if self.heap.hooks[fn] is not statement:
                self.functions.call_blind_arguments(fn, [], statement.node)

    def run_coarsely(self, statement: Statement) -> None:
        """What a statement may do at most: change all that it can get at, draw, plot, and bind what it mentions."""
        names = {n.id for n in walk(statement.node) if isinstance(n, ast.Name)}
        bound = top_level_names(statement.node)
        values: Values = ATOM
        seen: set[str] = set()
        looked_into: set[Obj] = set()
        followed: dict[ast.AST, None] = {statement.node: None}
        while names - seen:
            name = min(names - seen)
            seen.add(name)
            var = self.heap.state.get(name)
            if not var.sites or var.unbound == DELETED:
                continue
            values |= self.names.load(name, statement.node)
            reached = reach(var.values, beyond=looked_into)
            looked_into |= reached
            for obj in reached:
                module = module_of(obj) or self.heap.modules_by_object.get(obj)
                if module is not None:
                    values |= self.modules.all_of(module)
                    self.heap.change(module.object, known=False)
                elif obj.kind in ("function", "class") and isinstance(obj.node, ScopeNode):
                    followed[obj.node] = None
                    names |= free_names(obj.node)
                    bound |= declared_global(obj.node)
        for node in followed:
            self.file_uses.mention_all(node)
        values = self.heap.everything(values)
        self.heap.change_deep(values, known=False)
        self.randomness.draw_all()
        made = self.heap.make(statement.node, "coarse")
        self.heap.hold(made, values - {made})
        statement.impure = statement.once = statement.plots_unsure = True
        for name in sorted(bound):
            before = self.heap.state.get(name)
            self.names.bind(name, frozenset({made}) | values)
            if before.sites:
                self.heap.set(name, join_vars(before, self.heap.state.get(name)))

    def recover(self, start: State) -> None:
        """Forget the calls and branches that an error has left half done, back to a state."""
        self.heap.state = start
        self.heap.state.dead = False
        self.heap.frame, self.heap.stack, self.heap.loops, self.heap.logs = None, (), [], []
        self.heap.depth = self.heap.temporary = self.heap.blind_depth = self.heap.guards = self.heap.guesses = 0
        self.heap.loading = []
        self.heap.ways, self.heap.each, self.heap.compiled, self.heap.callee = (), [], 0, ""
        self.heap.asked, self.heap.inside = {}, set()
