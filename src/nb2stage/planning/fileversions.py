"""A file that several stages write: DVC takes it as the out of one stage only, so what it holds in between lies in the cache.

The last stage that writes the file writes it where the notebook does.  The stages before it write to `cache/STAGE/`, and
those that read in between read from there: in the script another path stands in the place of the notebook's.  A stage
that goes on with what an earlier one wrote begins with a copy of it.

That needs a path that stands in the call, or in a name that is bound once.  Where it does not, or where anything else may
ask for the file in between, the planner of the files refuses, as DVC does.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.notes import FileUse
from nb2stage.analysis.objects import Statement
from nb2stage.diagnostics import Severity
from nb2stage.planning.messages import Notes
from nb2stage.planning.stageplan import StagePlan, Surroundings, normal
from nb2stage.records import dataclass, replace
from nb2stage.trees import walk

CHANGES = ("write", "append", "update", "remove")
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.With)
_PERHAPS = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BODIES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass
class _Part:
    """What one stage does with the file, in order; also where it is not known which file it is."""

    path: str
    plan: StagePlan
    uses: list[FileUse]

    def begins(self) -> int | None:
        """From which use on the stage has a file of its own, whatever was there before; None where it needs that."""
        for number, use in enumerate(self.uses):
            if self.is_change(use):
                return number if use.mode == "write" and _is_certain(use) else None
        return None

    @property
    def changes(self) -> bool:
        return any(self.is_change(use) for use in self.uses)

    def is_change(self, use: FileUse) -> bool:
        return use.mode in CHANGES and use.path is not None and normal(use.path) == self.path


class FileVersions:
    """Finds the files that several stages write, and gives what lies between a path of its own."""

    def __init__(
        self, stages: Sequence[StagePlan], uses: Sequence[FileUse], program: Program, around: Surroundings, notes: Notes
    ) -> None:
        self.stages, self.uses, self.program, self.around, self.notes = stages, uses, program, around, notes
        self.taken = {file.path.lower() for plan in stages for file in plan.saves}
        self.repeated = {s for plan in stages for s in plan.data.repeats}

    def plan(self) -> list[FileUse]:
        """The uses, with the paths that they have in the scripts; `moved` and `copies` of the stages are filled in."""
        writers: dict[str, set[int | None]] = {}
        for use in self.uses:
            if use.path is not None and use.mode in CHANGES:
                writers.setdefault(normal(use.path), set()).add(use.statement.stage)
        found: dict[FileUse, FileUse] = {}
        for path in sorted(path for path, stages in writers.items() if len(stages) > 1 and "://" not in path):
            parts = self.parts(path)
            changing = [number for number, part in enumerate(parts) if part.changes]
            if len(changing) > 1 and self.is_plain(path, parts, changing[-1]):
                found.update(self.divide(path, parts, changing[-1]))
        return [found.get(use, use) for use in self.uses]

    def parts(self, path: str) -> list[_Part]:
        """The uses of a file by stage; of a folder or a pattern that the file is in, too."""
        mine = [(use, use.statement.stage) for use in self.uses if _concerns(use, path)]
        by_index = {plan.data.index: plan for plan in self.stages}
        order = {plan.data.index: place for place, plan in enumerate(self.stages)}
        indices = sorted({stage for _, stage in mine if stage in by_index}, key=lambda index: order[index])
        return [_Part(path, by_index[i], [use for use, stage in mine if stage == i]) for i in indices]

    def is_plain(self, path: str, parts: Sequence[_Part], last: int) -> bool:
        """Whether the path of each use up to the last change can be another in the script, and nothing else sees it."""
        first = parts[0].uses[0]
        fresh = not self.around.exists(path) or path in self.around.known_outs
        if not (fresh and first.mode in ("write", "append")) and parts[0].begins() != 0:
            return False
        if any(path in (*cell.role.deps, *cell.role.outs) for plan in self.stages for cell in plan.cells):
            return False
        places: set[ast.AST] = set()
        for number, part in enumerate(parts[: last + 1]):
            begins = part.begins()
            for place, use in enumerate(part.uses):
                if use.statement in self.repeated or is_named(use):
                    return False
                if number == last and (begins is None or place >= begins):
                    continue  # the path stays
                if use.mode not in ("read", "write", "append", "update") or not is_in_place(use):
                    return False
                assert use.place is not None
                if use.place in places and begins and place >= begins:
                    return False  # one call that reads the old file and then the new one
                places.add(use.place)
        until = max(use.statement.position for use in parts[last].uses)
        before = [s for s in self.program.statements if s.position <= until and s.stage != parts[last].plan.data.index]
        return self.say_all(PurePosixPath(path).name, places, before)

    def say_all(self, file: str, places: Iterable[ast.AST], statements: Sequence[Statement]) -> bool:
        """Whether the paths of these calls are all that says the file's name: a call that is not known may read it, too."""
        bound = Counter(name for s in self.program.statements for name in s.binds)
        names = {
            s.node.targets[0].id: s
            for s in self.program.statements
            if isinstance(s.node, ast.Assign) and isinstance(s.node.targets[0], ast.Name) and len(s.node.targets) == 1
            if not s.param and bound[s.node.targets[0].id] == 1 and _says(s.node.value, file)
        }
        inside = {id(node) for place in places for node in walk(place)}
        defining = {id(s) for s in names.values()}
        for place in places:
            named = isinstance(place, ast.Name) and place.id in names
            if not named and not any(_says(node, file) for node in walk(place)):
                return False
        for statement in statements:
            for node in walk(statement.node):
                mentioned = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
                if (mentioned or (_says(node, file) and id(statement) not in defining)) and id(node) not in inside:
                    return False
        return True

    def divide(self, path: str, parts: Sequence[_Part], last: int) -> Iterator[tuple[FileUse, FileUse]]:
        """The uses with other paths; at the end the file lies where the notebook has it."""
        before, kept = "", []
        for number, part in enumerate(parts[: last + 1]):
            own = path if number == last else self.cache_path(part.plan, path) if part.changes else before
            begins = part.begins()
            if part.changes and begins is None and before:
                part.plan.copies.append((before, own))
            for place, use in enumerate(part.uses):
                new = before if begins and place < begins else own
                if new != path:
                    assert use.place is not None
                    part.plan.moved[use.place] = new
                yield use, replace(use, path=new)
            if part.changes and number < last:
                kept.append(own)
            before = own
        names = ", ".join(f"`{part.plan.name}`" for part in parts if part.changes)
        message = f"`{path}` is written by several stages, {names}: what it holds in between lies in {', '.join(kept)}"
        self.notes.add(Severity.NOTE, "NB414", message, statement=parts[0].uses[0].statement)

    def cache_path(self, plan: StagePlan, path: str) -> str:
        """A path in the stage's folder of the cache that no other file has."""
        pure, number = PurePosixPath(path), 1
        found = f"cache/{plan.name}/{pure.name}"
        while found.lower() in self.taken:
            number += 1
            found = f"cache/{plan.name}/{pure.stem}_{number}{pure.suffix}"
        self.taken.add(found.lower())
        return found


