"""Notebooks that are hard to follow: many calls of a library that no table knows, on objects that they share."""

from __future__ import annotations

import random
from typing import Final

HEAD: Final = (
    "import numpy as np\nimport pandas as pd\nimport lab\nimport lab.viz as viz\nfrom lab import Model, Session, step\n"
    "session = Session('a')\ndata = lab.load(session, 'x')\nmodel = Model(session)"
)
STAGES: Final = ("preprocess", "features", "train", "evaluate", "report")
# What follows `{a}`, `{b}` and `{c}` is a name of an earlier cell, `{new}` a fresh one.
CALLS: Final = (
    "{new} = lab.transform({a}, {b})",
    "{new} = step({a}, {b}, scale=2)",
    "{a}.fit({b}, {c})\n{new} = {a}.predict({b})",
    "{new} = {a}.select('x').join({b}, on='key')\nviz.show({new})",
    "lab.attach({a}, {b}, {c})\n{new} = lab.summary({a})",
    "{new} = [lab.score({a}, k) for k in {b}.keys()]",
    "for part in {a}.parts():\n    part.apply({b})\n    lab.log(part, {c})\n{new} = {a}.result()",
    "{new} = {{'a': {a}, 'b': lab.copy({b})}}\n{new}['c'] = {c}.view(0)",
    "fig = viz.Figure({a})\nfig.add({b}, name='b')\nfig.update(layout={{'t': {c}}})\nfig.show()\n{new} = fig.data",
    "{a}.config.set('x', {b})\n{new} = {a}.layers[0].weights + {b}.offset",
    "with lab.scope({a}) as {new}:\n    {new}.run({b})",
    "{new} = lab.Pipeline([('a', {a}), ('b', lab.Scaler({b}))])\n{new}.fit({c})",
)
DEFINITIONS: Final = (
    "def f_{new}(x, y={a}):\n    z = lab.mix(x, y)\n    z.append({b})\n    return z\n{new} = lab.apply(f_{new}, {c})",
    "{new} = {a}.map(lambda r: lab.score(r, {b}))\n{new}.foreach(lambda r: r.update({c}))",
    "class C_{new}(lab.Module):\n    def __init__(self, inner):\n        super().__init__()\n        self.inner = inner\n"
    "        self.extra = lab.Layer({a})\n    def forward(self, x):\n        return self.extra(self.inner(x))\n"
    "    def configure(self):\n        return lab.optim(self.parameters(), {b})\n{new} = C_{new}({c})",
    "def g_{new}(q):\n    for r in q:\n        r.go({a})\n        lab.track(r, {b})\n    return q\n"
    "{new} = g_{new}({c})\n{new} = g_{new}({a})",
    "@lab.task\ndef t_{new}(x):\n    return step(x, {a})\n{new} = t_{new}({b})",
    "{new} = lab.Trainer({a}, callbacks=[lab.Stop({b}), lambda e: e.log({c})])\n{new}.fit({a}, {b})",
)
KINDS: Final = {"calls": CALLS, "functions": (*CALLS, *DEFINITIONS, *DEFINITIONS), "definitions": DEFINITIONS}


def tangled_cells(kind: str, n_cells: int, seed: int) -> list[tuple[str, str]]:
    """`n_cells` pairs of a stage and the source of a cell."""
    rng = random.Random(f"{kind}{seed}")
    names = ["session", "data", "model"]
    cells = [("import", HEAD)]
    for number in range(1, n_cells):
        a, b, c = (rng.choice(names[:3] if rng.random() < 0.5 else names[-8:]) for _ in range(3))
        source = rng.choice(KINDS[kind]).format(a=a, b=b, c=c, new=f"v{number}")
        cells.append((STAGES[number * len(STAGES) // n_cells], source))
        names.append(f"v{number}")
    return cells
