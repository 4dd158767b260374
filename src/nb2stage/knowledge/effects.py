"""A row of the tables, parsed: what one call does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from nb2stage.knowledge.generators import GENERATORS
from nb2stage.knowledge.valuetypes import Type
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass, replace

# Arguments that make a call draw from what they say, and not from a generator of the process.
SEED_ARGUMENTS: Final = frozenset({"random_state", "seed", "rng", "generator"})

RESULTS: Final = frozenset({"atom", "fresh", "holds", "view", "part", "cell", "rows", "any"})
FILES: Final = frozenset(
    {
        *("reads", "writes", "appends", "copies", "moves", "removes", "probes", "connects", "globs", "mkdirs"),
        *("unknown-file", "file", "reads-if-there"),
    }
)


class RowError(ValueError):
    """A row has a word that nobody knows."""


@dataclass(frozen=True)
class Effect:
    """A parsed row."""

    result: str = "any"
    type: Type = ""
    changes: bool = False
    changes_all: bool = False
    changes_some: tuple[str, ...] = ()  # names, and places from 0, of arguments that it changes
    keeps: bool = False
    keeps_members: bool = False  # and what an iteration over the arguments gives
    draws: str = ""  # "" no, "seedable" unless a random state is given, "always", or "any" from each that is seeded
    drawn: tuple[str, ...] = ()  # the generators that it draws from
    seeds: tuple[str, ...] = ()
    may_seed: tuple[str, ...] = ()  # perhaps, as far as the row can say
    chance: bool = False  # begins by chance unless it is given a seed, or where to begin
    by_chance: bool = False  # makes a generator, which begins by chance unless it is given a seed
    sets: str = ""
    asks: bool = False  # without an argument it sets nothing
    registers: bool = False  # a name that code finds it by: its first argument
    freezes: bool = False  # the function that it gives keeps the values that globals had when it was first called
    default: str = ""  # the file that is meant where no argument names one
    takes_back: str = ""  # of a context: "all" settings made within it, or those that it makes "itself"
    file: str = ""  # "reads", "writes", "appends", ...
    place: int = 0  # which argument names the file
    mode: str = ""  # of `opens`: how, where no argument says it
    suffix: str = ""  # what the name of a written file gets behind it
    suffix_always: bool = False  # where it does not end with just this, and not only where it has no suffix
    handle: bool = False
    plots: int = 0  # 1: exactly one figure, 2: perhaps
    cheap: bool = False
    unknown: bool = False
    copies_type: bool = False
    cells: bool = False  # the result's cells may be new lists or other mutable objects
    nested: bool = False  # a list of lists
    sql: bool = False  # the first argument is a text in SQL
    process: Type = ""  # the type of the object of the process whose method it is
    yields: Type = ""  # the type of what an iteration over the result gives
    cuts: bool = False  # the result has no graph
    shares: bool = False  # the result certainly shares the memory of the receiver or first argument
    itself: Type = ""  # the result is the first argument itself where that has this type
    shares_with: Type = ""  # or shares its memory
    itself_if: tuple[tuple[str, int, str], ...] = ()  # or where an argument (name, place) has this value
    gives: tuple[tuple[str, int, str], ...] = ()  # arguments (name, place) that may be part of the result
    foreign: bool = False  # the result may be of any class
    learns: bool = False  # the receiver holds the result, as what it has learnt
    # Which functions it calls: "all" that it can get at, "given" as arguments and no step of an estimator, "held" by its
    # receiver too, or "none".
    calls: str = "all"


# An unknown call may return, keep, change and draw from whatever it can reach.
UNKNOWN: Final = Effect(changes=True, changes_all=True, keeps=True, draws="any", unknown=True)

# Words that set one field to one value.
_WORDS: Final[dict[str, dict[str, Any]]] = {
    "same": {"copies_type": True},
    "changes": {"changes": True},
    "changes-all": {"changes_all": True},
    "keeps": {"keeps": True},
    "keeps-members": {"keeps": True, "keeps_members": True},
    "draws": {"draws": "seedable", "drawn": ("numpy",)},
    "draws-none": {"draws": ""},
    "by-chance": {"by_chance": True},
    "begins-by-chance": {"chance": True},
    "takes-back": {"takes_back": "all"},
    "takes-back-itself": {"takes_back": "itself"},
    "asks": {"asks": True},
    "registers": {"registers": True},
    "freezes": {"freezes": True},
    "second": {"place": 1},
    "handle": {"handle": True},
    "plots": {"plots": 2},
    "figure": {"plots": 1},
    "cheap": {"cheap": True},
    "cells": {"cells": True},
    "nested": {"nested": True},
    "sql": {"sql": True},
    "shares": {"shares": True},
    "learns": {"learns": True},
    "foreign": {"foreign": True},
    "cuts": {"cuts": True},
    "calls:none": {"calls": "none"},
    "calls:given": {"calls": "given"},
    "calls:held": {"calls": "held"},
    **{word: {"file": word} for word in FILES},
}

# Words with a value that say how a file is used.
_OF_FILES: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "opens": lambda mode: {"file": "opens", "mode": mode},
    "at": lambda place: {"place": int(place)},
    "suffix": lambda suffix: {"suffix": suffix, "suffix_always": True},
    "default-suffix": lambda suffix: {"suffix": suffix},
}


# `n@1=0`: the argument `n`, which stands at place 1, and a value of it.
_ARGUMENT: Final = Pattern(r"(?P<name>\w+)@(?P<place>\d)(=(?P<value>\S+))?")


@cache
def parse(row: str) -> Effect:
    """The `Effect` that a row's words describe.  Raises `RowError` for a word that nobody knows."""
    if row == "unknown":
        return UNKNOWN
    values: dict[str, Any] = {}
    base = UNKNOWN if row.startswith("unknown ") else Effect()
    lists: dict[str, list[Any]] = {
        name: [] for name in ("seeds", "may_seed", "drawn", "changes_some", "itself_if", "gives")
    }
    for word in row.removeprefix("unknown ").split():
        head, _, tail = word.partition(":")
        if head in RESULTS:
            if "result" in values:
                raise RowError(f"`{word}` is a second result")
            values["result"] = head
            values.update({"copies_type": True} if tail == "same" else {"type": tail})
        elif word in _WORDS:
            values.update(_WORDS[word])
        elif head in ("draws", "draws-always") and tail in GENERATORS:
            values["draws"] = "seedable" if head == "draws" else "always"
            lists["drawn"].append(tail)
        elif head in ("seeds", "may-seed") and tail in GENERATORS:
            lists[head.replace("-", "_")].append(tail)
        elif head in _OF_FILES and tail:
            values.update(_OF_FILES[head](tail))
        elif head == "changes" and tail:
            lists["changes_some"].append(tail)
        elif head in ("sets", "process", "yields", "itself", "shares-with", "default") and tail:
            values[head.replace("-", "_")] = tail
        elif head in ("itself-if", "gives") and (match := _ARGUMENT.fullmatch(tail)):
            lists[head.replace("-", "_")].append((match["name"], int(match["place"]), match["value"] or ""))
        else:
            raise RowError(f"`{word}` is no word of a row")
    values.update({name: tuple(each) for name, each in lists.items() if each})
    return replace(base, **values)
