"""Calls whose first argument is SQL: the variables that it names, and what it changes; objects that a process has one of."""

from __future__ import annotations

import ast
import re
from typing import Final

from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Obj, Values, Var
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.sqltext import changes_nothing, reaches_outside, table_names
from nb2stage.analysis.vocabulary import FRAMES
from nb2stage.knowledge import Effect
from nb2stage.knowledge.valuetypes import Type
from nb2stage.patterns import Pattern
from nb2stage.records import replace

TEXT_NAMES: Final = frozenset({"query", "sql", "q", "statement"})


HOLE: Final = "something_unknown"


# What of SQL draws random numbers.
DRAWING = Pattern(r"\b(random|uuid|gen_random_uuid|uuidv4|sample|tablesample|shuffle)\b", re.IGNORECASE)


def _text_of(argument: Argument | None) -> str | None:
    """The text of an argument, with a word for what is filled in; None where it is not known."""
    if argument is None or argument.values:
        return None
    if argument.constants is not None:
        return ";\n".join(sorted(str(c) for c in argument.constants))
    if not isinstance(argument.node, ast.JoinedStr):
        return None
    parts = [str(p.value) if isinstance(p, ast.Constant) else f" {HOLE} " for p in argument.node.values]
    text = "".join(parts)
    return text if HOLE not in text.split()[:1] else None


class SqlCalls:
    """Works out what the SQL in a call does."""

    def __init__(self, heap: Heap, names: Names, randomness: Randomness) -> None:
        self.heap = heap
        self.names = names
        self.randomness = randomness

    def sql_effect(
        self, effect: Effect, arguments: list[Argument], node: ast.AST
    ) -> tuple[Effect, list[Argument], Values]:
        """The effect and the arguments of a call whose first argument is SQL, and the variables that it names."""
        text = _text_of(next((a for a in arguments if a.name is None or a.name in TEXT_NAMES), None))
        names = table_names(text) if text is not None else {HOLE}
        found: Values = ATOM
        for name in sorted(self.frames_in_sight() if HOLE in names else names):
            var = self.heap.state.get(self.heap.resolve(name))
            if (var.sites and var.values) or name in self.heap.shadows:
                found |= self.names.load(name, node)
        named = frozenset(o for o in found if o.kind != "lib")
        # What a query on its own has found is asked for later: `con.execute("SELECT ...")`, then `con.df()`.
        alone = isinstance(self.heap.statement.node, ast.Expr) and self.heap.statement.node.value is node
        if text is None or not changes_nothing(text) or (alone and effect.type.endswith(".Result")):
            effect = replace(effect, changes=True, keeps=True)
        if text is not None and "setseed" in text.lower():
            effect = replace(effect, seeds=("duckdb",))
        elif "duckdb" in self.heap.seeded and (text is None or DRAWING.search(text)):
            self.randomness.draw("duckdb")
        if text is not None and reaches_outside(text):
            self.heap.statement.once = True
        return effect, [*arguments, Argument(named, None, None, None)] if named else arguments, named

    def frames_in_sight(self) -> set[str]:
        """The global names that may refer to frames or to something that is not known."""
        state, found = self.heap.state, set()
        names = {key for key in self.every_name() if isinstance(key, str) and not key.startswith("<")}
        for name in names:
            values = state.get(name).values
            if any(o.kind == "value" and (o.type in FRAMES or "." in o.type or not o.type) for o in values):
                found.add(name)
        return found

    def every_name(self) -> set[object]:
        """All keys of the flow state."""
        found: set[object] = set()
        state = self.heap.state
        while state is not None:
            found |= state.delta.keys()
            state = state.parent  # type: ignore[assignment]
        return found

    def process_object(self, kind: Type) -> Obj:
        """The object of a type that each process has one of: duckdb's own connection."""
        return self.heap.objects.setdefault(f"<{kind}>", Obj(type=kind))

    def note_process_object(self, obj: Obj) -> None:
        """Write down that the current statement reads the object of the process, and whether it changes it."""
        key = f"<the process's {obj.type}>"
        before = self.heap.state.get(key)
        if before.sites:
            self.heap.statement.reads.setdefault(key, before)
        if obj in self.heap.statement.changes:
            self.heap.set(key, Var(frozenset({obj}), before.sites | {self.heap.statement}))
