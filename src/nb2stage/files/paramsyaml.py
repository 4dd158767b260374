"""Parameters + the existing text -> params.yaml; warnings about what stands in it.

Existing text is never dumped again: new lines are spliced into it, everything else survives to the byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.patterns import Pattern
from nb2stage.planning.pipeline import Param
from nb2stage.texts.yamltext import (
    Edit,
    content_end,
    entry_lines,
    flow_text,
    insertion,
    is_yaml_value,
    line_end,
    line_start,
    read_yaml,
    same,
    scalar_text,
    splice,
    stop,
    yaml_nodes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# A nested mapping of parameters: a leaf is a `Param`, a branch a group.
_Tree = dict[str, Any]


def read_params(text: str, path: str = "params.yaml") -> dict[Any, Any]:
    """The content of params.yaml as DVC reads it; nothing but comments is no parameters."""
    data = read_yaml(text, path, "NB551")
    if data is None:
        return {}
    if not isinstance(data, dict):
        line = yaml_nodes(text).start_mark.line
        raise stop("NB551", path, line, "this is not a mapping of names to values", "write `name: value` lines")
    return data


def update_params_yaml(existing: str | None, params: Sequence[Param], path: str = "params.yaml") -> str:
    """params.yaml with all parameters in it: what is there keeps its value, what is missing is added in its group.

    `seed: 7` and the parameters `seed` = 42, `train.lr` = 0.1 give `seed: 7`, `train:`, `  lr: 0.1`.
    """
    tree = _tree(params, path)
    if existing is None:
        return "".join(line + "\n" for line in _tree_lines(tree, step=2))
    data = read_params(existing, path)
    root = yaml_nodes(existing)
    if root is None:
        text = splice(existing, [insertion(existing, len(existing), _tree_lines(tree, step=2), 0)])
    else:
        text = splice(existing, list(_additions(existing, tree, data, root, path)))
    if not _reads_as(text, _merged(data, tree), path):
        hint = "write the file without anchors and aliases, or add the parameters by hand"
        raise stop("NB552", path, None, "the parameters cannot be added without changing others", hint)
    return text


class ParamsUpdate(NamedTuple):
    """A new params.yaml, and the keys whose value there was tuned while the notebook got another one."""

    text: str
    tuned: tuple[str, ...] = ()


def merge_params_yaml(
    existing: str | None,
    params: Sequence[Param],
    base: Mapping[str, tuple[str, str]],
    gone: Sequence[str] = (),
    path: str = "params.yaml",
) -> ParamsUpdate:
    """params.yaml with all parameters in it, values that were tuned as they are, those that were not as in the notebook.

    `base` has the value and the comment that we wrote for each key; what is `gone` from the notebook goes if it stands
    there as we wrote it.  `seed: 7`, the parameter `seed` = 42 and the base `seed: 1` give `seed: 7`; the base
    `seed: 7` gives `seed: 42`.
    """
    if existing is None:
        return ParamsUpdate(update_params_yaml(None, params, path) if params else "")
    data = read_params(existing, path)
    root = yaml_nodes(existing)
    wanted: dict[str, object] = {}
    tuned = []
    for param in params:
        if param.key not in base or (here := value_at(data, param.key)) is ABSENT:
            continue
        before, now = base[param.key][0], flow_text(param.value)
        if now == before or not is_yaml_value(here) or flow_text(here) == now:
            continue
        if flow_text(here) == before:
            wanted[param.key] = param.value
        else:
            tuned.append(param.key)
    edits = [edit for key, value in wanted.items() if (edit := _replacement(existing, root, key, value)) is not None]
    text = splice(existing, edits)
    for key in gone:
        if key in base and (edit := _removal(text, yaml_nodes(text), key, *base[key])) is not None:
            text = splice(text, [edit])
    if not _is_changed_at(text, data, {*wanted, *gone}, path):
        text = existing
    return ParamsUpdate(update_params_yaml(text, params, path) if params else text, tuple(tuned))


ABSENT = object()


def value_at(data: Any, key: str) -> Any:
    """The value of a dotted key; `ABSENT` where there is none."""
    for part in key.split("."):
        if not isinstance(data, dict) or part not in data:
            return ABSENT
        data = data[part]
    return data


def _nodes_at(root: Any, key: str) -> tuple[Any, Any, Any]:
    """The mapping that holds a dotted key, the key's node and its value's node."""
    pair: tuple[Any, Any] = (None, None)
    node = holder = root
    for part in key.split("."):
        holder = node
        if node is None or not isinstance(node.value, list):
            return None, None, None
        pair = next((p for p in node.value if isinstance(p, tuple) and p[0].value == part), (None, None))
        node = pair[1]
    return holder, *pair


def _replacement(text: str, root: Any, key: str, value: object) -> Edit | None:
    """The edit that gives a key another value; none where that would take more than the value away."""
    _, name, node = _nodes_at(root, key)
    if node is None or node.start_mark.index < name.start_mark.index:
        return None
    if (isinstance(node.value, str) and node.style not in ("|", ">")) or node.flow_style:
        new = flow_text(value)
        return (
            node.start_mark.index,
            node.end_mark.index,
            new if node.end_mark.index > node.start_mark.index else " " + new,
        )
    start, end = line_start(text, name.start_mark.index), line_end(text, content_end(text, node))
    if "#" in text[start:end] or text[start : name.start_mark.index].strip():
        return None
    return start, end, insertion(text, start, entry_lines(name.value, value), name.start_mark.column)[2]


def _removal(text: str, root: Any, key: str, value: str, comment: str) -> Edit | None:
    """The edit that takes a key out, with its group if that is empty then; none where the user has changed anything."""
    holder, name, node = _nodes_at(root, key)
    if node is None or holder.flow_style or node.start_mark.index < name.start_mark.index:
        return None
    start, end = line_start(text, name.start_mark.index), line_end(text, content_end(text, node))
    ours = entry_lines(name.value, yaml_value_of(value), comment)
    if [line.strip() for line in text[start:end].splitlines()] != [line.strip() for line in ours]:
        return None
    if len(holder.value) == 1 and holder is not root:
        _, group, _ = _nodes_at(root, key.rpartition(".")[0])
        above = line_start(text, group.start_mark.index)
        if text[above:start].strip() == f"{scalar_text(group.value)}:":
            start = above
    return start, end, ""


def yaml_value_of(text: str) -> Any:
    """The value that a YAML text of one line stands for."""
    return read_yaml(text, "params.yaml", "NB551")


def _is_changed_at(text: str, before: Any, keys: set[str], path: str) -> bool:
    """The self-check: everything but these keys is as it was."""
    try:
        after = read_params(text, path)
    except Nb2stageError:
        return False
    return same(_without_keys(before, keys), _without_keys(after, keys))


def _without_keys(data: Any, keys: set[str], prefix: str = "") -> Any:
    if not isinstance(data, dict):
        return data
    rest = {k: _without_keys(v, keys, f"{prefix}{k}.") for k, v in data.items() if f"{prefix}{k}" not in keys}
    return {k: v for k, v in rest.items() if v != {} or not any(key.startswith(f"{prefix}{k}.") for key in keys)}


def _reads_as(text: str, expected: object, path: str) -> bool:
    try:
        return same(read_params(text, path), expected)
    except Nb2stageError:
        return False


def _tree(params: Sequence[Param], path: str) -> _Tree:
    tree: _Tree = {}
    for param in params:
        *groups, last = param.key.split(".")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
            if isinstance(branch, Param):
                raise _clash(param, branch, path)
        there = branch.setdefault(last, param)
        if isinstance(there, dict):
            raise stop("NB555", path, None, f"`{param.key}` is both a parameter and a group", _RENAME_HINT)
        if not same(there.value, param.value):
            raise _clash(param, there, path)
    return _groups_last(tree)


_RENAME_HINT = "rename the parameter in the notebook"


def _clash(one: Param, other: Param, path: str) -> Nb2stageError:
    message = f"the parameters `{one.name}` and `{other.name}` both want `{other.key}`"
    return stop("NB555", path, None, message, _RENAME_HINT)


def _groups_last(tree: _Tree) -> _Tree:
    ordered = sorted(tree.items(), key=lambda item: isinstance(item[1], dict))
    return {key: _groups_last(branch) if isinstance(branch, dict) else branch for key, branch in ordered}


def _tree_lines(tree: _Tree, step: int) -> list[str]:
    lines: list[str] = []
    for key, branch in tree.items():
        if isinstance(branch, Param):
            lines += entry_lines(key, branch.value, branch.comment, step)
        else:
            lines += [f"{scalar_text(key)}:", *(" " * step * bool(x) + x for x in _tree_lines(branch, step))]
    return lines


def _plain(tree: _Tree) -> dict[str, object]:
    return {key: branch.value if isinstance(branch, Param) else _plain(branch) for key, branch in tree.items()}


def _merged(data: Mapping[Any, Any], tree: _Tree) -> dict[Any, Any]:
    result = dict(data)
    for key, branch in tree.items():
        if isinstance(branch, dict):
            result[key] = _merged(result.get(key) or {}, branch)
        elif key not in result:
            result[key] = branch.value
    return result


def _additions(text: str, tree: _Tree, data: Mapping[Any, Any], node: Any, path: str) -> Iterator[Edit]:
    """The edits that put what `tree` has and `data` lacks into the mapping `node`."""
    missing = {key: branch for key, branch in tree.items() if key not in data}
    for key, branch in tree.items():
        if key in missing:
            continue
        value = data[key]
        entry = next((pair for pair in node.value if pair[0].value == key), None)
        line = (entry or (node,))[0].start_mark.line
        if isinstance(branch, Param):
            if isinstance(value, dict) and not isinstance(branch.value, dict):
                message = f"`{key}` is a group here and a parameter in the notebook"
                raise stop("NB555", path, line, message, _RENAME_HINT)
        elif entry and value is None and entry[1].value == "" and not node.flow_style:
            column = entry[0].start_mark.column + _step(node)
            yield insertion(text, line_end(text, entry[0].end_mark.index), _tree_lines(branch, _step(node)), column)
        elif not isinstance(value, dict):
            raise stop("NB551", path, line, f"`{key}` is not a group of parameters", f"make `{key}:` a mapping")
        elif entry and entry[1].start_mark.index > entry[0].start_mark.index:
            yield from _additions(text, branch, value, entry[1], path)
        elif not same(_merged(value, branch), value):
            raise stop("NB552", path, line, f"`{key}` is an alias and lacks parameters", "write its values out")
    if missing:
        yield _addition(text, missing, node)


def _addition(text: str, missing: _Tree, node: Any) -> Edit:
    if not node.flow_style:
        index = line_end(text, content_end(text, node))
        return insertion(text, index, _tree_lines(missing, _step(node)), node.value[0][0].start_mark.column)
    added = flow_text(_plain(missing))[1:-1]
    if not node.value:
        return node.end_mark.index - 1, node.end_mark.index - 1, added
    key, value = node.value[-1]
    index = max(key.end_mark.index, value.end_mark.index if value.start_mark.index > key.start_mark.index else 0)
    return index, index, f", {added}"


def _step(node: Any) -> int:
    """By how much a file indents its groups."""
    for key, value in node.value:
        if isinstance(value.value, list) and value.value and isinstance(value.value[0], tuple) and not value.flow_style:
            child = value.value[0][0]
            return max(1, int(child.start_mark.column) - int(key.start_mark.column))
    return 2


# -- what may go wrong with values that stand in the file ------------------------------------------------------------

_INT_1_1 = Pattern(r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+|[1-9][\d_]*(?::[0-5]?\d)+)", re.A)
_FLOAT_1_1 = Pattern(
    r"[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    re.A,
)
_BOOL_1_1 = Pattern(r"(?i:yes|no|true|false|on|off)")


def check_params_text(text: str, path: str = "params.yaml") -> list[Diagnostic]:
    """Warnings about values in params.yaml that break DVC or that DVC and the scripts read differently."""
    read_yaml(text, path, "NB551")
    root = yaml_nodes(text)
    return [] if root is None else list(_check_node(root, path, set()))


def _check_node(node: Any, path: str, seen: set[int]) -> Iterator[Diagnostic]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, list):
        for item in node.value:
            for child in item if isinstance(item, tuple) else (item,):
                yield from _check_node(child, path, seen)
        return
    tag, value = node.tag.rpartition(":")[2], node.value
    place = f"{path}:{node.start_mark.line + 1}"
    if tag == "timestamp":
        message = f"`{value}` is a date, and DVC stops at any date in {path}"
        yield Diagnostic("NB553", message, f"write it as text: '{value}'", Severity.WARNING, place)
    elif tag == "float" and value.lower().endswith(".nan"):
        message = "`.nan` differs from itself, so DVC runs the stage again each time"
        yield Diagnostic("NB556", message, "use `null` for `there is none`", Severity.WARNING, place)
    elif node.style is None and _reads_differently(tag, value):
        message = f"DVC reads `{value}` as {_WORDS[tag]}, Python scripts (YAML 1.1) as something else"
        hint = f"write {_clear(tag, value)}"
        yield Diagnostic("NB554", message, hint, Severity.WARNING, place)


_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _reads_differently(tag: str, value: str) -> bool:
    if tag == "int":
        return not _INT_1_1.fullmatch(value) or bool(re.match(r"[-+]?0[\d_]", value))
    if tag == "float":
        return not _FLOAT_1_1.fullmatch(value)
    is_other = _INT_1_1.fullmatch(value) or _FLOAT_1_1.fullmatch(value) or _BOOL_1_1.fullmatch(value)
    return tag == "str" and bool(is_other or value == "=")


def _clear(tag: str, value: str) -> str:
    if tag == "str":
        return f"`'{value}'` for the text"
    number = float(value.replace("_", "")) if tag == "float" else int(value.replace("_", ""), 0 if "o" in value else 10)
    return f"`{scalar_text(number)}`"
