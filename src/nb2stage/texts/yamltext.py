"""Values -> YAML text that both its readers understand alike, and YAML text -> values, places and edits.

DVC reads its files as YAML 1.2 (ruamel), PyYAML reads YAML 1.1.  They disagree about `1e-4`, `yes`, `010`, `12:30` and
dates, so everything here is written such that both read the same value of the same type.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.patterns import Pattern
from nb2stage.texts.plainyaml import NotPlainError, plain_nodes, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# YAML wants the whole of a key on one line and within 1024 characters.
_LONGEST_KEY = 1000
# Python itself reads integers of up to 4300 digits.
_LARGEST_INT_BITS = 14_000
_LONGEST_FLOW = 80

# A replacement of `text[start:end]`.
Edit = tuple[int, int, str]


# -- values -> YAML ------------------------------------------------------------------------------------------------


def is_yaml_value(value: object) -> bool:
    """A Python value can live in params.yaml when YAML gives back the same value and type."""
    if isinstance(value, list):
        return type(value) is list and all(map(is_yaml_value, value))
    if isinstance(value, dict):
        return type(value) is dict and all(_is_yaml_key(k) and is_yaml_value(v) for k, v in value.items())
    if type(value) is str:
        return not any("\ud800" <= char <= "\udfff" for char in value)
    if type(value) is int:
        return value.bit_length() <= _LARGEST_INT_BITS
    return value is None or type(value) in (bool, float)


def _is_yaml_key(key: object) -> bool:
    return (
        type(key) in (str, int, float, bool)
        and is_yaml_value(key)
        and key == key  # NaN is never found again
        and len(scalar_text(key)) <= _LONGEST_KEY
    )


# What one of the two readers takes for something else than text: y/n, numbers, sexagesimals, dates, merge keys.
_NOT_TEXT = Pattern(
    r"y|n|yes|no|on|off|true|false|null|~|=|<<|[-+]?\.(?:inf|nan)|0x[\da-f_]+|0[bo][\d_]+|[.\d][\d_.:e+\-tz ]*", re.I
)
_INDICATORS = "-+?:,[]{}#&*!|>'\"%@`"


def scalar_text(value: object, flow: bool = False) -> str:
    """A scalar as YAML: plain where every reader takes it for what it is, quoted otherwise."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        return value if _is_plain(value, flow) else _quoted(value)
    return str(value)


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, e, exponent = repr(value).partition("e")
    # YAML 1.1 takes 1e-05 for text.
    return f"{mantissa}.0{e}{exponent}" if e and "." not in mantissa else f"{mantissa}{e}{exponent}"


def _is_plain(text: str, flow: bool) -> bool:
    return (
        text.isprintable()
        and text == text.strip()
        and text != ""
        and text[0] not in _INDICATORS
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and not _NOT_TEXT.fullmatch(text)
        and not (flow and re.search(r"[^\w ./-]", text))
    )


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _quoted(text: str) -> str:
    if text.isprintable() and ("'" not in text or '"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow_text(value: object) -> str:
    """A value on one line: `[64, 32]`, `{lr: 0.1}`."""
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar_text(k, flow=True)}: {flow_text(v)}" for k, v in value.items()) + "}"
    return scalar_text(value, flow=True)


def entry_lines(key: object, value: object, comment: str = "", step: int = 2) -> list[str]:
    """The lines of `key: value` at column 0; sequences are not indented, as DVC writes them."""
    head, rest = _block(value, step)
    pad = "" if isinstance(value, list) else " " * step
    first = scalar_text(key) + ":" + (f" {head}" if head else "") + _comment(comment)
    return [first, *(pad + line if line else "" for line in rest)]


def _comment(comment: str) -> str:
    text = "".join(char for char in " ".join(comment.split()) if char.isprintable())
    return f"  # {text}" if text else ""


def _block(value: object, step: int) -> tuple[str, list[str]]:
    """What stands on the line of the key or dash, and the lines below it."""
    if isinstance(value, str):
        return _literal(value) or (scalar_text(value), [])
    if isinstance(value, dict) and value:
        return "", [line for k, v in value.items() for line in entry_lines(k, v, step=step)]
    if isinstance(value, list) and value and not _fits_one_line(value):
        return "", [line for item in value for line in _item_lines(item, step)]
    return flow_text(value), []


def _fits_one_line(items: list[object]) -> bool:
    return not any(isinstance(item, (list, dict)) and item for item in items) and len(flow_text(items)) <= _LONGEST_FLOW


def _item_lines(item: object, step: int) -> list[str]:
    head, rest = _block(item, step)
    if not head:
        head, rest = rest[0], rest[1:]
    return [f"- {head}", *(f"  {line}" if line else "" for line in rest)]