def _says(node: ast.AST, file: str) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and file in node.value


def _concerns(use: FileUse, path: str) -> bool:
    """Whether a use is, or may be, one of this file."""
    if use.path is None:
        return True
    other = normal(use.path)
    if use.mode == "glob":
        return other in (".", "") or path.startswith(other + "/") or fnmatch(path, other)
    return other == path or (use.mode != "mkdir" and path.startswith(other + "/"))


def _is_certain(use: FileUse) -> bool:
    """Whether a use happens whenever its statement runs, and once."""
    around = _around(use.statement.node, use.node)
    return around is not None and not any(
        isinstance(node, _PERHAPS) or (isinstance(node, ast.stmt) and not isinstance(node, _SIMPLE)) for node in around
    )


def _around(tree: ast.AST, wanted: ast.AST) -> list[ast.AST] | None:
    """The nodes from a tree down to a node in it; None where it is not in it, as with a call in a function."""
    if tree is wanted:
        return [tree]
    for child in ast.iter_child_nodes(tree):
        found = _around(child, wanted)
        if found is not None:
            return [tree, *found]
    return None


def is_in_place(use: FileUse) -> bool:
    """Whether the path is known exactly, and the call stands in the statement itself."""
    if use.place is None:
        return False
    around = _around(use.statement.node, use.place)
    return around is not None and not any(isinstance(node, _BODIES) for node in around)


def is_named(use: FileUse) -> bool:
    """Whether the statement may ask the open file for its name."""
    return any(isinstance(node, ast.Attribute) and node.attr == "name" for node in walk(use.statement.node))
