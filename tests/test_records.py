"""The records of nb2stage are what the standard library's dataclasses are, but cheap to define."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from nb2stage import records

if TYPE_CHECKING:
    from collections.abc import Callable


@records.dataclass
class Ours:
    name: str
    size: int = 3
    parts: list[int] = records.field(default_factory=list)


@dataclasses.dataclass
class Theirs:
    name: str
    size: int = 3
    parts: list[int] = dataclasses.field(default_factory=list)


@records.dataclass(frozen=True)
class OursFrozen:
    name: str
    rest: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise KeyError


@dataclasses.dataclass(frozen=True)
class TheirsFrozen:
    name: str
    rest: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise KeyError


@records.dataclass(frozen=True)
class OursSingle:
    value: float


@dataclasses.dataclass(frozen=True)
class TheirsSingle:
    value: float


@records.dataclass(eq=False)
class OursAlone:
    value: int = 0

    def __repr__(self) -> str:
        return "alone"


@dataclasses.dataclass(eq=False)
class TheirsAlone:
    value: int = 0

    def __repr__(self) -> str:
        return "alone"


NAN = float("nan")

# What is done with a class and its twin: the outcome, a value or the exception, must be the same.
ACTIONS: dict[str, Callable[[Any, Any, Any, Any], object]] = {
    "positional": lambda r, f, s, a: repr(r("x", 1, [2])),
    "by name": lambda r, f, s, a: repr(r(parts=[2], name="x")),
    "missing": lambda r, f, s, a: r(),
    "too many": lambda r, f, s, a: r("x", 1, [2], 3),
    "unknown": lambda r, f, s, a: r("x", colour=1),
    "twice": lambda r, f, s, a: r("x", name="y"),
    "fresh defaults": lambda r, f, s, a: r("x").parts is r("x").parts,
    "equal": lambda r, f, s, a: (r("x"), f("x"), s(1.0)) == (r("x", 3, []), f("x", ()), s(1.0)),
    "not equal": lambda r, f, s, a: (r("x") == r("y"), f("x") == f("x", (1,)), r("x") == f("x"), s(1.0) == 1.0),
    "equal to itself": lambda r, f, s, a: s(NAN) == s(NAN),
    "by identity": lambda r, f, s, a: (a() == a(), len({a(), a()})),
    "hash": lambda r, f, s, a: (hash(f("x")) == hash(f("x")), len({f("x"), f("x"), s(1.0), s(1.0)})),
    "no hash": lambda r, f, s, a: hash(r("x")),
    "own repr": lambda r, f, s, a: repr(a()),
    "change": lambda r, f, s, a: setattr(r("x"), "name", "y"),
    "change of a frozen one": lambda r, f, s, a: setattr(f("x"), "name", "y"),
    "new attribute of a frozen one": lambda r, f, s, a: setattr(f("x"), "other", "y"),
    "deletion from a frozen one": lambda r, f, s, a: delattr(f("x"), "name"),
    "checked": lambda r, f, s, a: f(""),
    "copied": lambda r, f, s, a: (copy.deepcopy(r("x")) == r("x"), pickle.loads(pickle.dumps(f("x"))) == f("x")),
    "asdict": lambda r, f, s, a: dataclasses.asdict(r("x", 1, [2])),
    "fields": lambda r, f, s, a: [field.name for field in dataclasses.fields(r)],
    "their replace": lambda r, f, s, a: repr(dataclasses.replace(f("x"), rest=(1,))),
    "matched": lambda r, f, s, a: (r.__match_args__, f.__match_args__),
    "holds itself": lambda r, f, s, a: repr(holding_itself(r("x"))),
}


def holding_itself(record: Any) -> Any:
    record.parts.append(record)
    return record


def outcome(action: Callable[[Any, Any, Any, Any], object], classes: tuple[Any, ...]) -> object:
    try:
        result = action(*classes)
    except Exception as error:
        return next(kind for kind in (AttributeError, TypeError, KeyError) if isinstance(error, kind))
    return result.replace("Theirs", "Ours") if isinstance(result, str) else result


@pytest.mark.parametrize("name", ACTIONS)
def test_a_record_does_what_a_dataclass_does(name: str) -> None:
    """The classes below `if TYPE_CHECKING` are the standard library's: a type checker must not be told untruths."""
    ours = outcome(ACTIONS[name], (Ours, OursFrozen, OursSingle, OursAlone))
    assert ours == outcome(ACTIONS[name], (Theirs, TheirsFrozen, TheirsSingle, TheirsAlone))


def test_replace() -> None:
    """Fields that are not named stay, and what a record checks is checked again."""
    assert records.replace(OursFrozen("x", (1,)), name="y") == OursFrozen("y", (1,))
    with pytest.raises(KeyError):
        records.replace(OursFrozen("x"), name="")
