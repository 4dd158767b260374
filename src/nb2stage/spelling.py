"""What somebody may have meant who wrote something else."""

from __future__ import annotations

from collections.abc import Sequence


def closest(word: str, words: Sequence[str], cutoff: float = 0.6) -> str | None:
    """The most similar of `words` whose ratio of equal characters (0 to 1, `difflib`'s) is at least `cutoff`; None if none is."""
    import difflib  # only where something is misspelt: each conversion would pay for it

    return next(iter(difflib.get_close_matches(word, words, 1, cutoff)), None)
