"""Cells -> an interpreted program: statements in the order of the pipeline, and what crosses between its stages."""

from __future__ import annotations

import ast
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from nb2stage.analysis.async_lines import is_async, refusal
from nb2stage.analysis.boundaries import Boundaries
from nb2stage.analysis.classes import Classes
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.interpreter import Interpreter
from nb2stage.analysis.load_order import LoadOrder
from nb2stage.analysis.modulefiles import ModuleFiles, reachable_trees, search_folder
from nb2stage.analysis.modules import module_state
from nb2stage.analysis.notes import Finding
from nb2stage.analysis.objects import Obj, State, Statement, Var, reach
from nb2stage.analysis.scopes import inner_free_names, looked_up, outside_functions, top_level_names
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.knowledge import CHOOSE_DEVICE, GENERATORS, Knowledge
from nb2stage.patterns import Pattern
from nb2stage.reading.tags import CellRole, Role
from nb2stage.reading.translation import PythonCell
from nb2stage.records import dataclass, field, replace
from nb2stage.texts.yamltext import is_yaml_value
from nb2stage.trees import walk


@dataclass(frozen=True, eq=False)
class SourceCell:
    """A cell of the notebook with its Python, and in a `Program` its top-level statements."""

    role: CellRole
    python: PythonCell
    tree: ast.Module
    stage: int | None
    statements: tuple[Statement, ...] = ()

    @property
    def index(self) -> int:
        """The cell's position in the notebook, from 1."""
        return self.role.cell.index


@dataclass
class Program:
    """An interpreted notebook in the order of its pipeline."""

    cells: list[SourceCell]
    statements: list[Statement]
    heap: Heap
    classes: Classes
    boundaries: Boundaries
    findings: list[Finding]
    inert: set[int] = field(default_factory=set)  # stages that hold only imports, definitions and settings

    @cached_property
    def cell_at(self) -> dict[int, SourceCell]:
        """The cells by their position in the notebook."""
        return {cell.index: cell for cell in self.cells}

    @cached_property
    def binders(self) -> dict[str, list[Statement]]:
        """The statements that bind each name, in order."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.binds:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def names(self) -> set[str]:
        """All names that the notebook binds or mentions."""
        mentioned = {n.id for cell in self.cells for n in walk(cell.tree) if isinstance(n, ast.Name)}
        return mentioned | self.binders.keys()

    @cached_property
    def names_read(self) -> set[str]:
        """All names that a statement reads, or that a function or class body may look up."""
        return {n for s in self.statements for n in (*s.reads, *inner_free_names(s.node))}

    @cached_property
    def imports(self) -> list[Statement]:
        """The import statements."""
        return [s for s in self.statements if isinstance(s.node, IMPORTS)]

    @cached_property
    def dotted_imports(self) -> set[str]:
        """`a.b` of each `import a.b`."""
        nodes = [s.node for s in self.imports if isinstance(s.node, ast.Import)]
        return {a.name for node in nodes for a in node.names if "." in a.name and not a.asname}


@dataclass(frozen=True)
class World:
    """What the analysis has to know beside the notebook: modules beside it, and whether frames copy on write."""

    modules: ModuleFiles = field(default_factory=ModuleFiles)
    copy_on_write: bool = True
    known: Knowledge = field(default_factory=Knowledge)


def analyse(cells: Sequence[SourceCell], stage_count: int, world: World) -> Program:
    """Interpret the cells in the order of the pipeline and work out what crosses between its stages.

    Where grouping the cells of a stage moves cells past each other, the notebook's own order is interpreted first, and
    every pair of cells that changes places must not notice it.
    """
    order = _with_statements(pipeline_order(cells))
    findings: list[Finding] = []
    in_place: list[Finding] = []
    if [c.index for c in order] != [c.index for c in cells]:
        in_notebook = _with_statements(cells)
        first, _, _ = _interpret(in_notebook, stage_count, world)
        findings += _check_moves(in_notebook, order, first)
        in_place = first.findings
    heap, entries, exits = _interpret(order, stage_count, world)
    if findings:
        # In the wrong order names lack that the notebook has: what lacks in the notebook itself is to be told.
        others = [finding for finding in heap.findings if finding.code not in ABOUT_NAMES]
        heap.findings = [finding for finding in in_place if finding.code in ABOUT_NAMES] + others
    statements = [s for cell in order for s in cell.statements]
    boundaries = Boundaries(heap, statements, entries, exits)
    writing = {cell.stage for cell in cells if cell.role.metrics or cell.role.plots}
    inert = _inert_stages(boundaries, stage_count) - writing
    if inert:
        for statement in statements:
            if statement.stage in inert:
                statement.stage = None
        boundaries = Boundaries(heap, statements, entries, exits)
    boundaries.solve()
    for stage in boundaries.stages:
        stage.rounds = LoadOrder(boundaries, stage).arrange()
    findings += _top_level_async(order, heap)
    findings += _untagged_settings(heap, boundaries)
    findings += _untagged_files(heap)
    findings += _stale_definitions(heap, boundaries)
    findings += heap.findings + boundaries.findings
    return Program(order, statements, heap, boundaries.classes, boundaries, _unique(findings), inert)


# What depends on which cells have run before.
ABOUT_NAMES = frozenset({"NB201", "NB202", "NB203", "NB204", "NB205"})


# Settings that belong to a context: a kernel runs a cell with a top-level `await` in a copy of it.
OF_CONTEXT = frozenset({"numpy", "decimal", "contextvars"})


def _top_level_async(cells: Sequence[SourceCell], heap: Heap) -> list[Finding]:
    """What waits for other tasks of the notebook's event loop cannot run in a script."""
    findings: list[Finding] = []
    for cell in cells:
        if any(is_async(node) for s in cell.statements for node in outside_functions(s.node)):
            for statement in cell.statements:
                if statement.sets & OF_CONTEXT:
                    text = "a kernel forgets this setting at the end of the cell, which has an `await`"
                    hint = "make the setting in a cell without `await`, or for a few lines by `with`"
                    findings.append(Finding("NB290", statement, statement.node, text=text, hint=hint))
        for statement in cell.statements:
            if found := refusal(statement, cell.statements, heap):
                text, hint = found
                findings.append(Finding("NB290", statement, statement.node, text=text, hint=hint))
    return findings


