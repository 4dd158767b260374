"""How exact is the analysis: are more names saved between the stages than the stages need?

    python benchmarks/gallery.py fetch ~/nb2stage-corpus     # about 215 notebooks; Debian or Ubuntu
    python benchmarks/bench_precision.py ~/nb2stage-corpus/notebooks --cuts 1 --limit 30

Each notebook is cut into stages at random places as `tests/differential.py --prepare --cuts SEED` does it, without the
digest cell, which would need every name (`--digest` appends it all the same).  Its stages are run, and then each stage
again for each name that it loads, with that name withheld.  The name is needed when the stage then fails, or prints or
writes anything else, where a saved value counts only if a later stage needs that one.  What a stage only hands on as it
got it, the stage behind it could load from where it comes from: that does not count as needed either.

    saved         names in cache files, against those that a later stage needs from there
    loaded        names that stages take out of cache files, against those that they need
    independent   pairs of stages without a path between them in dvc.yaml, against those without a needed name or file

Random states and the states of definitions are counted apart.  A name is not judged where two runs of its stage differ.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import ast
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import differential
from withholding import WITHHELD

from nb2stage.analysis.dataflow import Program, analyse
from nb2stage.conversion import Project
from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.writer import read_state
from nb2stage.planning.cells import to_cells
from nb2stage.planning.planner import Planner
from nb2stage.project.surroundings import surroundings, world_of
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.tags import parse_tags
from nb2stage.spine import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nb2stage.analysis.objects import Statement
    from nb2stage.planning.planner import CacheFile, StagePlan

KINDS: Final = ("name", "random state", "definition")
WORKER: Final = Path(__file__).with_name("withholding.py")

NEEDED, HANDED_ON, NEEDLESS, UNJUDGED = "needed", "handed on", "needless", "not judged"


@dataclass(frozen=True)
class Load:
    """A name that a stage takes out of a cache file, and what withholding it has shown."""

    stage: str
    path: str
    name: str
    kind: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Save:
    """A name in a cache file."""

    stage: str
    path: str
    name: str
    kind: str
    verdict: str


@dataclass
class Measured:
    """What was found out about one notebook; `skipped` says why it was not measured."""

    notebook: str
    skipped: str = ""
    seconds: float = 0.0
    saves: list[Save] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    pairs: int = 0
    apart: int = 0  # pairs of stages without a path between them
    apart_by_need: int = 0

    @property
    def needless(self) -> list[Load]:
        """What was loaded and not needed."""
        return [load for load in self.loads if load.verdict in (NEEDLESS, HANDED_ON)]


class SkippedError(Exception):
    """A notebook cannot be measured; the message says why."""


# -- the pipeline and its plan


@dataclass
class Pipeline:
    """A pipeline on disk, and the analysis that it was made from."""

    folder: Path
    plans: list[StagePlan]
    program: Program


def make_pipeline(path: Path, notebook: Any, folder: Path, helper: str) -> Pipeline:
    """Convert a notebook in an empty folder."""
    differential.place(path, notebook, folder, helper)
    project = Project(folder, read_state(folder))
    data = (folder / path.name).read_bytes()
    try:
        conversion = convert(data, path.name, project)
    except Nb2stageError as error:
        raise SkippedError(f"refused: {error.diagnostics[0].code}") from None
    if conversion.failed:
        raise SkippedError(
            "refused: " + " ".join(sorted({d.code for d in conversion.diagnostics if d.forbids_writing}))
        )
    for file in conversion.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text, encoding="utf-8")
    return Pipeline(folder, *planned(data, path.name, project))


def planned(data: bytes, name: str, project: Project) -> tuple[list[StagePlan], Program]:
    """The stages once more, with the analysis behind them, which a conversion does not keep."""
    roles, stages, _ = parse_tags(read_notebook(data, name))
    names = [stage.name for stage in stages]
    cells, _ = to_cells(read_notebook(data, name), roles, names)
    program = analyse(cells, len(names), world_of(project, ""))
    return Planner(name, names, program, surroundings(project, name, names)).plan(), program


def layout_of(file: CacheFile, program: Program, takes: Iterable[str] = ()) -> dict[str, Any]:
    """How the values stand in a cache file."""
    transfer = file.transfer
    states = [name for name in transfer.names if program.boundaries.state_of(transfer, name) is not None]
    by_name = bool(transfer.optional)
    return {"path": file.path, "names": transfer.names, "by_name": by_name, "states": states, "takes": list(takes)}


def kind_of(name: str, layout: dict[str, Any]) -> str:
    """Which of `KINDS` a name in a cache file is."""
    return "random state" if name.startswith("<") else "definition" if name in layout["states"] else "name"


# -- running


def request_of(pipeline: Pipeline, limit: float) -> dict[str, Any]:
    """What the worker is asked to run."""
    entries = dvc_stages(pipeline.folder)
    by_name = {plan.name: plan for plan in pipeline.plans}
    stages = []
    for name in differential.in_order(entries):
        plan = by_name[name]
        loads = [layout_of(file, pipeline.program, file.consumers[name]) for file in plan.loads]
        saves = [layout_of(file, pipeline.program) for file in plan.saves]
        outs = differential.outs_of(entries[name])
        stages.append({"name": name, "script": plan.script, "loads": loads, "saves": saves, "outs": outs})
    return {"stages": stages, "limit": limit}


def dvc_stages(folder: Path) -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml."""
    from ruamel.yaml import YAML

    stages: dict[str, dict[str, Any]] = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
    return stages


