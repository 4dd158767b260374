"""What crosses between stages: what each needs, the files that hold it, what is repeated instead."""

from __future__ import annotations

from nb2stage.analysis.objects import Obj, Statement
from nb2stage.analysis.vocabulary import BOUND, Unbound
from nb2stage.knowledge.formats import Contents
from nb2stage.records import dataclass, field


@dataclass
class Need:
    """A name that a stage needs from outside: what it refers to there, and who bound it."""

    name: str
    values: frozenset[Obj]
    sites: frozenset[Statement]
    before: int  # position up to which changes count
    unbound: Unbound = BOUND
    statement: Statement | None = None  # the first statement that reads it; None where it is only handed on
    certain: bool = False  # read whatever happens: were it unbound, the notebook would stop there


@dataclass
class Transfer:
    """One cache file: written by `stage`, holding `names`, read by each of `consumers` as far as it needs."""

    stage: int
    names: list[str]
    consumers: dict[int, set[str]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)  # may be unbound when saved, for all that the saving stage shows
    certain: set[str] = field(default_factory=set)  # bound when saved, as a stage that loads it shows
    contents: Contents = Contents()
    graded: list[str] = field(default_factory=list)  # names beside whose values their gradients are saved
    untried: bool = False  # holds something of a kind that is not known to be savable

    @property
    def keeps_nan(self) -> bool:
        """Whether it holds NaN that is looked for by identity."""
        return "one NaN" in self.contents.traits

    @property
    def optional(self) -> set[str]:
        """The names that may be unbound when saved."""
        return self.unsure - self.certain


@dataclass
class Round:
    """Files that are loaded one after the other, and statements that are repeated behind them."""

    transfers: list[Transfer] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)


@dataclass
class StageData:
    """What one stage gets and gives."""

    index: int
    statements: list[Statement]
    needs: dict[str, Need] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)  # needs that cross in a file
    repeats: dict[Statement, set[str]] = field(default_factory=dict)  # outside statements, and the names wanted of them
    late: set[Statement] = field(default_factory=set)  # of `repeats`, those that need what is loaded
    rounds: list[Round] = field(default_factory=list)  # the loads, and behind each round of them what is late
    late_settings: list[Statement] = field(default_factory=list)  # that are made again behind the loads
    by_name: set[str] = field(default_factory=set)  # names that a loaded formula looks up
    rebuilt: set[str] = field(default_factory=set)  # views that are made again from what they are views of