def _untagged_settings(heap: Heap, boundaries: Boundaries) -> list[Finding]:
    """Settings and seeds of untagged cells that a later stage would notice."""
    findings: list[Finding] = []
    for domain, shadow in heap.untagged_settings:
        for stage in boundaries.stages:
            later = [s for s in stage.statements if s.cell > shadow.cell]
            if not later:
                continue
            seed = domain in shadow.seeds
            noticing = (
                [s for s in later if domain in s.draws] if seed else later if boundaries.notices(stage, domain) else []
            )
            if noticing:
                text = f"the random state of {domain}" if seed else domain
                findings.append(Finding("NB207", noticing[0], noticing[0].node, text, hint=str(shadow.cell)))
                break
    return findings


_WRITES = ("write", "append", "update")


def _untagged_files(heap: Heap) -> list[Finding]:
    """Files that a stage reads as an untagged cell before it has written them last."""
    findings: list[Finding] = []
    for number, use in enumerate(heap.files if heap.untagged_writes else ()):
        before = [c for path, c in heap.untagged_writes if path == use.path and c < use.statement.cell]
        if use.mode != "read" or not before:
            continue
        last = max(before)
        mine = [(n, o.statement) for n, o in enumerate(heap.files) if o.path == use.path and o.mode in _WRITES]
        # A statement that rewrites what it has read does not make what it reads.
        if not any(
            last < s.cell and s.order <= use.statement.order and (s is not use.statement or n < number) for n, s in mine
        ):
            findings.append(Finding("NB204", use.statement, use.node, use.path or "", text="file", hint=str(last)))
    return findings


def _unique(findings: list[Finding]) -> list[Finding]:
    seen: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.statement.cell, getattr(finding.node, "lineno", 0), finding.name, finding.text)
        seen.setdefault(key, finding)
    return list(seen.values())


