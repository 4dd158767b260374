"""Several notebooks in one project: whose the stages and parameters are, and what those of the next one are called.

Stages of one dvc.yaml need different names.  A notebook whose tags ask for names that another one has gets its own, and
keeps them: what it was converted to is in the state.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.files.writer import Conversion
from nb2stage.texts.spelling import identifier


def stage_names(tags: Sequence[str], path: str, notebooks: Mapping[str, Conversion]) -> list[str]:
    """The names of a notebook's stages, in the order of their tags: `train`, or `forecast_train` where that is taken."""
    mine = notebooks.get(path, Conversion()).stages
    taken = _taken(path, notebooks)
    fresh = not mine and not taken.keys().isdisjoint(tags)
    names = []
    for tag in tags:
        known = [name for name in mine if name.endswith(f"_{tag}") and name not in tags and name not in taken]
        own = _own(path, tag, taken) if fresh or tag in taken else tag
        names.append(known[0] if known else own)
    return names


def _taken(path: str, notebooks: Mapping[str, Conversion]) -> dict[str, str]:
    return {stage: other for other, made in notebooks.items() if other != path for stage in made.stages}


def _own(path: str, tag: str, taken: Mapping[str, str]) -> str:
    """A name with that of the notebook before it; with its folders where two notebooks have one name."""
    short = f"{identifier(posixpath.basename(path))}_{tag}"
    return short if short not in taken else f"{identifier(path)}_{tag}"


def renamed(
    tags: Sequence[str], names: Sequence[str], path: str, notebooks: Mapping[str, Conversion]
) -> list[Diagnostic]:
    """A note on the stages that have another name than their tag."""
    pairs = [(tag, name) for tag, name in zip(tags, names, strict=True) if tag != name]
    if not pairs:
        return []
    taken = _taken(path, notebooks)
    others = sorted({taken[tag] for tag, _ in pairs if tag in taken}) or ["another notebook"]
    shown = ", ".join(f"`{name}`" for _, name in pairs)
    message = f"{' and '.join(others)} has stages of these names: those of this notebook are called {shown}"
    hint = "for other names tag the cells `stage:NAME`"
    return [Diagnostic("NB604", message, hint, Severity.NOTE, path)]


def clash(notebooks: Mapping[str, Conversion], path: str, names: Sequence[str]) -> list[Diagnostic]:
    """An error where two notebooks of one project would still have a stage of the same name."""
    taken = _taken(path, notebooks)
    hint = "tag the cells of that stage in one of the two notebooks `stage:NAME`, with a name of its own"
    return [
        Diagnostic("NB604", f"stage `{name}` belongs to {taken[name]} already", hint, path=path, stage=name)
        for name in names
        if name in taken
    ]


def params_of_others(notebooks: Mapping[str, Conversion], path: str) -> frozenset[str]:
    """The keys of params.yaml that other notebooks read and this one does not: a name that both bind is two parameters."""
    mine = notebooks.get(path, Conversion()).params
    return frozenset(
        key for other, made in notebooks.items() if other != path for key in made.params if key not in mine
    )
