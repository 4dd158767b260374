"""Paths as the notebook has them, which begin in its own folder -> paths as dvc.yaml has them, which begin in the project.

Also: where a script works, and what it has to write for a path.  A notebook that lies in the project folder needs nothing.
Of another one, a stage whose paths are all known and written out in its own calls gets the project's paths in their place.
Any other stage changes to the notebook's folder at its beginning, so that all of its paths mean what they mean there.
"""

from __future__ import annotations

import ast
import os
import posixpath
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.fileuses import PATH_METHODS
from nb2stage.analysis.notes import FileUse
from nb2stage.analysis.objects import Statement
from nb2stage.knowledge import BY_KEY
from nb2stage.patterns import Pattern
from nb2stage.planning.fileversions import is_in_place, is_named
from nb2stage.planning.stageplan import CacheFile, StagePlan, Surroundings
from nb2stage.records import replace
from nb2stage.trees import walk

if TYPE_CHECKING:
    from nb2stage.reading.tags import CellRole

# What gives the working directory, or depends on it.
_ASKS: Final = frozenset(
    ("getcwd", "getcwdb", "cwd", "abspath", "realpath", "relpath", "resolve", "absolute", "samefile")
)
# Methods that use a file where what they are called on is a path, and that nothing else has.
_OF_PATHS: Final = (PATH_METHODS.keys() | {"open"}) - {"replace", "rename"}
# Calls that write a file and give nothing that names it.
_SILENT: Final = frozenset(
    (
        "open",
        "write_text",
        "write_bytes",
        "savefig",
        "save",
        "savez",
        "savez_compressed",
        "savetxt",
        "imsave",
        "imwrite",
    )
)
# Calls that read a file at once.
_EAGER: Final = frozenset(("open", "load", "loadtxt", "genfromtxt", "imread"))
_LIKE_A_PATH: Final = Pattern(r"^\.\.?[/\\]|^\.\.$|^[^\s:/\\][^\s:]*[/\\][^\s]*\.\w{1,8}$")
# Values that keep no path of a file which they read later.
_PLAIN: Final = frozenset(
    ("scalar", "DataFrame", "Series", "array", "Index", "scikit-learn", "statsmodels", "list", "dict", "tuple", "set")
)


def folder_of(notebook: str) -> str:
    """The folder in which a notebook lies, from the project; empty for the project's own."""
    return notebook.rpartition("/")[0]


def located(path: str, folder: str) -> str:
    """A path that begins in `folder`, as it begins in the project; an absolute one and a URL stay."""
    if "://" in path or path.startswith(("/", "~")) or (os.name == "nt" and os.path.isabs(path)):  # noqa: PTH117
        return path
    plain = path.replace("\\", "/") if os.name == "nt" else path
    return posixpath.normpath(posixpath.join(folder, plain)) if folder or ".." in plain else path


def spelled(path: str, folder: str) -> str:
    """A path of the project as the notebook writes it."""
    if not folder or "://" in path or path.startswith(("/", "~")):
        return path
    return posixpath.relpath(path, folder)


def locate(program: Program, folder: str) -> None:
    """Give all files and modules that the analysis has found the paths that they have in the project."""
    for use in program.heap.files:
        use.path = located(use.path, folder) if use.path is not None else None
    for module in program.heap.modules.values():
        module.path = located(module.path, folder) if module.path else ""
        module.reads = [located(path, folder) for path in module.reads]


def with_locations(roles: Iterable[CellRole], folder: str) -> tuple[CellRole, ...]:
    """The roles with the paths of `#| deps:` and `#| outs:` as they are in the project."""
    return tuple(
        replace(
            role,
            deps=tuple(located(path, folder) for path in role.deps),
            outs=tuple(located(path, folder) for path in role.outs),
        )
        for role in roles
    )


# -- where a script works --------------------------------------------------------------------------------------------