def pipeline_order(cells: Sequence[SourceCell]) -> list[SourceCell]:
    """The cells grouped by stage; a cell of no stage stays before the stage cell that follows it in the notebook."""
    keys: dict[int, tuple[int, int]] = {}
    following = max((c.stage for c in cells if c.stage is not None), default=0)
    for cell in reversed(cells):
        if cell.stage is not None:
            following = cell.stage
        keys[cell.index] = (following, cell.index)
    return sorted(cells, key=lambda cell: keys[cell.index])


def _with_statements(cells: Iterable[SourceCell]) -> list[SourceCell]:
    """The cells with new statements, numbered in this order."""
    made: list[SourceCell] = []
    position = 0
    for cell in cells:
        statements = _statements_of(cell, position)
        position += len(statements) + 1
        made.append(replace(cell, statements=tuple(statements)))
    return made


def _statements_of(cell: SourceCell, position: int) -> list[Statement]:
    """The statements of a cell that take part: of a cell without a stage tag only imports and definitions."""
    found: list[Statement] = []
    last_of = {_target(node): node for node in cell.tree.body}
    for text in cell.python.imports.values():
        node = ast.parse(text).body[0]
        found.append(Statement(position + len(found), cell.index, node, cell.stage, hidden=True))
    for node in cell.tree.body:
        if cell.role.role in (Role.UNTAGGED, Role.SKIP) and not is_inert_node(node):
            continue
        statement = Statement(position + len(found), cell.index, node, cell.stage)
        statement.shown = node is cell.tree.body[-1] and isinstance(node, ast.Expr)
        statement.param = cell.role.role is Role.PARAMETERS and is_parameter(node) and node is last_of[_target(node)]
        found.append(statement)
    for statement in found:
        statement.order = cell.index * 100_000 + statement.node.lineno
    return found


QUIET = Pattern(r"(warnings\.catch_warnings|contextlib\.suppress|catch_warnings|suppress)\([\w., ]*\)$")
FILTER = Pattern(r"(warnings\.)?(simplefilter|filterwarnings)\(")


def is_inert_node(node: ast.stmt) -> bool:
    """Whether a statement only imports or defines: `import x`, `def f`, `try: import x except ImportError: …`.

    So does a `with warnings.catch_warnings()` around such.
    """
    if isinstance(node, (*IMPORTS, *DEFINITIONS)):
        return True
    if isinstance(node, ast.With):
        quiet = all(QUIET.match(ast.unparse(item.context_expr)) and item.optional_vars is None for item in node.items)
        parts = [p for p in node.body if not FILTER.match(ast.unparse(p))]
        return quiet and bool(parts) and all(map(is_inert_node, parts))
    if isinstance(node, ast.Try):
        parts = [*node.body, *node.orelse, *node.finalbody, *(s for h in node.handlers for s in h.body)]
        if not any(isinstance(p, IMPORTS) for p in node.body):
            return False
        return all(is_inert_node(p) or isinstance(p, ast.Pass) or _is_flag(p) for p in parts)
    return False


