"""Arrays in files of numpy, which keep numbers and texts but nothing else."""

from pathlib import Path
from typing import Any

import numpy as np

WAY_OUT = 'with the setting arrays = "pickle" it is kept'


def save_array(array: Any, path: str) -> None:
    """Write an array to a file, or write none and say why that cannot be."""
    lost = ""
    if type(array) is not np.ndarray:
        lost = f"its class, {type(array).__name__}"
    elif array.dtype.hasobject or array.dtype.metadata:
        lost = f"its dtype, {array.dtype}"
    if lost:
        what = f"a file of numpy does not keep {Path(path).stem}"
        raise SystemExit(f"{path}: {what} as it is: {lost}; {WAY_OUT}")
    np.save(path, array, allow_pickle=False)