def run_stages(pipeline: Pipeline, request: dict[str, Any], total: float) -> dict[str, Any]:
    """Run all stages, and each without each name that it loads."""
    with tempfile.TemporaryDirectory(prefix="precision-") as temporary:
        asked, answer = Path(temporary) / "request.json", Path(temporary) / "answer.json"
        asked.write_text(json.dumps(request), encoding="utf-8")
        done = differential.run([sys.executable, str(WORKER), str(asked), str(answer)], pipeline.folder, total)
        if not answer.exists():
            raise SkippedError(f"the runs ended with {done.code}: {done.tail(3)}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    for name, result in found["plain"].items():
        if result["error"]:
            raise SkippedError(f"stage {name}: {result['error']}")
    return found


# -- judging


class Judge:
    """Judges all loads of a pipeline, from the last stage to the first."""

    def __init__(self, pipeline: Pipeline, request: dict[str, Any], found: dict[str, Any]) -> None:
        self.found = found
        self.stages: list[dict[str, Any]] = request["stages"]
        self.reasons = Reasons(pipeline)
        self.wanted: set[tuple[str, str]] = set()  # what some stage needs, or hands on to one that does
        self.used: set[tuple[str, str]] = set()  # what some stage needs itself
        self.unsure: set[tuple[str, str]] = set()
        self.loads: list[Load] = []
        self.digests = {path: parts for result in found["plain"].values() for path, parts in result["outs"].items()}

    def judge(self) -> None:
        """Fill in `loads`."""
        for stage in reversed(self.stages):
            layouts = {file["path"]: file for file in stage["loads"]}
            for path, name, result in self.found["without"][stage["name"]]:
                verdict = self.verdict(stage["name"], path, name, result)
                kind = kind_of(name, layouts[path])
                reason = self.reasons.of(stage["name"], name) if verdict in (NEEDLESS, HANDED_ON) else ""
                self.loads.append(Load(stage["name"], path, name, kind, verdict, reason))
            for load in self.loads:  # behind all of the stage's own: they are about what it saves
                if load.stage == stage["name"] and load.verdict != NEEDLESS:
                    self.wanted.add((load.path, load.name))
                    (self.unsure if load.verdict == UNJUDGED else self.used).add((load.path, load.name))

    def verdict(self, stage: str, path: str, name: str, result: dict[str, Any]) -> str:
        """What a run without the name shows."""
        plain, again = self.found["plain"][stage], self.found["again"][stage]
        if again["error"]:
            return UNJUDGED
        if result["error"]:
            return NEEDED
        mine, second, without = effects(plain), effects(again), effects(result)
        noticed = {key for key in mine if key[0] == "" or key in self.wanted}
        settled = {key for key in noticed if mine[key] == second.get(key)}
        handed_on = {
            key
            for key in settled
            if key[1] == name and without.get(key) == WITHHELD and mine[key] == self.digests[path][name]
        }
        if any(without.get(key) != mine[key] for key in settled - handed_on):
            return NEEDED
        if noticed - settled:
            return UNJUDGED
        return HANDED_ON if handed_on else NEEDLESS

    def saves(self) -> list[Save]:
        """All names in cache files.  One that a stage only hands on is not needed from there."""
        handed_on = {(load.stage, load.name) for load in self.loads if load.verdict == HANDED_ON}
        saves = []
        for stage in self.stages:
            for file in stage["saves"]:
                for name in file["names"]:
                    key = (file["path"], name)
                    verdict = NEEDED if key in self.used else UNJUDGED if key in self.unsure else NEEDLESS
                    if (stage["name"], name) in handed_on and verdict == NEEDED:
                        verdict = HANDED_ON
                    saves.append(Save(stage["name"], file["path"], name, kind_of(name, file), verdict))
        return saves


def effects(result: dict[str, Any]) -> dict[tuple[str, str], str]:
    """All that a run has left: (cache file, name) and ("", other file) with digests."""
    saved = {(path, name): value for path, parts in result["outs"].items() for name, value in parts.items()}
    return saved | {("", path): value for path, value in result["files"].items()}


# -- reasons


class Reasons:
    """Says why the analysis has a stage load a name."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.boundaries = pipeline.program.boundaries
        self.plans = {plan.name: plan for plan in pipeline.plans}

    def of(self, stage: str, name: str) -> str:
        """The reason, as far as it can be told."""
        plan = self.plans[stage]
        need = plan.data.needs.get(name)
        if need is None:
            return "unknown"
        parts = []
        if need.statement is not None:
            parts.append(f"read by {text_of(need.statement)}")
        saved = next((file for file in plan.saves if name in file.transfer.names), None)
        if saved is not None:
            parts.append(self.why_saved(plan, name, saved))
        return "; ".join(parts) or "what is loaded with it mentions it"

    def why_saved(self, plan: StagePlan, name: str, saved: CacheFile) -> str:
        """Why a stage that loads a name saves it again."""
        held = self.boundaries.reach(plan.data.needs[name].values, plan.data.needs[name].before)
        changing = [s for s in plan.data.statements if s.changes & held]
        known = [s for s in changing if s.known_changes & held]
        if changing:
            how = "changed" if known else "perhaps changed, by an unknown call,"
            return f"{how} in {text_of((known or changing)[0])}"
        if any(name in s.binds for s in plan.data.statements):
            return "perhaps bound anew"
        others = [other for other in saved.transfer.names if other != name]
        return f"in one file with {', '.join(others[:4])}" if others else "handed on"


def text_of(statement: Statement) -> str:
    """The first line of a statement, and if it is compound, how many more there are."""
    lines = ast.unparse(statement.node).split("\n")
    more = f" (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    return f"`{lines[0][:90]}`{more}"


# -- independence


def count_pairs(measured: Measured, pipeline: Pipeline, request: dict[str, Any]) -> None:
    """Count pairs of stages that are independent in dvc.yaml, and those that are by what they need."""
    entries = dvc_stages(pipeline.folder)
    names = [stage["name"] for stage in request["stages"]]
    makers = {file["path"]: stage["name"] for stage in request["stages"] for file in stage["saves"]}
    handed_on = {(load.stage, load.name): load.path for load in measured.loads if load.verdict == HANDED_ON}
    links: set[tuple[str, str]] = set()
    by_need: set[tuple[str, str]] = set()
    for name, other in itertools.permutations(names, 2):
        for dep in differential.deps_of(entries[name]):
            if any(
                differential.within(dep, o) or differential.within(o, dep) for o in differential.outs_of(entries[other])
            ):
                links.add((other, name))
                if dep not in makers:
                    by_need.add((other, name))
    for load in measured.loads:
        if load.verdict in (NEEDED, UNJUDGED):
            maker = makers[load.path]
            while (maker, load.name) in handed_on:
                maker = makers[handed_on[maker, load.name]]
            by_need.add((maker, load.stage))
    measured.pairs = len(names) * (len(names) - 1) // 2
    measured.apart = measured.pairs - len(closed(links))
    measured.apart_by_need = measured.pairs - len(closed(by_need))


def closed(links: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """All pairs that a path joins."""
    paths = set(links)
    while more := {(a, d) for a, b in paths for c, d in links if b == c} - paths:
        paths |= more
    return paths


# -- one notebook


def measure(path: Path, arguments: argparse.Namespace) -> Measured:
    """Everything about one notebook."""
    started = time.monotonic()
    measured = Measured(str(path))
    try:
        with tempfile.TemporaryDirectory(prefix="precision-") as temporary:
            folder = Path(temporary) / "project"
            notebook, helper = subject_of(path, arguments, Path(temporary))
            pipeline = make_pipeline(path, notebook, folder, helper)
            request = request_of(pipeline, arguments.slowest)
            found = run_stages(pipeline, request, arguments.timeout)
            judge = Judge(pipeline, request, found)
            judge.judge()
            measured.loads, measured.saves = judge.loads, judge.saves()
            count_pairs(measured, pipeline, request)
    except SkippedError as error:
        measured.skipped = str(error)
    measured.seconds = round(time.monotonic() - started, 1)
    return measured


def subject_of(path: Path, arguments: argparse.Namespace, folder: Path) -> tuple[Any, str]:
    """The notebook to convert, and the text of the digest module if it needs that."""
    if not arguments.digest:
        return differential.prepare(differential.load(path), split=arguments.split, cuts=arguments.cuts), ""
    options = differential.Options(
        prepare=True, split=arguments.split, cuts=arguments.cuts, timeout=arguments.timeout, cache=arguments.cache
    )
    reference, notebook, _ = differential.reference_of(path, options, folder)
    if not reference.runnable:
        raise SkippedError(f"not runnable: {reference.reason}")
    return notebook, differential.DIGEST_MODULE


# -- what is printed


def ratio(all_of: int, needed: int) -> str:
    """A ratio as it is printed."""
    return f"{all_of} : {needed} = {all_of / needed:.2f}" if needed else f"{all_of} : {needed}"


def judged(found: Iterable[Load | Save], kind: str) -> tuple[int, int]:
    """How many of a kind there are, and how many of them are needed."""
    verdicts = Counter(one.verdict for one in found if one.kind == kind)
    return sum(verdicts.values()) - verdicts[UNJUDGED], verdicts[NEEDED]


def line_of(measured: Measured) -> str:
    """What is printed about one notebook while the benchmark runs."""
    name = Path(measured.notebook).stem
    if measured.skipped:
        return f"{name}: skipped ({measured.seconds} s): {measured.skipped}"
    saved, loaded = (judged(found, "name") for found in (measured.saves, measured.loads))
    apart = f"{measured.apart} of {measured.apart_by_need} independent"
    return f"{name} ({measured.seconds} s): saved {ratio(*saved)}, loaded {ratio(*loaded)}, {apart}"


def summary(all_of: Sequence[Measured], worst: int) -> str:
    """The ratios over all notebooks, and the notebooks with the most names that are loaded needlessly."""
    done = [measured for measured in all_of if not measured.skipped]
    saves = [save for measured in done for save in measured.saves]
    loads = [load for measured in done for load in measured.loads]
    lines = [f"\n{len(done)} notebooks measured, {len(all_of) - len(done)} skipped"]
    for kind in KINDS:
        if any(save.kind == kind for save in saves):
            lines.append(f"{kind + 's':15}saved {ratio(*judged(saves, kind))}   loaded {ratio(*judged(loads, kind))}")
    apart, by_need = sum(m.apart for m in done), sum(m.apart_by_need for m in done)
    lines.append(f"{'independent':15}{apart} of {by_need} pairs of stages ({sum(m.pairs for m in done)} pairs in all)")
    unjudged = sum(load.verdict == UNJUDGED for load in loads)
    lines += [f"{unjudged} loads not judged: two runs of their stages differ"] if unjudged else []
    for measured in sorted(done, key=lambda m: -len(m.needless))[:worst]:
        if measured.needless:
            lines.append(f"\n{Path(measured.notebook).stem}: {len(measured.needless)} needless loads")
            lines += [f"  {x.stage:10} {x.path}: {x.name} ({x.verdict}): {x.reason}" for x in measured.needless]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("notebooks", nargs="+", type=Path, help="notebooks, folders, or .txt files with a path a line")
    found.add_argument("--cuts", type=int, metavar="SEED", help="cut into stages at random places, not at quarters")
    found.add_argument("--split", choices=("auto", "always", "never"), default="auto")
    found.add_argument("--limit", type=int, help="only the first N notebooks that can be measured")
    found.add_argument("--slowest", type=float, default=6.0, help="seconds that one stage may take (default 6)")
    found.add_argument("--timeout", type=float, default=180.0, help="seconds for all runs of a notebook (default 180)")
    found.add_argument("--digest", action="store_true", help="with a last cell that needs every name")
    found.add_argument("--cache", type=Path, metavar="DIR", help="with --digest: keep the notebooks' own runs here")
    found.add_argument("--worst", type=int, default=10, metavar="N", help="explain the worst N notebooks (default 10)")
    found.add_argument("--check", type=float, metavar="RATIO", help="exit code 1 when more than that many are saved")
    return found


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 with `--check` when the ratio of names saved to names needed is above it."""
    arguments = parser().parse_args(argv)
    found: list[Measured] = []
    for path in differential.notebooks_of(arguments.notebooks):
        found.append(measure(path.resolve(), arguments))
        print(line_of(found[-1]), flush=True)
        if sum(not measured.skipped for measured in found) == arguments.limit:
            break
    print(summary(found, arguments.worst))
    saved, needed = judged([save for measured in found for save in measured.saves], "name")
    return 1 if arguments.check is not None and saved > arguments.check * needed else 0


if __name__ == "__main__":
    sys.exit(main())