def _is_flag(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


def is_parameter(node: ast.stmt) -> bool:
    """Whether a statement of a `parameters` cell binds one name to a literal that params.yaml can hold."""
    if isinstance(node, ast.Assign):
        target = node.targets[0] if len(node.targets) == 1 else None
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return False
    if not isinstance(target, ast.Name) or node.value is None:
        return False
    value = literal(node.value)
    return value is not NO_LITERAL and is_yaml_value(yaml_value(value))


def yaml_value(value: object) -> object:
    """A literal as YAML can hold it: a tuple becomes a list, and the script turns it back."""
    return list(value) if isinstance(value, tuple) else value


def _target(node: ast.stmt) -> str:
    """The name that a plain assignment binds."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


NO_LITERAL = object()


def literal(node: ast.expr) -> object:
    """The value of a literal expression; `NO_LITERAL` for anything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NO_LITERAL


NAMES_INDEX = Pattern(r"\.(index|columns)\.(names?|set_names|rename)\b")


def _names_indexes(cells: Sequence[SourceCell], trees: Sequence[ast.Module]) -> bool:
    """Whether the code sets the name of a frame's index, perhaps by a name for the index: `days = df.index`."""
    if any(NAMES_INDEX.search(cell.role.cell.source) for cell in cells):
        return True
    nodes = [node for tree in trees for node in walk(tree) if isinstance(node, ast.Attribute)]
    renamed = any(node.attr in ("name", "names") and isinstance(node.ctx, ast.Store) for node in nodes)
    return renamed and any(node.attr in ("index", "columns") for node in nodes)


# names through which an attribute may be set whose name stands nowhere
SETS_ANY = frozenset({"setattr", "vars", "exec", "eval", "__dict__", "__setattr__", "update_wrapper", "wraps", "patch"})


def _search_folders(trees: Iterable[ast.AST]) -> list[str]:
    """The folders that any text of the code may put on `sys.path`, and that of the project."""
    calls = [node for tree in trees for node in walk(tree) if isinstance(node, ast.Call) and _is_sys_path(node)]
    texts = [part.value for call in calls for part in walk(call) if isinstance(part, ast.Constant)]
    return ["", *sorted({search_folder(text) for text in texts if isinstance(text, str)} - {""})]


def _is_sys_path(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("path")


def _written_modules(trees: Iterable[ast.AST]) -> dict[str, str | None]:
    """The modules that `%%writefile` writes, with their texts."""
    found: dict[str, str | None] = {}
    for node in (node for tree in trees for node in walk(tree) if isinstance(node, ast.Call)):
        func = node.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr == "write_text"
            and isinstance(func.value, ast.Call)
            and node.args
        ):
            path, text = [literal(each) for each in (*func.value.args[:1], node.args[0])][-2:]
            if isinstance(path, str) and path.endswith(".py") and isinstance(text, str):
                found[posixpath.normpath(path)] = text
    return found


def _stored_attributes(trees: Iterable[ast.Module]) -> frozenset[str] | None:
    """The attributes that the code sets; None where any may be set, by a name that is worked out."""
    found: set[str] = set()
    for node in (node for tree in trees for node in walk(tree)):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in SETS_ANY:
            return None
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add(name)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)  # a field of a dataclass
    return frozenset(found)


