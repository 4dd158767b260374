"""Two values -> whether they are the same within a tolerance, and in a few words how they differ."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from . import digests

ROWS = 5
DEEPEST = 12
WIDEST = 60


def difference(one: Any, two: Any, rtol: float = 0.0) -> str:
    """How the notebook's value `one` and the pipeline's value `two` differ; empty where they do not, to `rtol`."""
    # The texts have the last word where no rule sees what the digests see.
    return Explainer(rtol).of("", one, two, 0) or texts(one, two, rtol)


def short(value: object) -> str:
    """A value on one short line."""
    text = " ".join(digests.plain_repr(value).split())
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def close(one: float, two: float, rtol: float) -> bool:
    """Are two numbers the same to the tolerance?"""
    if rtol == 0:
        return repr(one) == repr(two)  # -0.0 is not 0.0
    return one == two or (one != one and two != two) or math.isclose(one, two, rel_tol=rtol)


class Explainer:
    """One walk over two values at the same time."""

    def __init__(self, rtol: float) -> None:
        self.rtol = rtol
        self.seen: set[tuple[int, int]] = set()

    def of(self, place: str, one: Any, two: Any, depth: int) -> str:
        """The first difference below a place."""
        if digests.digest(one) == digests.digest(two):
            return ""
        if (id(one), id(two)) in self.seen:
            return ""
        self.seen.add((id(one), id(two)))
        if digests.type_name(type(one)) != digests.type_name(type(two)):
            types = (digests.type_name(type(value)) for value in (one, two))
            kinds = " in the notebook, ".join(types)
            return self.say(place, f"{kinds} in the pipeline: {short(one)} | {short(two)}")
        if depth > DEEPEST:
            return self.say(place, "they differ deep inside")
        rules = (self.of_number, self.of_frame, self.of_series, self.of_array, self.of_container, self.of_object)
        for rule in rules:
            found = rule(place, one, two, depth)
            if found is not None:
                return found
        if short(one) == short(two):
            return self.say(place, texts(one, two, self.rtol))
        return self.say(place, f"{short(one)} in the notebook, {short(two)} in the pipeline")

    def say(self, place: str, text: str) -> str:
        return f"{place}: {text}" if place else text

    def of_number(self, place: str, one: Any, two: Any, _: int) -> str | None:
        if isinstance(one, bool) or not (isinstance(one, int | float) or digests.is_a(one, "numpy", "number")):
            return None
        try:
            if close(one, two, self.rtol):
                return ""
        except (TypeError, OverflowError):
            return None
        return self.say(place, f"{one!r} in the notebook, {two!r} in the pipeline")

    # -- frames, series and arrays

    def of_frame(self, place: str, one: Any, two: Any, depth: int) -> str | None:
        if not digests.is_a(one, "pandas", "DataFrame"):
            return None
        if one.shape != two.shape:
            return self.say(place, f"shape {one.shape} in the notebook, {two.shape} in the pipeline{_names(one, two)}")
        if found := self.of(f"{place}.columns", one.columns, two.columns, depth + 1):
            return found
        if found := self.of(f"{place}.index", one.index, two.index, depth + 1):
            return found
        texts = []
        for i, column in enumerate(one.columns):
            found = self.of(f"{place}[{column!r}]", one.iloc[:, i], two.iloc[:, i], depth + 1)
            if found:
                texts.append(found)
        if not texts:
            return self.of(f"{place}.attrs", dict(one.attrs), dict(two.attrs), depth + 1)
        more = f"\nand {len(texts) - 1} more of {one.shape[1]} columns" if len(texts) > 1 else ""
        return texts[0] + more

    def of_series(self, place: str, one: Any, two: Any, depth: int) -> str | None:
        if not digests.is_a(one, "pandas", "Series", "Index"):
            return None
        if digests.is_a(one, "pandas", "Series"):
            if one.name is not two.name and one.name != two.name:
                return self.say(place, f"name {one.name!r} in the notebook, {two.name!r} in the pipeline")
            if len(one) == len(two) and (found := self.of(f"{place}.index", one.index, two.index, depth + 1)):
                return found
            labels = list(one.index)
        else:
            labels = list(range(len(one)))
        if str(one.dtype) != str(two.dtype):
            return self.say(place, f"dtype {one.dtype} in the notebook, {two.dtype} in the pipeline")
        if len(one) != len(two):
            return self.say(place, f"length {len(one)} in the notebook, {len(two)} in the pipeline")
        if str(one.dtype) == "category":
            categories = list(one.dtype.categories), list(two.dtype.categories)
            if digests.digest(categories[0]) != digests.digest(categories[1]):
                return self.of(f"{place}.categories", *categories, depth + 1)
            if one.dtype.ordered != two.dtype.ordered:
                return self.say(place, f"ordered={one.dtype.ordered} in the notebook, {two.dtype.ordered} not")
        if digests.is_a(one.dtype, "numpy", "dtype") and one.dtype.kind in "biufc":
            return self.numbers(place, one.to_numpy(), two.to_numpy(), labels)
        if hasattr(one.array, "asi8"):
            differ = (one.array.asi8 != two.array.asi8).nonzero()[0].tolist()
            shown = [(labels[i], one.array[i], two.array[i]) for i in differ[:ROWS]]
            return self.table(place, len(differ), len(one), None, shown) if differ else ""
        return self.rows(place, list(one), list(two), labels)

    def of_array(self, place: str, one: Any, two: Any, _: int) -> str | None:
        if not digests.is_a(one, "numpy", "ndarray"):
            return None
        if one.shape != two.shape:
            return self.say(place, f"shape {one.shape} in the notebook, {two.shape} in the pipeline")
        if one.dtype != two.dtype:
            return self.say(place, f"dtype {one.dtype} in the notebook, {two.dtype} in the pipeline")
        if one.dtype.kind in "biufc":
            return self.numbers(place, one, two)
        places = list(_indices(one.shape)) if one.ndim != 1 else list(range(len(one)))
        return self.rows(place, one.ravel().tolist(), two.ravel().tolist(), places)

    def numbers(self, place: str, one: Any, two: Any, labels: Any = None) -> str:
        """Arrays of numbers, without a look at each: they may have millions."""
        np = sys.modules["numpy"]
        with np.errstate(all="ignore"):
            unlike = ~((one == two) | ((one != one) & (two != two)))
            if self.rtol and one.dtype.kind in "fc":
                unlike &= ~np.isclose(one, two, rtol=self.rtol, atol=0.0, equal_nan=True)
            # -0.0 equals 0.0 for numpy, and is another value all the same.
            if not self.rtol and one.dtype.kind == "f":
                unlike |= (one == 0) & (two == 0) & (np.signbit(one) != np.signbit(two))
            gap = np.abs(one[unlike].astype(complex) - two[unlike].astype(complex)) if unlike.any() else []
        total = int(unlike.sum())
        if not total:
            return ""
        first = [tuple(map(int, index)) for index in np.argwhere(unlike)[:ROWS]]
        finite = [float(g) for g in gap if g == g]
        if labels is not None:
            names = [labels[index[0]] for index in first]
        else:
            names = [index if one.ndim != 1 else index[0] for index in first]
        shown = [(name, one[index].item(), two[index].item()) for name, index in zip(names, first, strict=True)]
        return self.table(place, total, one.size, max(finite, default=None), shown)

    def rows(self, place: str, one: list[Any], two: list[Any], labels: list[Any]) -> str:
        """How many values differ, by how much, and the first of them."""
        differ = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if not self.same(a, b)]
        if not differ:
            return ""
        gaps = [abs(one[i] - two[i]) for i in differ if _is_number(one[i]) and _is_number(two[i])]
        largest = max((gap for gap in gaps if gap == gap), default=None)
        return self.table(place, len(differ), len(one), largest, [(labels[i], one[i], two[i]) for i in differ[:ROWS]])

    def table(
        self, place: str, differ: int, total: int, largest: float | None, shown: list[tuple[Any, Any, Any]]
    ) -> str:
        """The counts, and the first values side by side."""
        width = f", by up to {largest:.6g}" if largest is not None else ""
        lines = [self.say(place, f"{differ} of {total} values differ{width}")]
        rows = [("", "notebook", "pipeline"), *((short(a), short(b), short(c)) for a, b, c in shown)]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        lines += ["  ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*lines, "…"] if differ > len(shown) else lines)

    def same(self, one: Any, two: Any) -> bool:
        if type(one) is float and type(two) is float:
            return close(one, two, self.rtol)
        return digests.digest(one) == digests.digest(two)

    # -- containers and objects

    def of_container(self, place: str, one: Any, two: Any, depth: int) -> str | None:
        if isinstance(one, dict):
            missing = [key for key in one if key not in two], [key for key in two if key not in one]
            if any(missing):
                return self.say(place, _only(*missing))
            for key in one:
                if found := self.of(f"{place}[{key!r}]", one[key], two[key], depth + 1):
                    return found
            return "" if list(one) == list(two) else self.say(place, "the keys come in another order")
        if isinstance(one, list | tuple):
            if len(one) != len(two):
                return self.say(place, f"length {len(one)} in the notebook, {len(two)} in the pipeline")
            for i, (a, b) in enumerate(zip(one, two, strict=True)):
                if found := self.of(f"{place}[{i}]", a, b, depth + 1):
                    return found
            return ""
        if isinstance(one, set | frozenset):
            return self.say(place, _only(sorted(one - two, key=repr), sorted(two - one, key=repr)))
        return None

    def of_object(self, place: str, one: Any, two: Any, depth: int) -> str | None:
        if digests.type_name(type(one)).startswith(("matplotlib.", "mpl_toolkits.")):
            found = texts(one, two, self.rtol)
            return self.say(place, found) if found else ""
        first, second = digests.attributes(one), digests.attributes(two)
        if not first or not second:
            return None
        missing = [key for key in first if key not in second], [key for key in second if key not in first]
        if any(missing):
            return self.say(place, _only(*missing))
        for key in sorted(first, key=str):
            if found := self.of(f"{place}.{key}", first[key], second[key], depth + 1):
                return found
        # The attributes are the same to the tolerance: what differs is state that is not among them.
        return "" if self.rtol and first else None


def in_full(value: object) -> str:
    """The digest of a value with everything spelt out."""
    kept = digests.LONGEST, digests.SHORTEST_BULK
    digests.LONGEST = digests.SHORTEST_BULK = 10**9
    try:
        return digests.digest(value)
    finally:
        digests.LONGEST, digests.SHORTEST_BULK = kept


def same_numbers(one: str, two: str, rtol: float) -> bool:
    """Are two texts the same but for numbers that are close?"""
    number = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
    if re.sub(number, "0", one) != re.sub(number, "0", two):
        return False
    pairs = zip(re.findall(number, one), re.findall(number, two), strict=True)
    return all(close(float(a), float(b), rtol) for a, b in pairs)


def texts(one: object, two: object, rtol: float = 0.0) -> str:
    """Two digests in full around the first character in which they differ; empty where they do not, to `rtol`."""
    first, second = in_full(one), in_full(two)
    if first == second or (rtol and same_numbers(first, second, rtol)):
        return ""
    pairs = enumerate(zip(first, second, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
    start = max(0, at - WIDEST // 2)
    return f"…{first[start : at + WIDEST]}… in the notebook, …{second[start : at + WIDEST]}… in the pipeline"


def _only(one: list[Any], two: list[Any]) -> str:
    parts = [f"{short(one)} only in the notebook"] if one else []
    parts += [f"{short(two)} only in the pipeline"] if two else []
    return ", ".join(parts)


def _names(one: Any, two: Any) -> str:
    missing = [c for c in one.columns if c not in two.columns], [c for c in two.columns if c not in one.columns]
    return f"; columns {_only(*missing)}" if any(missing) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _indices(shape: tuple[int, ...]) -> Any:
    import itertools

    return itertools.product(*map(range, shape))
