"""Stages + the existing text -> dvc.yaml.

Fresh text is in the manner in which DVC writes the file itself.  Existing text is never dumped again: the entries
that change are spliced into it, and comments, foreign stages, other keys and the user's layout survive to the byte.
The result is read again and compared with what was wanted before anybody gets to see it.
"""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.top_plots import plain_y
from nb2stage.texts.yamltext import (
    content_end,
    entry_lines,
    flow_text,
    insertion,
    line_end,
    line_start,
    newline_of,
    read_yaml,
    same,
    scalar_text,
    splice,
    stop,
    yaml_nodes,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from nb2stage.planning.pipeline import DvcStage, Out
    from nb2stage.texts.yamltext import Edit

# What we own of a stage; the order is that in which DVC writes the keys of a stage.
_OWNED: Final = ("cmd", "deps", "params", "outs", "metrics", "plots")
_KEYS: Final = ("cmd", "wdir", "deps", "params", "vars", "outs", "metrics", "plots", "frozen", "meta", "desc")
_OUTPUTS: Final = ("outs", "metrics", "plots")
_PLOT_FLAGS: Final = frozenset({"template", "x", "y", "x_label", "y_label", "title", "header"})
_BLOCK_HINT: Final = "write it in block style, one `key: value` on a line"

_Fields = dict[str, Any]


class Base(NamedTuple):
    """What there was before: the stages that we wrote last time, and the new names of those that are renamed."""

    stages: Mapping[str, Mapping[str, Any]] = {}
    renamed: Mapping[str, str] = {}


class Update(NamedTuple):
    """A new dvc.yaml: its text, the stages that the user took out, the places (stage, field) of marked conflicts, and the
    text without the marks, with what the user has."""

    text: str
    left_out: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    unmarked: str = ""


def update_dvc_yaml(
    existing: str | None, stages: Sequence[DvcStage], removed: Collection[str] = (), path: str = "dvc.yaml"
) -> str:
    """dvc.yaml with all `stages` in it, without those in `removed`, everything else as it was.

    What is there already as data stays to the byte, however the user formatted it.
    """
    return merge_dvc_yaml(existing, stages, removed, Base(), path).text


def merge_dvc_yaml(
    existing: str | None,
    stages: Sequence[DvcStage],
    removed: Collection[str],
    base: Base,
    path: str = "dvc.yaml",
    source: str = "nb2stage",
) -> Update:
    """dvc.yaml with all `stages` in it, and with what the user did to those that we wrote last time, `base`.

    An entry that the user added or took out of a list stays added or out, and so does a whole stage; flags of an out are
    the user's once they differ from ours.  Only a `cmd` can be changed by both sides: the conflict is marked.
    """
    if existing is None:
        fresh = "".join(line + "\n" for line in _fresh({s.name: _wanted(s, None, None, path) for s in stages}))
        return Update(fresh, unmarked=fresh)
    existing, known = _renamed(existing, base, path)
    old, root = _read(existing, path)  # the reader of YAML is slow to load
    there = old.get("stages") or {}
    left_out = tuple(s.name for s in stages if s.name in known and s.name not in there)
    was = {new: name for name, new in base.renamed.items()}
    wanted = {
        stage.name: _wanted(
            stage,
            _moved(there.get(stage.name), was.get(stage.name), stage.name),
            _moved(known.get(stage.name), was.get(stage.name), stage.name),
            path,
        )
        for stage in stages
        if stage.name not in left_out
    }
    gone = {name for name in removed if name in there and name not in wanted}
    if root is None:
        text = splice(existing, [insertion(existing, len(existing), _fresh(wanted), 0)]) if wanted else existing
    else:
        text = _Editor(existing, root, path).update(there, wanted, gone)
    if not _is_right(text, old, wanted, gone, path):
        hint = "remove anchors, aliases, merge keys and `?` keys (`&`, `*`, `<<`) from our stages"
        raise stop("NB602", path, None, "the stages cannot be written without changing something else", hint)
    conflicts = [s for s in stages if s.name in wanted and _cmd(s, there.get(s.name), known.get(s.name)) is None]
    unmarked = text
    for stage in conflicts:
        text = _with_conflict(text, stage, path, source)
    return Update(text, left_out, tuple((stage.name, "cmd") for stage in conflicts), unmarked)


def _renamed(existing: str, base: Base, path: str) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """The text in which renamed stages have their new names already, and what we wrote of them last time."""
    known = {base.renamed.get(name, name): fields for name, fields in base.stages.items()}
    edits = []
    old, root = _read(existing, path) if base.renamed else ({}, None)
    there = old.get("stages") or {}
    for name, new in base.renamed.items():
        if name in there and new not in there:
            key, _ = _entry(_entry(root, "stages")[1], name)
            if key is not None:
                edits.append((key.start_mark.index, key.end_mark.index, scalar_text(new)))
                continue
        known.pop(new, None)
        if name in base.stages and name not in there:
            known[new] = base.stages[name]
    return splice(existing, edits), known


def _moved(fields: Any, old: str | None, new: str) -> Any:
    """The fields of a renamed stage with the paths of its cache as they are now, so that the flags of an out stay."""
    if old is None or not isinstance(fields, dict):
        return fields
    prefix = f"cache/{_escaped(old)}/"

    def path_of(path: str) -> str:
        return f"cache/{_escaped(new)}/{path.removeprefix(prefix)}" if path.startswith(prefix) else path

    def entry_of(entry: Any) -> Any:
        return (
            {path_of(str(p)): flags for p, flags in entry.items()} if isinstance(entry, dict) else path_of(str(entry))
        )

    lists = {field: [entry_of(entry) for entry in fields.get(field) or ()] for field in _OUTPUTS if fields.get(field)}
    return {**fields, **lists}


def _with_conflict(text: str, stage: DvcStage, path: str, source: str) -> str:
    """The text with both commands of a stage in it, in the marks of git."""
    _, root = _read(text, path)
    _, node = _entry(_entry(root, "stages")[1], stage.name)
    key, value = _entry(node, "cmd")
    start, end = line_start(text, key.start_mark.index), line_end(text, content_end(text, value))
    ours = insertion(text, start, _field_lines("cmd", _escaped(stage.cmd)), _column(key))[2]
    newline = newline_of(text)
    mine = text[start:end].removesuffix(newline) + newline
    lines = [f"<<<<<<< {path}", newline, mine, "=======", newline, ours, f">>>>>>> {source}", newline]
    return text[:start] + "".join(lines) + text[end:]


def is_untouched(existing: str, name: str, fields: Mapping[str, Any], path: str = "dvc.yaml") -> bool:
    """Whether a stage stands in dvc.yaml as we wrote it, without a key or a comment of the user's."""
    old, root = _read(existing, path)
    stage = (old.get("stages") or {}).get(name)
    if not isinstance(stage, dict) or set(stage) != set(fields) or not _is_same(stage, dict(fields)):
        return False
    key, value = _entry(_entry(root, "stages")[1], name)
    return key is not None and "#" not in existing[key.end_mark.index : content_end(existing, value)]


def untouched_fields(existing: str, name: str, fields: Mapping[str, Any], path: str = "dvc.yaml") -> dict[str, bool]:
    """For each field that we write whether it says in dvc.yaml what we wrote."""
    stage = (_read(existing, path, nodes=False)[0].get("stages") or {}).get(name)
    there = stage if isinstance(stage, dict) else {}
    return {field: _equal(field, there.get(field), fields.get(field)) for field in _OWNED}


def fields_of(stage: DvcStage) -> dict[str, Any]:
    """The entry of a stage as we write it."""
    return _wanted(stage, None, None, "dvc.yaml")


def deps_of(existing: str | None, path: str = "dvc.yaml") -> dict[str, list[str]]:
    """The paths that each stage reads."""
    result: dict[str, list[str]] = {}
    stages = {} if existing is None else _read(existing, path, nodes=False)[0].get("stages") or {}
    for name, stage in stages.items():
        body = stage.get("do", stage) if isinstance(stage, dict) else {}
        deps = body.get("deps") if isinstance(body, dict) else None
        result[str(name)] = [_in_project(str(dep), body.get("wdir")) for dep in deps or ()]
    return result


def stage_names(existing: str | None, path: str = "dvc.yaml") -> list[str]:
    """The names of all stages of a dvc.yaml, foreach and matrix stages by their own name."""
    return [] if existing is None else [str(name) for name in _read(existing, path, nodes=False)[0].get("stages") or {}]


def foreign_outs(existing: str | None, path: str = "dvc.yaml") -> dict[str, str]:
    """The stage that writes a path, for all outs, metrics and plots of all stages of a dvc.yaml.

    The name says who asks: the caller leaves out its own stages.
    """
    result: dict[str, str] = {}
    stages = {} if existing is None else _read(existing, path, nodes=False)[0].get("stages") or {}
    for name, stage in stages.items():
        body = stage.get("do", stage) if isinstance(stage, dict) else {}
        for field in _OUTPUTS if isinstance(body, dict) else ():
            for out in _flags(body.get(field)):
                result.setdefault(_in_project(out, body.get("wdir")), str(name))
    return result


def cached_outs(existing: str, names: Collection[str], path: str = "dvc.yaml") -> list[str]:
    """The paths that DVC keeps of what these stages write."""
    found: dict[str, None] = {}
    for name, stage in (_read(existing, path, nodes=False)[0].get("stages") or {}).items():
        for field in _OUTPUTS if name in names and isinstance(stage, dict) else ():
            for out, given in _flags(stage.get(field)).items():
                flags = given if isinstance(given, list) else [given]  # several plots of one file
                if not any(isinstance(each, dict) and each.get("cache") is False for each in flags):
                    found[_in_project(out, stage.get("wdir"))] = None
    return list(found)


def _in_project(out: str, wdir: object) -> str:
    plain = out.replace("\\${", "${")
    return posixpath.normpath(posixpath.join(wdir, plain)) if isinstance(wdir, str) else posixpath.normpath(plain)


@lru_cache(maxsize=8)
def _read(text: str, path: str, nodes: bool = True) -> tuple[dict[str, Any], Any]:
    """The content and, if wanted, the nodes of a dvc.yaml; nobody changes them, and one conversion asks several times."""
    data = read_yaml(text, path, "NB601")
    root = yaml_nodes(text) if nodes else None
    if data is None:
        return {}, None
    if not isinstance(data, dict):
        root = yaml_nodes(text)
        hint = "write `stages:` and the stages below it"
        raise stop("NB601", path, root.start_mark.line, "this is not a mapping", hint)
    stages = data.get("stages")
    if not isinstance(stages, dict) and stages is not None:
        key, _ = _entry(yaml_nodes(text), "stages")
        hint = "write `name:` lines below `stages:`"
        raise stop("NB601", path, key.start_mark.line, "`stages` is not a mapping", hint)
    return data, root


# -- what a stage is to be -------------------------------------------------------------------------------------------


def _wanted(stage: DvcStage, there: Any, base: Mapping[str, Any] | None, path: str) -> _Fields:
    """The fields of a stage that we own, as they should be after what the user did to the entry that is there.

    Without a `base` only the flags that the user gave to our outs are known to be the user's.
    """
    old = there if isinstance(there, dict) else {}
    if kind := next((key for key in ("foreach", "do", "matrix") if key in old), None):
        message = f"the stage `{stage.name}` is a `{kind}` stage here"
        raise stop("NB603", path, None, message, "rename this stage, or that of the notebook")
    if old.get("wdir", ".") not in (".", "./", None):
        message = f"the stage `{stage.name}` has a `wdir`, but its paths are relative to the project"
        raise stop("NB603", path, None, message, f"remove `wdir` from the stage `{stage.name}`")
    fields: _Fields = {
        "cmd": _cmd(stage, there, base) or old.get("cmd"),
        "deps": sorted(map(_escaped, stage.deps)),
        "params": sorted(stage.params),
    }
    if base is None or there is None:
        flags = {field: _flags(old.get(field)) for field in _OUTPUTS}
        moved = {out: given for field in _OUTPUTS for out, given in flags[field].items()}
        fields["outs"] = _outs(stage.outs, moved | flags["outs"], is_plot=False)
        fields["metrics"] = _outs(stage.metrics, moved | flags["metrics"], is_plot=False)
        fields["plots"] = _outs(stage.plots, moved | flags["plots"], is_plot=True)
    else:
        for field in ("deps", "params"):
            fields[field] = merge_items(base.get(field) or [], old.get(field) or [], fields[field])
        new = {
            "outs": _outs(stage.outs, {}, is_plot=False),
            "metrics": _outs(stage.metrics, {}, is_plot=False),
            "plots": _outs(stage.plots, {}, is_plot=True),
        }
        fields |= _merged_outputs(base, old, new)
    return {key: value for key, value in fields.items() if value}


def _cmd(stage: DvcStage, there: Any, base: Mapping[str, Any] | None) -> str | None:
    """The command of a stage; `None` where the user's and ours contradict each other."""
    new = _escaped(stage.cmd)
    if base is None or not isinstance(there, dict) or "cmd" not in there:
        return new
    mine, before = there["cmd"], base.get("cmd")
    if same(mine, before) or same(mine, new):
        return new
    if same(before, new):
        return mine  # type: ignore[no-any-return]
    # `python -u training/train.py` for `python training/train.py`: what we change is the script.
    script, now = str(before).partition(" ")[2], new.partition(" ")[2]
    if isinstance(mine, str) and script and mine.count(script) == 1:
        return mine.replace(script, now)
    return mine if isinstance(mine, str) and now in mine else None


def merge_items(base: Sequence[Any], mine: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """The new items without those that the user took out of `base`, and those that the user added to it.

    `[a, b]`, of which the user made `[a, c]`, and now is `[a, b, d]`: `[a, d, c]`.
    """

    def has(items: Sequence[Any], item: Any) -> bool:
        return any(same(item, other) for other in items)

    kept = [item for item in new if has(mine, item) or not has(base, item)]
    return kept + [item for item in mine if not has(base, item) and not has(kept, item)]


def _merged_outputs(base: Mapping[str, Any], mine: Mapping[str, Any], new: Mapping[str, Any]) -> _Fields:
    """outs, metrics and plots: each path may have been added, removed, moved to another field or given other flags."""
    before, there, now = ({p: (f, g) for f in _OUTPUTS for p, g in _flags(x.get(f)).items()} for x in (base, mine, new))
    result: dict[str, list[Any]] = {field: [] for field in _OUTPUTS}
    for path in dict.fromkeys([*now, *there]):
        old, own, wanted = before.get(path), there.get(path), now.get(path)
        if wanted is None:
            place = own if old is None else None  # ours is gone, the user's stays
        elif own is None:
            place = wanted if old is None else None  # the user took it out
        elif old is None:
            place = own  # both have added it
        else:
            place = (wanted[0] if own[0] == old[0] else own[0], _merged_given(old[1], own[1], wanted[1]))
        if place is not None:
            result[place[0]].append({path: place[1]} if place[1] else path)
    return {field: sorted(entries, key=_path) for field, entries in result.items()}


def _merged_given(base: Any, mine: Any, new: Any) -> Any:
    """The flags of one path; a list of several plots of one file is the user's as a whole."""
    if not all(isinstance(flags, dict) for flags in (base, mine, new)):
        return new if same(mine, base) else mine
    kept = {k: v for k, v in new.items() if k in mine or k not in base}
    return kept | {k: v for k, v in mine.items() if k not in base or not same(v, base[k])}


def _escaped(text: str) -> str:
    # DVC would take `${HOME}` for one of its own variables.
    return text.replace("${", "\\${")


def _flags(entries: object) -> dict[str, Any]:
    """path -> flags of the entries under outs, metrics or plots."""
    result: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else ():
        result.update(entry if isinstance(entry, dict) else {str(entry): {}})
    return result


def _outs(outs: Sequence[Out], given: Mapping[str, Any], is_plot: bool) -> list[object]:
    return [_out(out, given.get(_escaped(out.path)), is_plot) for out in sorted(outs, key=lambda out: out.path)]


def _out(out: Out, given: Any, is_plot: bool) -> object:
    path = _escaped(out.path)
    if isinstance(given, list) and is_plot:  # several plots of one file; all say the same about the file
        return {path: [_merged_flags(out, flags, is_plot) for flags in given]}
    flags = _merged_flags(out, given if isinstance(given, dict) else {}, is_plot)
    return {path: flags} if flags else path


def _merged_flags(out: Out, given: Mapping[str, Any], is_plot: bool) -> _Fields:
    # `persist` is ours alone: a stale one would leave old content under what the stage writes.
    own: _Fields = {"cache": False} if not out.cache else {}
    own |= {"persist": True} if out.persist else {}
    own |= out.plot
    kept = {k: v for k, v in given.items() if k != "persist" and (is_plot or k not in _PLOT_FLAGS)}
    return own | kept


def _equal(field: str, there: object, wanted: object) -> bool:
    """Two fields say the same to DVC; the order of deps, params and outs says nothing."""
    if field == "cmd" or not isinstance(there, list) or not isinstance(wanted, list):
        return same(there, wanted)
    return len(there) == len(wanted) and all(any(same(a, b) for b in there) for a in wanted)


def _is_right(
    text: str, old: Mapping[str, Any], wanted: Mapping[str, _Fields], gone: Collection[str], path: str
) -> bool:
    """The self-check: our stages are as wanted, everything else is as before."""
    try:
        new, _ = _read(text, path, nodes=False)
    except Nb2stageError:
        return False
    before, after = old.get("stages") or {}, new.get("stages") or {}
    if set(after) != (set(before) | set(wanted)) - set(gone):
        return False
    if not same(_without(old, "stages"), _without(new, "stages")):
        return False
    return all(
        _is_same(stage, wanted[name]) and same(_without(before.get(name) or {}, *_OWNED), _without(stage, *_OWNED))
        if name in wanted
        else same(before[name], stage)
        for name, stage in after.items()
    )


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


# -- how it gets into existing text ----------------------------------------------------------------------------------


def _field_lines(key: str, value: Any, dash: int = 0) -> list[str]:
    """The lines of one field of a stage, at column 0, its dashes at column `dash`."""
    if isinstance(value, str):
        return [f"{key}: {scalar_text(value)}"]
    return [f"{key}:", *(" " * dash + line for item in value for line in _item_lines(item))]


def _item_lines(item: object) -> list[str]:
    if not isinstance(item, dict):
        return [f"- {scalar_text(item)}"]
    lines = plain_y([line for path, flags in item.items() for line in entry_lines(path, flags)])
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _stage_lines(name: str, fields: _Fields, indent: int = 2, dash: int = 0) -> list[str]:
    """A whole stage, at column 0, its fields at column `indent`."""
    lines = [line for key in _OWNED if key in fields for line in _field_lines(key, fields[key], dash)]
    return [f"{scalar_text(name)}:", *(" " * indent + line for line in lines)]


def _fresh(wanted: Mapping[str, _Fields]) -> list[str]:
    if not wanted:
        return ["stages: {}"]
    return ["stages:", *(f"  {line}" for name, fields in wanted.items() for line in _stage_lines(name, fields))]


def _entry(node: Any, key: str) -> tuple[Any, Any]:
    """The key node and the value node of a key of a mapping; `(None, None)` when it has none of its own."""
    return next((pair for pair in node.value if pair[0].value == key), (None, None))


def _column(node: Any) -> int:
    return int(node.start_mark.column)


def _is_block(node: Any) -> bool:
    return isinstance(node.value, list) and not node.flow_style


def _is_alias(key: Any, value: Any) -> bool:
    return bool(value.start_mark.index < key.start_mark.index)


def _is_empty(value: Any) -> bool:
    return bool(value.start_mark.index == value.end_mark.index)


class _Editor:
    """Finds where the stages stand in a text and splices new ones in."""

    def __init__(self, text: str, root: Any, path: str) -> None:
        self.text = text
        self.root = root
        self.path = path
        # How the file is indented: by how much the fields of a stage, and the dashes below a field.
        self.indent = 2
        self.dash = 0

    def update(self, there: Mapping[str, Any], wanted: Mapping[str, _Fields], gone: Collection[str]) -> str:
        """The text with the wanted stages and without those that are gone."""
        changed = [name for name in wanted if name in there and not _is_same(there[name], wanted[name])]
        added = [name for name in wanted if name not in there]
        if not (changed or added or gone):
            return self.text
        key, stages = _entry(self.root, "stages")
        if not _is_block(self.root) or (there and (not _is_block(stages) or _is_alias(key, stages))):
            raise self.refusal("`stages`", key or self.root)
        if key is None:
            index = line_end(self.text, content_end(self.text, self.root))
            return splice(self.text, [insertion(self.text, index, _fresh(wanted), _column(self.root.value[0][0]))])
        if not there:
            return splice(self.text, list(self.filled(key, stages, wanted)))
        self.find_layout(stages)
        edits = [edit for name in changed for edit in self.stage_edits(stages, name, there[name], wanted[name])]
        edits += [self.removal(*_entry(stages, name)) for name in there if name in gone]
        edits += self.additions(stages, wanted, added, gone)
        if len(gone) == len(there) and not added:
            index = self.text.index(":", key.end_mark.index) + 1
            edits.append((index, index, " {}"))
        return splice(self.text, edits)

    def refusal(self, what: str, node: Any) -> Exception:
        message = f"{what} is not written in block style and cannot be edited in place"
        return stop("NB602", self.path, node.start_mark.line, message, _BLOCK_HINT)

    def end(self, key: Any, value: Any) -> int:
        """Where the line after the last one of an entry begins."""
        is_elsewhere = _is_empty(value) or _is_alias(key, value)
        return line_end(self.text, key.end_mark.index if is_elsewhere else content_end(self.text, value))

    def filled(self, key: Any, stages: Any, wanted: Mapping[str, _Fields]) -> Iterator[Edit]:
        """Stages below a `stages:` that has none: it is empty, `{}` or `null`."""
        colon = self.text.index(":", key.end_mark.index) + 1
        if not _is_empty(stages):
            yield colon, stages.end_mark.index, ""
        yield insertion(self.text, self.end(key, stages), _fresh(wanted)[1:], _column(key))

    def find_layout(self, stages: Any) -> None:
        for key, stage in stages.value:
            if not _is_block(stage) or _is_alias(key, stage):
                continue
            self.indent = _column(stage.value[0][0]) - _column(key)
            for field, value in stage.value:
                if _is_block(value) and value.value and not isinstance(value.value[0], tuple):
                    self.dash = max(0, _column(value) - _column(field))
                    return

    def removal(self, key: Any, value: Any) -> Edit:
        """An entry goes, and the blank lines above it where otherwise they would add to those below."""
        if key is None:
            return 0, 0, ""
        start, end = line_start(self.text, key.start_mark.index), self.end(key, value)
        if not self.text[end : line_end(self.text, end)].strip():
            while start > 0 and not self.text[line_start(self.text, start - 1) : start].strip():
                start = line_start(self.text, start - 1)
        return start, end, ""

    def additions(
        self, stages: Any, wanted: Mapping[str, _Fields], added: Collection[str], gone: Collection[str]
    ) -> Iterator[Edit]:
        """New stages come after the stage that they follow in the notebook, else before the one that follows them."""
        places = {key.value: (key, value) for key, value in stages.value if key.value not in gone}
        column = _column(stages.value[0][0])
        blank = [""] * self.has_blank_lines(stages)
        index, leading, trailing = self.end(*stages.value[-1]), blank, []
        if following := next((name for name in wanted if name in places), None):
            index, leading, trailing = self.above(places[following][0]), [], blank
        for name in wanted:
            if name in places:
                index, leading, trailing = self.end(*places[name]), blank, []
            elif name in added:
                lines = _stage_lines(name, wanted[name], self.indent, self.dash)
                yield insertion(self.text, index, [*leading, *lines, *trailing], column)

    def has_blank_lines(self, stages: Any) -> bool:
        """Blank lines stand between the stages."""
        gaps = [(self.end(*a), b[0].start_mark.index) for a, b in zip(stages.value, stages.value[1:], strict=False)]
        return any(not line.strip() for start, end in gaps for line in self.text[start:end].splitlines()[:-1])

    def above(self, key: Any) -> int:
        """Where the comment right above an entry begins, or the entry itself."""
        index = line_start(self.text, key.start_mark.index)
        while index > 0 and self.text[line_start(self.text, index - 1) : index].lstrip().startswith("#"):
            index = line_start(self.text, index - 1)
        return index

    def stage_edits(self, stages: Any, name: str, there: _Fields, wanted: _Fields) -> Iterator[Edit]:
        """The edits that give a stage its wanted fields; the user's keys and comments in it stay."""
        stage_key, stage = _entry(stages, name)
        if not _is_block(stage) or _is_alias(stage_key, stage):
            raise self.refusal(f"the stage `{name}`", stage_key)
        column = _column(stage.value[0][0])
        for field in _OWNED:
            if _equal(field, there.get(field), wanted.get(field)):
                continue
            key, value = _entry(stage, field)
            if field not in wanted:
                yield self.removal(key, value)
            elif key is None:
                index = self.place(stage, field)
                yield insertion(self.text, index, _field_lines(field, wanted[field], self.dash), column)
            elif (items := self.item_spans(key, value)) and isinstance(wanted[field], list):
                yield from self.item_edits(value, items, there[field], wanted[field])
            else:
                yield self.replacement(key, value, wanted[field], column)

    def place(self, stage: Any, field: str) -> int:
        """Where a new field belongs: after those that DVC writes before it."""
        before = [pair for pair in stage.value if pair[0].value in _KEYS[: _KEYS.index(field)]]
        return self.end(*before[-1]) if before else line_start(self.text, stage.value[0][0].start_mark.index)

    def replacement(self, key: Any, value: Any, wanted: Any, column: int) -> Edit:
        """A whole value for another; on one line where it is on one line."""
        if _is_alias(key, value):
            raise self.refusal(f"`{key.value}`", key)
        is_block = _is_block(value) or _is_empty(value) or getattr(value, "style", None) in ("|", ">")
        if is_block or (isinstance(wanted, list) and isinstance(value.value, str)):
            start, end = line_start(self.text, key.start_mark.index), self.end(key, value)
            return start, end, insertion(self.text, start, _field_lines(key.value, wanted, self.dash), column)[2]
        new = flow_text(wanted) if isinstance(wanted, list) else scalar_text(wanted)
        return value.start_mark.index, value.end_mark.index, new

    def item_spans(self, key: Any, value: Any) -> list[tuple[int, int]]:
        """The line ranges of the items of a block sequence; none when it is something else or oddly written."""
        if not _is_block(value) or _is_alias(key, value):
            return []
        spans = []
        for item in value.value:
            start = line_start(self.text, item.start_mark.index)
            dash = self.text[start : item.start_mark.index]
            if item.start_mark.index < value.start_mark.index or dash.strip() != "-":
                return []
            spans.append((start, line_end(self.text, content_end(self.text, item))))
        return spans

    def item_edits(
        self, value: Any, spans: list[tuple[int, int]], there: list[Any], wanted: list[Any]
    ) -> Iterator[Edit]:
        """The edits that turn one list into another; items that stay, and the comments between, are not touched."""
        column = self.text[spans[0][0] :].index("-")
        missing = [item for item in wanted if not any(same(item, old) for old in there)]
        kept: list[tuple[str, int]] = []
        for node, (start, end), old in zip(value.value, spans, there, strict=True):
            new = next((item for item in missing if _path(item) == _path(old)), None)
            if new is not None:
                missing.remove(new)
                first, *rest = _item_lines(new)
                yield start, end, insertion(self.text, start, [first + self.comment(node), *rest], column)[2]
            elif not any(same(old, item) for item in wanted):
                yield start, end, ""
                continue
            kept.append((_path(old), start))
        is_sorted = kept == sorted(kept)
        for item in missing:
            later = [start for path, start in kept if path > _path(item)] if is_sorted else []
            yield insertion(self.text, later[0] if later else spans[-1][1], _item_lines(item), column)

    def comment(self, node: Any) -> str:
        """The comment behind an item."""
        while isinstance(node.value, list):
            key, value = node.value[0]
            node = value if value.start_mark.line == key.start_mark.line else key
            if node is key or node.flow_style:
                break
        rest = self.text[node.end_mark.index : line_end(self.text, node.end_mark.index)].lstrip(" :").strip()
        return f"  {rest}" if rest.startswith("#") else ""


def _path(item: Any) -> str:
    """The path of an entry of outs, metrics or plots, with or without flags."""
    return str(next(iter(item))) if isinstance(item, dict) else str(item)


def _is_same(there: Any, wanted: _Fields) -> bool:
    return isinstance(there, dict) and all(_equal(field, there.get(field), wanted.get(field)) for field in _OWNED)
