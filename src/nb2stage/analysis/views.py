"""Views of memory that changes later: a file would keep them as copies, so they are made again by their statements.

`vars(x)` is such a view of `x`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from nb2stage.analysis.crossings import Need, StageData
from nb2stage.analysis.objects import Obj, Var, fields_of
from nb2stage.analysis.versions import Versions
from nb2stage.analysis.vocabulary import DATA, FRAMES


class Views(Versions):
    """Finds the views among what a stage needs."""

    def rebuild_views(self, stage: StageData, group: list[str]) -> bool:
        """Views of memory that changes later are made again by their statements: a file would keep them as copies.

        Whether anything was rebuilt, so that the needs have to be looked at again.
        """
        start = self.start(stage)
        clash = self.shared_memory(stage, group, start)
        if not clash:
            return False
        for name in sorted(group, key=lambda n: -max(s.position for s in stage.needs[n].sites)):
            need = stage.needs[name]
            if name not in stage.rebuilt and self.is_view_of(need, clash) and self.can_rebuild(stage, need):
                site = next(iter(need.sites))
                stage.rebuilt |= site.binds
                stage.files -= site.binds
                stage.files |= {n for n, var in site.reads.items() if self.reach(var.values, start) & clash}
                return True
        return False

    def memory(self, values: Iterable[Obj], before: int) -> set[Obj]:
        """What a file would hold: all that is reached, but not what a view is a view of."""
        seen = frontier = set(values)
        while frontier:
            found: set[Obj] = set()
            for obj in frontier:
                found |= obj.contents_before(before)
                if obj.fields:
                    found |= fields_of(obj, before) - obj.fields.get("base", frozenset())
            frontier = found - seen
            seen = seen | frontier
        return seen

    def shared_memory(self, stage: StageData, group: Iterable[str], start: int) -> set[Obj]:
        """Arrays that change later and that a file with these names would hold twice: whole and as a view, or as two."""
        held: dict[Obj, set[str]] = defaultdict(set)
        for name in group:
            if name not in stage.rebuilt:
                for obj in self.memory(stage.needs[name].values, start):
                    held[obj].add(name)
        views: dict[Obj, set[Obj]] = defaultdict(set)
        for obj, names in held.items():
            for base in _bases(obj) if "base" in obj.fields else ():
                if self.is_of_torch(obj) and self.is_of_torch(base):
                    continue  # whose file keeps the memory that they share
                if names == held.get(base) and obj in base.fields.get("attrs", ()):
                    continue  # it lies in its frame and nowhere else
                either = stage.needs[min(names)].values
                if names == held.get(base) == {min(names)} and {obj, base} <= either:
                    continue  # the name refers to one of the two
                views[base].add(obj)
        return {
            base
            for base, parts in views.items()
            if (base in held or len(parts) > 1) and self.is_noticed_in(base, parts, start)
        }

    def is_noticed_in(self, base: Obj, parts: set[Obj], start: int) -> bool:
        """Whether a change shows that parts of an object are views: of what is no array only what changes memory."""
        known = {part for part in parts if part.type}
        if known and (base.type in {*DATA, "", "namespace", "list", "dict", "scipy"} or "." in base.type):
            known.add(base)
        unknown = {base, *parts} - known
        return any(self.is_noticed(o, start) for o in known) or any(
            s.position >= start and o in s.stores for o in unknown for s in self.changers.get(o, ())
        )

    def is_noticed(self, obj: Obj, start: int) -> bool:
        """Whether it can be told from a position on that an object is not the one that it was."""
        compared = obj.type == "namespace" and obj in self.heap.identities
        return compared or self.is_changed(obj, start)

    def is_changed(self, obj: Obj, start: int) -> bool:
        """Whether something changes an object from a position on: an array certainly, not only an unknown call."""
        return any(
            s.position >= start and (obj in s.known_changes or obj.type == "namespace")
            for s in self.changers.get(obj, ())
        )

    def is_view_of(self, need: Need, clash: set[Obj]) -> bool:
        return any(base in clash for obj in need.values for base in _bases(obj))

    def can_rebuild(self, stage: StageData, need: Need) -> bool:
        """Whether the one statement that made a view gives the same view when it is run again now."""
        if len(need.sites) != 1:
            return False
        site = next(iter(need.sites))
        node = site.node
        if not isinstance(node, ast.Assign) or site.calls or site.changes or site.once or site.draws:
            return False
        if site.impure and (
            site in self.files_of or not (_is_view(node.value) or all(map(_is_library_view, need.values)))
        ):
            return False
        entry = self.entries[stage.index]
        if any(entry.get(n, Var()).sites != {site} for n in site.binds):
            return False
        read = self.reach(frozenset(o for var in site.reads.values() for o in var.values), site.position)
        if not any(_bases(obj) & read for obj in need.values):
            return False  # it makes what others are views of: made again, it would be without later changes
        for name, var in site.reads.items():
            now = entry.get(name)
            if now is None or now.sites != var.sites:
                return False
            changed = [s for o in self.reach(var.values, site.position) for s in self.changers.get(o, ())]
            # Whether a selection from a frame is a view depends on the version of pandas and on the types of columns.
            of_frames = any(base.type in FRAMES for obj in need.values for base in _bases(obj))
            certain = (_is_slice(node.value) and not of_frames) or all(obj.certain_view for obj in need.values)
            if any(site.position < s.position < self.start(stage) for s in changed) and not certain:
                return False
        return True


def _bases(obj: Obj) -> set[Obj]:
    """What an object is a view of, at the end of a chain of views."""
    found: set[Obj] = set()
    todo = list(obj.fields.get("base", ()))
    while todo:
        base = todo.pop()
        if base not in found:
            found.add(base)
            todo.extend(base.fields.get("base", ()))
    return found


def _is_library_view(obj: Obj) -> bool:
    """Whether an object of a library was made as a view, and owns nothing."""
    return "." in obj.type and bool(obj.fields.get("base"))


def _is_view(node: ast.expr) -> bool:
    """Whether an expression only selects: `a[1:]`, `a.T`, `a.reshape(2, 3)`, or a tuple of such."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_view(e) for e in node.elts)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_view(node.func)
    if isinstance(node, ast.Subscript | ast.Attribute):
        return _is_view(node.value) or isinstance(node.value, ast.Name)
    return False


def _is_slice(node: ast.expr) -> bool:
    """Whether an expression is certainly a view: basic indexing with slices, a transpose, or `vars(x)`."""
    if isinstance(node, ast.Tuple):
        return all(_is_slice(e) for e in node.elts)
    if isinstance(node, ast.Attribute):
        return node.attr in ("T", "__dict__")
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "vars"
    if not isinstance(node, ast.Subscript):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(isinstance(p, ast.Slice) for p in parts) and all(
        isinstance(p, ast.Slice) or (isinstance(p, ast.Constant) and not isinstance(p.value, bool)) for p in parts
    )