def _generators(trees: Iterable[ast.Module]) -> tuple[frozenset[str], bool]:
    """The generators that what the code imports may draw from, and whether some of it may run on a GPU."""
    roots: set[str] = set()
    gpu = False
    for node in (node for tree in trees for node in walk(tree)):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Constant):
            gpu = gpu or (isinstance(node.value, str) and "cuda" in node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            gpu = gpu or node.func.attr == "cuda"  # `model.cuda()`
    used = {"random"} | {each.name for each in GENERATORS.values() if roots & each.packages}
    return frozenset(used), gpu or bool(roots & CHOOSE_DEVICE)


def _interpret(
    order: Sequence[SourceCell], stage_count: int, world: World
) -> tuple[Heap, list[dict[str, Var]], list[dict[str, Var]]]:
    """Run the abstract interpreter over the cells; the names at the entry and at the exit of each stage."""
    interpreter = Interpreter(world.copy_on_write, world.modules, world.known)
    heap = interpreter.heap
    trees = [cell.tree for cell in order]
    trees += reachable_trees(trees, world.modules, _search_folders(trees), _written_modules(trees))
    heap.stored_attributes = _stored_attributes(trees)
    heap.has_parameters = any(cell.role.role is Role.PARAMETERS for cell in order)
    heap.names_indexes = _names_indexes(order, trees)
    heap.generators, heap.uses_gpu = _generators(trees)
    for cell in order:
        for statement in cell.statements:
            if is_inert_node(statement.node):
                for name in top_level_names(statement.node):
                    heap.late_imports.setdefault(name, statement)
    entries: list[dict[str, Var]] = [{} for _ in range(stage_count)]
    exits: list[dict[str, Var]] = [{} for _ in range(stage_count)]
    last = {cell.stage: cell.index for cell in order}
    started: set[int] = set()
    for cell in order:
        if cell.stage is not None and cell.stage not in started:
            started.add(cell.stage)
            entries[cell.stage] = _names(heap.state)
        _run_cell(interpreter, cell)
        if cell.stage is not None and last[cell.stage] == cell.index:
            exits[cell.stage] = _names(heap.state)
    return heap, entries, exits


def _names(state: State) -> dict[str, Var]:
    return {key: var for key, var in state.delta.items() if isinstance(key, str)}


def _run_cell(interpreter: Interpreter, cell: SourceCell) -> None:
    heap = interpreter.heap
    for statement in cell.statements:
        if heap.state.dead:
            heap.state.dead = False
            heap.find("NB205", statement.node)
        start = heap.state
        try:
            interpreter.run(statement)
        except RecursionError:
            interpreter.recover(start)
            heap.find(
                "NB123",
                statement.node,
                text="this is nested too deeply to be followed",
                hint="write it in several statements",
            )
        if cell.role.role is Role.SETUP and statement.impure and isinstance(statement.node, ast.Expr):
            if not statement.draws and not any(use.statement is statement for use in heap.files):
                # The tag says it: this is to be repeated.
                statement.impure = False
                interpreter.process.setting("setup")
    _forget_empty_figures(cell.statements)
    if cell.role.role is Role.UNTAGGED and not cell.role.explicit:
        _run_shadow(interpreter, cell)
    elif cell.stage is not None and cell.python.has_magic:
        _check_timed(interpreter, cell)


def _forget_empty_figures(statements: Sequence[Statement]) -> None:
    """`fig = plt.figure()` in a cell that draws nothing: a notebook shows no picture of a figure without axes."""
    made = [s for s in statements if s.plots]
    drawing = {"matplotlib.pyplot.figure"} ^ {
        path
        for s in statements
        if not isinstance(s.node, ast.Import | ast.ImportFrom)
        for path in s.imports
        if path.startswith("matplotlib.")
    }
    names = {name for s in made for name in s.binds}
    if not made or drawing or any(s.reads.keys() & names or s.calls for s in statements):
        return
    for statement in made:
        statement.figures = 0
        statement.draws_current = statement.draws_perhaps = statement.plots_unsure = False


TIMED = Pattern(r"^\s*%%?timeit\s+(?:-\w+\s*\S*\s+)*(.*)$")


def _check_timed(interpreter: Interpreter, cell: SourceCell) -> None:
    """`%timeit f(x)` is left out: that is right only where running it changes nothing that is used later."""
    heap = interpreter.heap
    lines = cell.role.cell.source.split("\n")
    for number, line in enumerate(lines, 1):
        found = TIMED.match(line)
        if found is None or number not in cell.python.dropped:
            continue
        text = "\n".join([found[1], *lines[number:]]) if line.startswith("%%") else found[1]
        try:
            nodes = ast.parse(text.strip()).body
        except SyntaxError:
            continue
        base, findings, files = heap.state, len(heap.findings), len(heap.files)
        mentions, timed = len(heap.mentions), heap.timed
        heap.state, heap.timed = State(base), {}
        old = reach(v for var in _names(base).values() for v in var.values)
        heap.links = []
        for node in nodes:
            shadow = Statement(SHADOW, cell.index, node, cell.stage)
            interpreter.run(shadow)
            del heap.findings[findings:]
            finding = Finding("NB304", shadow, node, hint=str(number))
            if shadow.draws & heap.seeded or len(heap.files) > files:
                heap.findings.append(finding)
                findings += 1
            timed |= dict.fromkeys(shadow.known_changes & old, finding)
        del heap.findings[findings:], heap.files[files:], heap.mentions[mentions:]
        _unlink(heap)
        heap.state, heap.timed = base, timed


# The position of statements that are only looked at: behind everything, so that what they link counts nowhere.
SHADOW = 1 << 60


def _unlink(heap: Heap) -> None:
    """Take back what statements that were only looked at have linked."""
    for obj, held in heap.links or ():
        obj.contents -= held
        for each in held:
            obj.since.pop(each, None)
    heap.links = None


def _run_shadow(interpreter: Interpreter, cell: SourceCell) -> None:
    """Look at what an untagged cell would do, without doing it: a later stage must not depend on it."""
    heap = interpreter.heap
    base = heap.state
    findings, files, mentions = len(heap.findings), len(heap.files), len(heap.mentions)
    seeded, stars = set(heap.seeded), list(heap.star_modules)
    written, folders = dict(heap.written_modules), list(heap.search_paths)
    shadows, perhaps = dict(heap.shadows), heap.perhaps_shadowed
    heap.perhaps_shadowed = {}
    heap.state = State(base)
    old = reach(v for var in _names(base).values() for v in var.values)
    heap.links = []
    definitions = {statement.node: statement for statement in cell.statements}
    own: dict[str, Statement] = {}
    changed: dict[Obj, Statement] = {}
    guessed: dict[Obj, Statement] = {}
    for node in cell.tree.body:
        if is_inert_node(node):
            _note_stale(heap, definitions[node], own, changed, guessed)
            for name in definitions[node].binds:
                own.pop(name, None)
            continue
        shadow = Statement(SHADOW, cell.index, node, None)
        for name in sorted((_reads_of(node) & shadows.keys()) - own.keys()):
            if shadows[name].cell != cell.index:
                heap.shadow_needs.setdefault(cell.index, {}).setdefault(shadows[name].cell, set()).add(name)
        heap.shadows, heap.shadowed, kept = {}, {}, heap.shadowed
        heap.timed, timed = {}, heap.timed
        try:
            interpreter.run(shadow)
        except RecursionError:
            interpreter.recover(heap.state)
            heap.state = State(base)
        heap.shadowed, heap.timed = kept, timed
        own.update(dict.fromkeys(shadow.binds, shadow))
        changed.update(dict.fromkeys(shadow.outright & old, shadow))
        guesses = (shadow.changes - shadow.known_changes - shadow.outright) & old
        guessed.update(dict.fromkeys(guesses, shadow))
        for domain in sorted((shadow.sets - {"warnings"}) | shadow.seeds):
            heap.untagged_settings.append((domain, shadow))
    shadows.update(own)
    heap.shadowed.update(changed)
    perhaps.update(guessed)
    _unlink(heap)
    written_files = [use.path for use in heap.files[files:] if use.path and use.mode in _WRITES]
    heap.untagged_writes += [(path, cell.index) for path in written_files]
    heap.state = base
    base.dead = False
    heap.shadows, heap.perhaps_shadowed = shadows, perhaps
    heap.seeded, heap.star_modules = seeded, stars
    heap.written_modules, heap.search_paths = written, folders
    del heap.findings[findings:], heap.files[files:], heap.mentions[mentions:]


def _note_stale(
    heap: Heap,
    definition: Statement,
    bound: Mapping[str, Statement],
    changed: Mapping[Obj, Statement],
    guessed: Mapping[Obj, Statement],
) -> None:
    """What a definition of an untagged cell is made of, where statements of that cell above it make or change that.

    Stages repeat the definition without them: `limit = 2` above `def f(x=limit)`.
    """
    cell = str(definition.cell)
    for n, finding in enumerate(heap.findings):
        if finding.statement is definition and finding.code == "NB201" and finding.name in bound:
            heap.findings[n] = replace(finding, code="NB202", hint=cell)
    for name, var in definition.reads.items():
        reached = reach(var.values)
        if name in bound:
            heap.stale.append(Finding("NB202", definition, definition.node, name, hint=cell))
        elif reached & changed.keys():
            heap.stale.append(Finding("NB204", definition, definition.node, name, hint=cell))
        elif reached & guessed.keys():
            heap.stale.append(Finding("NB204", definition, definition.node, name, text="perhaps", hint=cell))


def _stale_definitions(heap: Heap, boundaries: Boundaries) -> list[Finding]:
    """Those of the definitions noted by `_note_stale` that a stage repeats."""
    repeated = {statement for stage in boundaries.stages for statement in stage.repeats}
    return [finding for finding in heap.stale if finding.statement in repeated]


def _reads_of(node: ast.stmt) -> set[str]:
    """The names that a statement looks up before it can have bound them itself."""
    simple = isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr)
    return looked_up(node) - (set() if simple else top_level_names(node))


