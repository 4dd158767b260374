"""What somebody may have meant who wrote something else."""

from __future__ import annotations

import re
from collections.abc import Sequence


def closest(word: str, words: Sequence[str], cutoff: float = 0.6) -> str | None:
    """The most similar of `words` with a ratio of equal characters (`difflib`, 0 to 1) of at least `cutoff`, or None."""
    import difflib  # loaded only where something is misspelt

    return next(iter(difflib.get_close_matches(word, words, 1, cutoff)), None)


def identifier(path: str) -> str:
    """The name of a notebook as a part of other names: `b/my forecast.ipynb` as `b_my_forecast`."""
    stem = path.removesuffix(".ipynb")
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"notebook_{name}".rstrip("_")
