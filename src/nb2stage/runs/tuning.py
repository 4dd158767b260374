"""The parameters of a notebook, and the values that params.yaml and the command line give them."""

from __future__ import annotations

import ast
import copy
import datetime
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nb2stage.analysis.dataflow import NO_LITERAL, literal
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.reading.tags import CellRole, Role
from nb2stage.records import dataclass


@dataclass(frozen=True)
class Parameter:
    """A name that a `parameters` cell assigns.  `value` is its literal; where it is none, `is_literal` is false."""

    name: str
    cell: int
    value: Any = None
    is_literal: bool = True


def parameters_of(roles: Sequence[CellRole]) -> dict[str, Parameter]:
    """The parameters of a notebook by name; of a name that is assigned twice the last one counts."""
    found: dict[str, Parameter] = {}
    for role in roles:
        if role.role is Role.PARAMETERS:
            for name, node in _assignments(role.cell.source):
                value = literal(node)
                is_literal = value is not NO_LITERAL
                found[name] = Parameter(name, role.cell.index, value if is_literal else None, is_literal)
    return found


def _assignments(source: str) -> Iterator[tuple[str, ast.expr]]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value


# -- params.yaml -------------------------------------------------------------------------------------------------------


def key_paths(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All dotted paths of params.yaml with what stands there."""
    for key, value in values.items():
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping):
            yield from key_paths(value, f"{prefix}{key}.")


def value_at(values: Any, key: str, default: object) -> Any:
    """The value at a dotted key of params.yaml."""
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            return default
        values = values[part]
    return values


def keys_of(names: Sequence[str], values: Mapping[Any, Any], planned: Mapping[str, str]) -> dict[str, str]:
    """Where params.yaml has the parameters; those that it does not have are left out.

    `planned` are the places that `convert` gives them.  Raises `Nb2stageError` where a name stands in several places
    and none of them is that one.
    """
    places: dict[str, list[str]] = {}
    for key, _ in key_paths(values):
        places.setdefault(key.rpartition(".")[2], []).append(key)
    found: dict[str, str] = {}
    for name in names:
        known = [key for key in places.get(name, []) if not _is_inside(key, name, names)]
        if planned.get(name) in known:
            found[name] = planned[name]
        elif len(known) == 1:
            found[name] = known[0]
        elif known:
            message = f"`{name}` stands in params.yaml more than once: {', '.join(known)}"
            hint = f"say which is meant: `-p {name} VALUE`, or remove the others"
            raise Nb2stageError(Diagnostic("NB808", message, hint, path="params.yaml"))
    return found


def _is_inside(key: str, name: str, names: Sequence[str]) -> bool:
    """Whether a place is a part of another parameter's value: `train.model.lr` where `model` is a parameter."""
    return any(part in names and part != name for part in key.split(".")[:-1])


# -- the command line --------------------------------------------------------------------------------------------------


def parsed(text: str) -> Any:
    """A value of the command line: as params.yaml has it; a date stays a text, since DVC knows none."""
    from nb2stage.texts.yamltext import read_yaml

    if not text.strip():
        return text
    try:
        value = read_yaml(text, "the command line", "NB808")
    except Nb2stageError:
        return text
    return text if isinstance(value, datetime.date) else value


@dataclass(frozen=True)
class Override:
    """A value that the command line gives to a key: `train.lr`, `lr`, or `model.depth` inside a parameter."""

    key: str
    text: str


def tuned(
    parameters: Mapping[str, Parameter],
    values: Mapping[Any, Any],
    keys: Mapping[str, str],
    overrides: Sequence[Override],
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The values to give to the notebook by name, and warnings about values of an unexpected type.

    Raises `Nb2stageError` for a key that is no parameter, with the nearest ones.
    """
    found = {name: copy.deepcopy(value_at(values, key, None)) for name, key in keys.items()}
    findings: list[Diagnostic] = []
    for override in overrides:
        name, inner = resolved(override.key, parameters, keys)
        value = parsed(override.text)
        if inner:
            whole = found[name] if name in found else copy.deepcopy(parameters[name].value)
            value = _with_inner(whole, inner, value, override.key)
        found[name] = value
    for name, value in found.items():
        parameter = parameters[name]
        if isinstance(parameter.value, tuple) and isinstance(value, list):
            found[name] = tuple(value)
        elif parameter.is_literal and not _is_like(parameter.value, value):
            message = (
                f"`{name}` is {_kind(parameter.value)} in the notebook, and {_kind(value)} is given: {value!r:.60}"
            )
            findings.append(Diagnostic("NB809", message, severity=Severity.WARNING))
    return found, findings


def resolved(key: str, parameters: Mapping[str, Parameter], keys: Mapping[str, str]) -> tuple[str, list[str]]:
    """The parameter that a key of the command line means, and the way into its value."""
    by_place = {place: name for name, place in keys.items()} | {name: name for name in parameters}
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        name = by_place.get(".".join(parts[:length]))
        if name is not None:
            return name, parts[length:]
    close = difflib.get_close_matches(key, by_place, 3, 0.5) or difflib.get_close_matches(parts[-1], by_place, 3, 0.5)
    close = close or sorted(by_place)[:8]
    hint = f"did you mean {' or '.join(f'`{each}`' for each in close)}?" if close else "it has no `parameters` cell"
    raise Nb2stageError(Diagnostic("NB808", f"the notebook has no parameter `{key}`", hint))


def _with_inner(whole: Any, inner: Sequence[str], value: Any, key: str) -> Any:
    place = whole
    for part in inner[:-1]:
        place = place.get(part) if isinstance(place, dict) else None
    if not isinstance(place, dict) or inner[-1] not in place:
        known = ", ".join(f"`{each}`" for each in place) if isinstance(place, dict) else "no keys"
        raise Nb2stageError(Diagnostic("NB808", f"there is no `{key}`", f"there are {known}"))
    place[inner[-1]] = value
    return whole


def _is_like(one: object, two: object) -> bool:
    return one is None or two is None or _kind(one) == _kind(two)


def _kind(value: object) -> str:
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        ((list, tuple), "a list"),
        (dict, "a mapping"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")


# -- source ------------------------------------------------------------------------------------------------------------


def python_text(value: object) -> str:
    """A value of a YAML file as Python source."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value}")'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python_text(k)}: {python_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(python_text, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(python_text(item) + ", " for item in value).strip() + ")"
    if isinstance(value, datetime.date):
        return repr(value).replace("datetime.", '__import__("datetime").')  # binds no name of the notebook's
    return repr(value)
