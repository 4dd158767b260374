"""Two values -> the same without what a clock put into them, so that the rest can be compared."""

from __future__ import annotations

import copy
import datetime
import numbers
import types
from typing import Any

from . import digests

DEEPEST = 8
MOST = 20_000
MASK = "(a time)"


class Masker:
    """Takes the times out of a value; `found` has their places.

    `keys` are those under which times lie, `positions` the places in tuples, `known` the names that libraries use, each
    with what has to stand beside it.
    """

    def __init__(self, whole: bool, keys: list[str], positions: list[int], known: dict[str, str]) -> None:
        self.whole, self.keys, self.positions, self.known = whole, set(keys), set(positions), known
        self.found: dict[str, None] = {}
        self.seen: set[int] = set()

    def of(self, value: Any, place: str = "", depth: int = 0) -> Any:
        """The value without its times; the very same one where it has none."""
        if self.whole and not place and is_plain(value):
            self.found["the value"] = None
            return MASK
        if depth > DEEPEST or id(value) in self.seen or len(self.seen) > MOST:
            return value
        if isinstance(value, dict | list | tuple) or digests.is_a(value, "pandas", "DataFrame", "Series"):
            self.seen.add(id(value))
        if isinstance(value, dict):
            return self.of_dict(value, place, depth)
        if isinstance(value, list):
            if len(value) > MOST:
                return value
            new = [self.of(item, f"{place}[{n}]", depth + 1) for n, item in enumerate(value)]
            return new if _changed(value, new) and type(value) is list else value
        if isinstance(value, tuple):
            return self.of_tuple(value, place, depth)
        if digests.is_a(value, "pandas", "DataFrame"):
            return self.of_frame(value, place)
        if digests.is_a(value, "pandas", "Series"):
            return self.of_series(value, place)
        return self.of_object(value, place, depth)

    def is_time(self, key: object, beside: Any) -> bool:
        """Whether a time lies under this key."""
        if not isinstance(key, str):
            return False
        return key in self.keys or (key in self.known and (not self.known[key] or self.known[key] in beside))

    def taken(self, place: str) -> str:
        self.found[place] = None
        return MASK

    def of_dict(self, value: Any, place: str, depth: int) -> Any:
        new = {}
        for key, item in value.items():
            inner = f"{place}[{key!r}]"
            is_time = self.is_time(key, value) and is_plain(item)
            new[key] = self.taken(inner) if is_time else self.of(item, inner, depth + 1)
        if not _changed(value.values(), new.values()):
            return value
        made = copy.copy(value)
        made.update(new)
        return made

    def of_tuple(self, value: Any, place: str, depth: int) -> Any:
        new = [
            self.taken(f"{place}[{n}]")
            if n in self.positions and is_plain(item)
            else self.of(item, f"{place}[{n}]", depth + 1)
            for n, item in enumerate(value)
        ]
        if not _changed(value, new):
            return value
        return type(value)(*new) if hasattr(value, "_fields") else tuple(new)

    def of_frame(self, value: Any, place: str) -> Any:
        columns = [name for name in value.columns if self.is_time(name, value.columns)]
        if not columns:
            return value
        return value.assign(**{name: self.taken(f"{place}[{name!r}]") for name in columns})

    def of_series(self, value: Any, place: str) -> Any:
        labels = [label for label in value.index if self.is_time(label, value.index)]
        if not labels and not self.is_time(value.name, ()):
            return value
        if not labels:
            self.taken(place or str(value.name))
            return [MASK] * len(value)
        made = value.astype(object)
        for label in labels:
            made[label] = self.taken(f"{place}[{label!r}]")
        return made

    def of_object(self, value: Any, place: str, depth: int) -> Any:
        """Something with attributes, such as a fitted search."""
        state = getattr(value, "__dict__", None)
        if not isinstance(state, dict) or isinstance(value, type | types.ModuleType):
            return value
        self.seen.add(id(value))
        new = {}
        for name, item in state.items():
            inner = f"{place}.{name}"
            is_time = self.is_time(name, state) and is_plain(item)
            new[name] = self.taken(inner) if is_time else self.of(item, inner, depth + 1)
        if not _changed(state.values(), new.values()):
            return value
        made = copy.copy(value)
        made.__dict__.update(new)
        return made


def masker(clock: dict[str, Any]) -> Masker:
    """The masker of a request."""
    return Masker(clock["whole"], clock["keys"], clock["positions"], clock["known"])


def said(found: dict[str, None]) -> str:
    """The places of times, in a few words."""
    places = [place.removeprefix(".") for place in found]
    shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
    return "a clock's time" if places == ["the value"] else f"times of a clock: {shown}"


def is_plain(value: Any) -> bool:
    """Whether this is a number, a text or a time, or a row of such."""
    if isinstance(value, bool):
        return False
    if isinstance(value, numbers.Number | str | datetime.date | datetime.time | datetime.timedelta):
        return True
    if isinstance(value, list | tuple | set):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    name = digests.type_name(type(value))
    if digests.is_a(value, "numpy", "ndarray"):
        return bool(value.dtype.kind in "iufmM")
    if digests.is_a(value, "pandas", "Series", "Index"):
        return bool(getattr(value.dtype, "kind", "") in "iufmM")
    return name.startswith(("pandas._libs.tslibs", "time.struct_time", "numpy.datetime64", "numpy.timedelta64"))


def _changed(before: Any, after: Any) -> bool:
    return any(one is not two for one, two in zip(before, after, strict=True))
