"""Where to cut: the cheapest sequence of stages over the cells of a pipeline, over all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from nb2stage.reading.stages import STAGES

FEWEST: Final = 3
MOST: Final = 7
_STAGE: Final = 0.4  # what one more stage costs
_CARRIED: Final = 0.12  # what each name costs that a cut carries
_BACK: Final = 0.8  # what it costs to go back to an earlier kind of work, which makes a second stage of it
_TOO_FEW: Final = 1.5
_MOST_CARRIED: Final = 12
_MAX_FIT: Final = 6.0
_WORTH_MOVING: Final = 0.8


def cheapest(
    cells: Sequence[tuple[int, Mapping[str, float], str]], carried: Mapping[int, int], count: int | None = None
) -> list[str]:
    """A kind of stage for each cell, of `(position, how well each kind fits, kind that it must have or "")`.

    The sum is least of what misfits, of what the cuts carry (`carried` by the cell before the cut), and of the stages
    themselves, of which there are 3 to 7, or `count`.
    """
    if not cells:
        return []
    most = count or MOST
    kinds = list(STAGES) + sorted({must for *_, must in cells if must and must not in STAGES})
    rank = {kind: place for place, kind in enumerate(kinds)}
    costs = [_costs(fits, must, kinds) for _, fits, must in cells]
    infinity = float("inf")
    # best[k][kind]: the least cost of all cells so far, in k + 1 stages, of which the last is of that kind
    best = [{kind: costs[0][kind] for kind in kinds}] + [dict.fromkeys(kinds, infinity) for _ in range(most - 1)]
    back: list[list[dict[str, tuple[int, str]]]] = []
    for place in range(1, len(cells)):
        cut = _STAGE + _CARRIED * min(_MOST_CARRIED, carried.get(cells[place - 1][0], 0))
        new: list[dict[str, float]] = []
        came: list[dict[str, tuple[int, str]]] = []
        for k in range(most):
            row: dict[str, float] = {}
            from_: dict[str, tuple[int, str]] = {}
            before = best[k - 1] if k else {}
            ordered = sorted(before, key=before.__getitem__)[:3]
            for kind in kinds:
                least, origin = best[k][kind], (k, kind)
                for other in before:
                    if other == kind or (other not in ordered and rank[other] > rank[kind]):
                        continue
                    price = before[other] + cut + (_BACK if rank[other] > rank[kind] else 0.0)
                    if price < least:
                        least, origin = price, (k - 1, other)
                row[kind] = least + costs[place][kind]
                from_[kind] = origin
            new.append(row)
            came.append(from_)
        best = new
        back.append(came)
    wanted = count or FEWEST
    ends = [
        (row[kind] + _TOO_FEW * max(0, wanted - 1 - k), k, rank[kind]) for k, row in enumerate(best) for kind in kinds
    ]
    _, k, place = min(ends)
    kind = kinds[place]
    chosen = [kind]
    for came in reversed(back):
        k, kind = came[k][kind]
        chosen.append(kind)
    return chosen[::-1]


def moved(
    cells: Sequence[tuple[int, Mapping[str, float], str]],
    kinds: Sequence[str],
    clash: Callable[[int, int], str],
    most: int,
) -> list[str]:
    """The kinds with those of single cells changed for better ones, where the cells may change places with those between.

    The training of a second model joins that of the first although the first is judged before it.
    """
    chosen = list(kinds)
    misfits = [(_misfit(fits, kinds[i]), i) for i, (_, fits, must) in enumerate(cells) if not must]
    for misfit, i in sorted(misfits, key=lambda each: (-each[0], each[1])):
        if misfit < _WORTH_MOVING:
            break
        fits = cells[i][1]
        for kind in sorted(fits, key=fits.__getitem__, reverse=True):
            if _misfit(fits, kind) > misfit - _WORTH_MOVING:
                break
            new = [*chosen[:i], kind, *chosen[i + 1 :]]
            if len(set(new)) <= most and _may_stand(cells, new, i, clash):
                chosen = new
                break
    return chosen


def _misfit(fits: Mapping[str, float], kind: str) -> float:
    return max(fits.values(), default=0.0) - fits.get(kind, 0.0)


def _may_stand(
    cells: Sequence[tuple[int, Mapping[str, float], str]],
    kinds: Sequence[str],
    i: int,
    clash: Callable[[int, int], str],
) -> bool:
    """Whether no cell changes places with one that it depends on, the stages being in the order of their first cells."""
    rank = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
    old = [kind for place, kind in enumerate(kinds) if place != i]
    before = {kind: place for place, kind in enumerate(dict.fromkeys(old))}
    if [kind for kind in rank if kind in before] != list(before):
        return False
    return all(
        (rank[kinds[j]] - rank[kinds[i]]) * (j - i) >= 0 or not clash(cells[min(i, j)][0], cells[max(i, j)][0])
        for j in range(len(cells))
        if j != i
    )


def _costs(fits: Mapping[str, float], must: str, kinds: Sequence[str]) -> dict[str, float]:
    """What each kind misfits a cell."""
    if must:
        return {kind: 0.0 if kind == must else 1000.0 for kind in kinds}
    top = max(fits.values(), default=0.0)
    if top <= 0:
        return dict.fromkeys(kinds, 0.0)
    scale = min(1.0, _MAX_FIT / top)
    return {kind: (top - fits.get(kind, 0.0)) * scale for kind in kinds}