def _inert_stages(boundaries: Boundaries, stage_count: int) -> set[int]:
    """Stages that do nothing of their own: what they hold goes where it is used."""

    def is_inert(statement: Statement) -> bool:
        node = statement.node
        in_module = boundaries.changes_only_modules(statement) and boundaries.replayable(statement)
        if not boundaries.repeatable(statement) and not in_module:
            return False
        settles = isinstance(node, ast.Expr) and (
            isinstance(node.value, ast.Constant) or statement.sets or statement.seeds or in_module
        )
        if is_inert_node(node) or settles:
            return True
        return isinstance(node, ast.Assign | ast.AnnAssign | ast.Pass) and not statement.changes

    inert = {stage.index for stage in boundaries.stages if all(map(is_inert, stage.statements))}
    if len(inert) == stage_count:
        return {s.index for s in boundaries.stages if all(is_inert_node(t.node) for t in s.statements)}
    return inert


# -- cells that change places


def _check_moves(cells: Sequence[SourceCell], order: Sequence[SourceCell], heap: Heap) -> list[Finding]:
    """Every pair of cells that grouping moves past each other must neither feed nor undo the other."""
    place = {cell.index: n for n, cell in enumerate(order)}
    findings: list[Finding] = []
    moves = Moves(cells, heap)
    for n, earlier in enumerate(cells):
        for later in cells[n + 1 :]:
            if place[earlier.index] < place[later.index]:
                continue
            clash = moves.clash(earlier.index, later.index)
            if clash and earlier.statements and later.statements:
                node = later.statements[0].node
                findings.append(Finding("NB206", later.statements[0], node, clash, hint=str(earlier.index)))
    return findings