def _literal(text: str) -> tuple[str, list[str]] | None:
    """Text of several lines as a literal block, where such a block shows every character."""
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[0] or not lines[-1]:
        return None
    if lines[0].startswith(" ") or not all(line.isprintable() and line == line.rstrip() for line in lines):
        return None
    return ("|" if text.endswith("\n") else "|-"), lines


# -- YAML -> values and places -------------------------------------------------------------------------------------


def stop(code: str, path: str, line: int | None, message: str, hint: str) -> Nb2stageError:
    """The error that stops a command because of what stands in `path` at the 0-based `line`."""
    place = path if line is None else f"{path}:{line + 1}"
    return Nb2stageError(Diagnostic(code, message, hint, path=place))


def read_yaml(text: str, path: str, code: str) -> Any:
    """The value of a YAML text, read as DVC reads it.  It belongs to all who read the text: change a copy."""
    conflict = re.search(r"^(?:<{7}|>{7})(?: |$)", text, re.M)
    if conflict:
        line = text.count("\n", 0, conflict.start())
        raise stop(code, path, line, "there is an unresolved merge conflict", f"resolve the conflict in {path}")
    try:
        return _plain(text)
    except NotPlainError:
        return _read_fully(text, path, code)


def _read_fully(text: str, path: str, code: str) -> Any:
    """The value of a YAML text of any kind."""
    from ruamel.yaml.error import YAMLError  # slow to load

    try:
        return _loaded(text)
    except RecursionError as error:
        raise stop(code, path, None, "this is nested too deeply, or a value holds itself", f"mend {path}") from error
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise stop(code, path, mark and mark.line, f"this is not valid YAML: {reason}", f"mend {path}") from error


# A project of ten notebooks would read one and the same dvc.yaml fifty times, which is most of the work of a check.
@lru_cache(maxsize=16)
def _plain(text: str) -> Any:
    return value_of(plain_nodes(text))


@lru_cache(maxsize=16)
def _loaded(text: str) -> Any:
    from ruamel.yaml import YAML

    data = YAML(typ="safe", pure=True).load(text)
    same(data, data)  # has no end for a value that holds itself
    return data


@lru_cache(maxsize=16)
def yaml_nodes(text: str) -> Any:
    """The nodes of a YAML text that `read_yaml` reads, with the places where they stand."""
    try:
        return plain_nodes(text)
    except NotPlainError:
        from ruamel.yaml import YAML

        return YAML(typ="safe", pure=True).compose(text)


def line_start(text: str, index: int) -> int:
    """Where the line of `index` begins."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Where the line after that of `index` begins."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def content_end(text: str, node: Any) -> int:
    """An index on the last line with content of a node; comments and blank lines below it are not part of it."""
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    if isinstance(node.value, str) and node.style in ("|", ">"):
        keeps_blank_lines = "+" in text[start : line_end(text, start)].partition("#")[0]
        return end - 1 if keeps_blank_lines else len(text[:end].rstrip())
    if isinstance(node.value, str) or node.flow_style:
        return end
    # A block ends where the next token starts.  Looking back from there finds the end of an alias too; the ends of
    # the leaves find literal text that looks like a comment.
    while end > start and _is_blank(text[line_start(text, end - 1) : end]):
        end = line_start(text, end - 1)
    children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
    inside = [c for c in children if c.start_mark.index >= start and c.value != "" and c is not node]
    return max([end - 1, start, *(content_end(text, child) for child in inside[-1:])])


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def newline_of(text: str) -> str:
    """The line end that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def insertion(text: str, index: int, lines: Sequence[str], column: int) -> Edit:
    """Lines put in at `index`, the beginning of a line, indented by `column`."""
    newline = newline_of(text)
    return index, index, "".join(" " * column * bool(line) + line + newline for line in lines)


def splice(text: str, edits: Sequence[Edit]) -> str:
    """The text after all edits; insertions at one place come in the order given, before what is replaced there."""
    last = len(text)
    if text and not text.endswith("\n") and any(start == last for start, _, _ in edits):
        text += newline_of(text)
        edits = [(len(text), len(text), new) if start == last else (start, end, new) for start, end, new in edits]
    backwards = sorted(enumerate(edits), key=lambda item: (item[1][0], item[1][1] > item[1][0], item[0]), reverse=True)
    for _, (start, end, replacement) in backwards:
        text = text[:start] + replacement + text[end:]
    return text


def same(left: object, right: object) -> bool:
    """Two YAML values are the same when types are too; NaN is NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)
