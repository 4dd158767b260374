"""Saving values that may turn out not to be savable."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

Dump = Callable[[Any, BinaryIO], object]


def dump_any(value: Any, file: BinaryIO) -> None:
    """Pickle a value; cloudpickle does it where the value holds functions without a name."""
    try:
        data = pickle.dumps(value)
    except (AttributeError, pickle.PicklingError):
        import cloudpickle  # type: ignore[import-untyped]

        data = cloudpickle.dumps(value)
        pickle.loads(data)  # not all that can be saved so can be loaded
    file.write(data)


def save_object(value: Any, path: str, dump: Dump = dump_any) -> None:
    """Write a value to a file, or write none and say why that cannot be."""
    target = Path(path)
    try:
        with target.open("wb") as file:
            dump(value, file)
    except Exception as error:
        target.unlink(missing_ok=True)
        raise SystemExit(
            f"Stage {target.parent.name} cannot save {target.stem} ({type(value).__name__}): {error}\n"
            "Make it in the stage that uses it, or put both cells into one stage."
        ) from error