class Moves:
    """Which cells cannot change places."""

    def __init__(self, cells: Sequence[SourceCell], heap: Heap) -> None:
        binders = Counter(n for c in cells for s in c.statements for n in s.binds)
        self.facts = {cell.index: _facts(cell, heap, binders) for cell in cells}
        self.wanted = {name for each in self.facts.values() for name in each.reads}

    def clash(self, one: int, two: int) -> str:
        """What one of two cells makes or changes and the other uses, by name; empty where there is nothing."""
        return _clash(self.facts[one], self.facts[two], self.wanted)


@dataclass
class _Facts:
    binds: set[str]
    reads: set[str]
    changes: set[object]
    reached: set[object]
    writes: set[str]
    files: set[str]
    names: dict[object, str]


def _facts(cell: SourceCell, heap: Heap, binders: Counter[str]) -> _Facts:
    facts = _Facts(set(), set(), set(), set(), set(), set(), {})
    for statement in cell.statements:
        inert = is_inert_node(statement.node)
        facts.binds |= {n for n in statement.binds if not inert or binders[n] > 1}
        facts.reads |= {n for n, v in statement.reads.items() if any(s.cell != cell.index for s in v.sites)}
        facts.changes |= statement.changes
        for name, var in statement.reads.items():
            for obj in reach(var.values):
                if obj.kind != "lib":
                    facts.reached.add(obj)
                    facts.names.setdefault(obj, name)
        if statement.sets:
            facts.changes |= {f"the {domain} settings" for domain in statement.sets}
        if not inert:
            facts.reached |= {f"the {s} settings" for s in interpreter_settings(heap)}
        if statement.seeds:
            facts.changes |= {f"the random state of {s}" for s in statement.seeds}
        facts.reached |= {f"the random state of {s}" for s in statement.draws}
    for use in heap.files:
        if use.statement.cell == cell.index:
            (facts.files if use.mode == "read" else facts.writes).add(use.path or "a file")
    facts.files |= {m.text for m in heap.mentions if m.statement.cell == cell.index}
    return facts


def interpreter_settings(heap: Heap) -> set[str]:
    """All domains of settings that were made so far."""
    return {str(k)[1:-10] for k in heap.state.delta if isinstance(k, str) and k.endswith(" settings>")}


def _shown(name: str) -> str:
    """A name as a message has it; `<helpers.TABLE>` is one of a module."""
    found = module_state(name)
    return f"`{found[1]}` of module `{found[0]}`" if found else f"`{name}`"


def _clash(one: _Facts, two: _Facts, wanted: set[str]) -> str:
    """The name of something that one of two cells makes or changes and the other uses; empty if there is none."""
    for a, b in ((one, two), (two, one)):
        names = a.binds & ((b.binds & wanted) | b.reads)
        if names:
            return _shown(min(names))
        for obj in a.changes & (b.changes | b.reached):
            found = a.names.get(obj) or b.names.get(obj)
            return _shown(found) if found else str(obj) if isinstance(obj, str) else "an object"
        paths = a.writes & (b.writes | b.files)
        if paths:
            return f"the file {min(paths)}"
    return ""
