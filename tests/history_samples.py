"""What `dvc exp show --json` and `git log` print, made up: for tests of the overview and its page."""

from __future__ import annotations

import random
from typing import Any

from nb2stage.overview.history import Commit, History, rows_of

MAIN = "a" * 40
OLD = "b" * 40


def state(
    rev: str,
    params: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    deps: dict[str, str] | None = None,
    outs: dict[str, bool] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One revision; `params` and `metrics` are values by file, `deps` hashes, `outs` say what `dvc add` tracks."""
    data = {
        "rev": rev,
        "params": {path: {"data": values} for path, values in (params or {}).items()},
        "metrics": {path: {"data": values} for path, values in (metrics or {}).items()},
        "deps": {path: {"hash": value, "size": 1, "nfiles": None} for path, value in (deps or {}).items()},
        "outs": {path: {"hash": "0", "is_data_source": source} for path, source in (outs or {}).items()},
    }
    return {"rev": rev, "name": None, "data": data, "error": None, "experiments": None, **more}


def experiment(name: str, inner: dict[str, Any], executor: str | None = None) -> dict[str, Any]:
    """An experiment below a commit."""
    return {"name": name, "revs": [inner], "executor": {"state": executor} if executor else None}


def commit(time: int, *parents: str, subject: str = "a change") -> Commit:
    """A commit of git's."""
    return Commit(time, "Ada", parents, subject)


def many(count: int, seed: int = 1) -> History:
    """A history with two commits and so many experiments of a random search."""
    draw = random.Random(seed)
    deps = {"train.py": "c" * 32, "data.csv": "d" * 32}
    base = {"train": {"rate": 0.01, "depth": 4, "kind": "tree"}, "seed": 1}
    log = {MAIN: commit(1_763_000_600, OLD), OLD: commit(1_763_000_000)}
    experiments = []
    for number in range(count):
        rev = f"{number:040x}"
        rate, depth = 10 ** draw.uniform(-4, 0), draw.choice([None, 2, 4, 8, 16])
        params = {
            "train": {"rate": rate, "depth": depth, "kind": draw.choice(["tree", "net"])},
            "seed": draw.randrange(9),
        }
        accuracy = round(0.9 - abs(rate - 0.03) / 3 + draw.gauss(0, 0.01), 5)
        metrics = {
            "accuracy": float("nan") if number == 7 else accuracy,
            "loss": round(1.2 - accuracy, 5),
            "cv": {"std": draw.random()},
        }
        experiments.append(
            experiment(f"trial-{number:04}", state(rev, {"params.yaml": params}, {"metrics.json": metrics}, deps))
        )
        log[rev] = commit(1_763_001_000 + 60 * number, MAIN, subject="dvc: commit experiment")
    document = [
        state(
            "workspace",
            {"params.yaml": base},
            {"metrics.json": {"accuracy": 0.8, "loss": 0.4, "cv": {"std": 0.5}}},
            deps,
        ),
        state(
            MAIN,
            {"params.yaml": base},
            {"metrics.json": {"accuracy": 0.8, "loss": 0.4, "cv": {"std": 0.5}}},
            deps,
            experiments=experiments,
        ),
        state(
            OLD,
            {"params.yaml": {**base, "seed": 2}},
            {"metrics.json": {"accuracy": 0.7, "loss": 0.5}},
            {**deps, "data.csv": "e" * 32},
        ),
    ]
    return rows_of(document, log, {MAIN: ["main"], OLD: ["v1"]}, MAIN)