class Workplaces:
    """Decides for each stage whether its script works in the project folder or in that of the notebook."""

    def __init__(self, program: Program, around: Surroundings) -> None:
        self.program, self.around = program, around
        self.uses: dict[Statement, list[FileUse]] = {}
        for use in program.heap.files:
            self.uses.setdefault(use.statement, []).append(use)
        self.by_place = {use.place: use for use in program.heap.files if use.place is not None}
        self.seen = {id(use.node) for use in program.heap.files}
        self.known = {use.path for use in program.heap.files}

    def plan(self, stages: Sequence[StagePlan]) -> None:
        """Fill in `home`, and in `moved` the paths that stand in a call and begin in the project now."""
        there: set[str] = set()  # the stages that work in the notebook's folder
        for plan in stages if self.around.folder else ():
            moved = self.moved(plan)
            keeps = any(file.source in there and not is_plain(file) for file in plan.loads)
            lazy = not all(map(is_plain, plan.saves)) and any(self.reads_later(place) for place in moved or ())
            if moved is None or keeps or lazy:
                plan.home = self.around.folder
                there.add(plan.name)
            else:
                plan.moved.update(moved)

    def moved(self, plan: StagePlan) -> dict[ast.AST, str] | None:
        """The paths in the calls of a stage, as they begin in the project; None where that does not say it all."""
        own = [*plan.data.statements, *plan.data.repeats, *(s for m in plan.definitions for s in m.statements)]
        found: dict[ast.AST, str] = {}
        settled: set[ast.AST] = set()
        for statement in own:
            if statement.unknown:
                return None
            if "syspath" in statement.sets:
                place = search_path(statement.node)
                if place is None:
                    return None
                found[place] = located(str(place.value), self.around.folder)
                settled.update(walk(statement.node))
            for use in self.uses.get(statement, ()):
                if use.path is not None and ("://" in use.path or use.path.startswith("/")):
                    continue
                if use.place in plan.moved:
                    continue
                path = self.written_out(use)
                is_here = statement.stage == plan.data.index or statement in plan.data.repeats
                if path is None or shows_path(use) or not is_here:
                    return None
                assert use.place is not None
                found[use.place] = path
        modules = self.program.boundaries.modules_of(plan.data)
        if {module.path for module in modules if module.path} != set(plan.local_modules):
            return None  # one that could not be followed
        trees = [*(s.node for s in own), *(module.node for module in modules)]
        done = {*found, *plan.moved, *settled}
        if any(self.depends_on_folder(node) for tree in trees for node in walk(tree) if node not in done):
            return None
        if any(isinstance(param.value, str) and self.may_be_path(param.value) for param in plan.params):
            return None
        return found

    def written_out(self, use: FileUse) -> str | None:
        """The path in a call as it begins in the project, where the call itself has it as a text."""
        place = use.place
        if use.path is None or not isinstance(place, ast.Constant) or not isinstance(place.value, str):
            return None
        path = located(place.value, self.around.folder)
        is_whole = use.path == path or use.path.startswith(f"{path}.")  # to which a library adds a suffix
        return path if is_whole and is_in_place(use) else None

    def reads_later(self, place: ast.AST) -> bool:
        """Whether what a call gives may read the file of this path when it is asked for something."""
        use = self.by_place.get(place)
        if use is None or use.mode not in ("read", "read-if-there"):
            return False
        name = called(use)
        is_lazy = any(path.partition(".")[0] in ("dask", "xarray") for path in use.statement.imports)
        return is_lazy or not (name in _EAGER or name.startswith("read_"))

    def depends_on_folder(self, node: ast.AST) -> bool:
        """Whether a node asks for the working directory, or holds a relative path."""
        if isinstance(node, ast.Attribute):
            return node.attr in _ASKS
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OF_PATHS:
            return id(node) not in self.seen  # of a value of which nobody knows that it is a path
        if isinstance(node, ast.Name):
            return node.id in _ASKS
        return isinstance(node, ast.Constant) and isinstance(node.value, str) and self.may_be_path(node.value)

    def may_be_path(self, text: str) -> bool:
        """Whether a text is a relative path, by its look or because something is there."""
        if not text or len(text) > 200 or "\n" in text or "://" in text or text.startswith("/"):
            return False
        if _LIKE_A_PATH.search(text):
            return True
        path = located(text, self.around.folder)
        return self.around.exists(path) or path in self.known


def search_path(statement: ast.stmt) -> ast.Constant | None:
    """The folder in `sys.path.append("..")`, also as an absolute path; None where it is not all that says which."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) not in ("sys.path.append", "sys.path.insert"):
        return None
    nodes = [node for argument in call.args for node in walk(argument)]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    parts = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    is_plain = names <= {"os", "str", "Path", "pathlib"} and parts <= {"path", "abspath", "realpath", "resolve", "Path"}
    return texts[0] if len(texts) == 1 and is_plain else None


def shows_path(use: FileUse) -> bool:
    """Whether the notebook may see the path again: a list of files has it, and so may what a writing call gives."""
    if use.mode in ("glob", "unknown", "command", "connect") or is_named(use):
        return True
    if use.mode not in ("write", "append") or (isinstance(use.statement.node, ast.Expr) and not use.statement.shown):
        return False
    name = called(use)
    return not (name in _SILENT or name.startswith("to_"))


def called(use: FileUse) -> str:
    """The last name of the call that uses a file."""
    func = use.node.func if isinstance(use.node, ast.Call) else None
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def is_plain(file: CacheFile) -> bool:
    """Whether a file holds nothing that may keep the path of another one, to read it later."""
    if "tensors" in file.transfer.contents.traits:
        return True
    kinds = (file.kinds.get(name, "") for name in file.transfer.names if name not in BY_KEY)
    return all(set(kind.split(" | ")) <= _PLAIN for kind in kinds)
