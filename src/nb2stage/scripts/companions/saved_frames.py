"""Frames in Parquet files, which do not keep all that a frame may be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

WAY_OUT = 'with the setting frames = "pickle" it is kept'
REFUSALS = (
    ImportError,
    NotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)
PLAIN = (str, bytes, bool, int, float, type(None))


def save_frame(frame: Any, path: str) -> None:
    """Write a frame to a file, or write none and say what would not come back."""
    try:
        frame.to_parquet(path)
        lost = next(differences(frame, pd.read_parquet(path)), "")
    except REFUSALS as error:
        lost = f"{type(error).__name__}: {error}"
    if lost:
        Path(path).unlink(missing_ok=True)
        what = f"Parquet does not keep {Path(path).stem}"
        raise SystemExit(f"{path}: {what} as it is: {lost}; {WAY_OUT}")


def differences(one: Any, two: Any) -> Iterator[str]:
    """What of a frame has not come back."""
    if type(one) is not type(two):
        yield f"its class, {type(one).__name__}"
        return
    if repr(one.attrs) != repr(two.attrs) or one.flags != two.flags:
        yield "its attrs or flags"
    for what in ("index", "columns"):
        mine, other = getattr(one, what), getattr(two, what)
        if traits(mine) != traits(other) or not same(mine, other):
            yield f"its {what}"
            return
    for place, name in enumerate(one.columns):
        mine, other = one.iloc[:, place], two.iloc[:, place]
        if traits(mine.array) != traits(other.array) or not same(mine, other):
            yield f"its column {name!r}, of {mine.dtype}"
            return
    for dtype in set(one.dtypes):
        if order(one, dtype) != order(two, dtype):
            yield "the order of its numbers in memory, which last digits show"


def traits(values: Any) -> list[str]:
    """What an index or a column is beside its values."""
    found = [type(values).__name__, repr(values.dtype)]
    for name in ("names", "freq", "tz", "ordered"):
        found.append(repr(getattr(values, name, None)))
    found.append(repr(list(getattr(values, "categories", ()))))
    for level in getattr(values, "levels", ()):  # also those without rows
        found += [*traits(level), repr(list(level))]
    return found


def same(one: Any, two: Any) -> bool:
    """Whether values are the same, and of the same types."""
    if not one.equals(two):
        return False
    if isinstance(one, pd.MultiIndex):
        return all(map(same, one.levels, two.levels))
    if one.dtype != object:
        return True
    kinds = [(type(mine), type(other)) for mine, other in zip(one, two, strict=True)]
    return all(mine is other and mine in PLAIN for mine, other in kinds)


def order(frame: Any, dtype: Any) -> tuple[bool, bool]:
    """How the numbers of one dtype lie in memory."""
    flags = frame.loc[:, (frame.dtypes == dtype).to_numpy()].to_numpy().flags
    return bool(flags.c_contiguous), bool(flags.f_contiguous)
