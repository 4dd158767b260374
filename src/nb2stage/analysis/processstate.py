"""What statements do to the process: settings, registrations, functions that a library keeps, figures."""

from __future__ import annotations

import ast
from pathlib import PurePath

from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.modulefiles import search_folder
from nb2stage.analysis.objects import ATOM, InnerSetting, Values, Var, reach
from nb2stage.knowledge import Effect
from nb2stage.trees import walk


class ProcessState:
    """Writes down what is done to the process."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap

    def apply_state(self, effect: Effect, arguments: list[Argument], node: ast.AST) -> None:
        if effect.registers:
            self.register(arguments)
        if effect.sets and (arguments or not effect.asks):
            self.setting(effect.sets)
            self.hook(frozenset().union(*(a.values for a in arguments)))
            if effect.sets == "syspath":
                self.add_search_paths(arguments, node)
        if effect.plots:
            self.note_plot(node, effect.plots)

    def add_search_paths(self, arguments: list[Argument], node: ast.AST) -> None:
        """Folders of `sys.path`: those that are inserted come first.  One that is not known may be the project's."""
        given = {search_folder(str(c)) for a in arguments for c in a.constants or () if isinstance(c, str | PurePath)}
        if any(a.constants is None for a in arguments) and self.heap.module_files.above:
            given.add(self.heap.module_files.above)
        found = sorted(given - set(self.heap.search_paths))
        self.heap.search_paths[:] = (
            found + self.heap.search_paths if self.heap.name_of(node) == "insert" else self.heap.search_paths + found
        )

    def note_plot(self, node: ast.AST, plots: int) -> None:
        """Write down a figure: 1 exactly one new one, 2 pyplot's current one, 3 perhaps."""
        statement = self.heap.statement
        if not plots:
            return
        if plots == 2 and self.heap.depth:
            statement.draws_perhaps = True
        elif plots == 3 or self.heap.depth:
            statement.plots_unsure = True
        elif plots == 1:
            statement.figures += 1
        else:
            statement.draws_current = True

    def setting(self, domain: str) -> None:
        """A setting of the process is made; inside a `with` that takes it back it does not last."""
        if self.heap.temporary:
            return
        key = f"<{domain} settings>"
        before = self.heap.state.get(key)
        self.heap.set(key, Var(ATOM, before.sites | {self.heap.statement}))
        self.heap.statement.sets.add(domain)
        self.heap.statement.inner_settings.append(self.inner_setting(domain))

    def inner_setting(self, domain: str) -> InnerSetting:
        """What is known of the line that makes a setting inside a function, in case it has to be made again."""
        reads: dict[str, Var] = {}
        node = self.heap.current
        certain = self.heap.frame is not None and not (
            self.heap.ways or self.heap.loops or self.heap.guesses or self.heap.blind_depth
        )
        if not certain or not isinstance(node, ast.Expr | ast.Assign):
            return InnerSetting(None, domain, {})
        for part in walk(node):
            if isinstance(part, ast.Name):
                key = self.heap.resolve(part.id)
                var = self.heap.state.get(key)
                library = bool(var.values) and all(o.kind == "lib" for o in var.values)
                if not isinstance(key, str) or not isinstance(part.ctx, ast.Load) or (var.sites and not library):
                    return InnerSetting(None, domain, {})
                if var.sites:
                    reads[key] = var
        return InnerSetting(node, domain, reads)

    def register(self, arguments: list[Argument]) -> None:
        """Something is found under a name from now on, which is the first argument: `.lab`."""
        names = arguments[0].constants if arguments else None
        for name in sorted(map(str, names)) if names else ["registered names"]:
            self.setting("." * bool(names) + name)

    def hook(self, values: Values) -> None:
        """A library keeps functions of the notebook, and calls them whenever it likes."""
        for obj in values:
            if obj.kind in ("function", "bound") and not self.heap.temporary:
                self.heap.hooks.setdefault(obj, self.heap.statement)

    def guess_setting(self, path: str, arguments: list[Argument], node: ast.AST) -> None:
        """A call of which nothing is known, that stands alone and is given no data, does what it does to the process."""
        root = path.partition(".")[0]
        if node is not self.heap.alone or self.heap.temporary or root == "builtins" or root in self.heap.opaque_modules:
            return
        given = reach(frozenset().union(*(a.values for a in arguments)))
        if all(o.kind in ("lib", "function", "class") or o in self.heap.made for o in given):
            self.heap.statement.guesses.setdefault("library " + root, path)
