"""Pickles in which each NaN stays one object: dicts and sets find only the same one."""

import math
import pickle
from typing import Any, BinaryIO, ClassVar

import numpy as np

NAN = np.nan


def save_number(pickler: Any, value: float) -> None:
    """Write a float: numpy's NaN by its name, and another NaN so that it is written once."""
    if value is NAN:
        pickler.write(b"cnumpy\nnan\n")
    else:
        pickler.save_float(value)
        if math.isnan(value):
            pickler.memoize(value)


class NanPickler(pickle._Pickler):
    """Keeps each NaN one object."""

    dispatch: ClassVar[dict[type, Any]] = {
        **pickle._Pickler.dispatch,
        float: save_number,
    }


def dump_with_nan(value: Any, file: BinaryIO) -> None:
    """Pickle a value so that each NaN comes back as one object."""
    NanPickler(file).dump(value)
