"""What the two runs of `verify` left behind -> items: equal, different and how, or not comparable and why."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from nb2stage.knowledge.clocks import TIMES
from nb2stage.knowledge.formats import PICKLE
from nb2stage.planning.stageplan import StagePlan
from nb2stage.probes.capturing import DEFAULT
from nb2stage.probes.explaining import difference
from nb2stage.probes.times import masker, said
from nb2stage.records import replace
from nb2stage.runs.clocks import NOTHING, times_of
from nb2stage.runs.displayed import PICTURES, saved_charts
from nb2stage.runs.notebookrun import NotebookRun, code_of
from nb2stage.runs.pipelinerun import PipelineRun
from nb2stage.runs.sandbox import environment, run_process
from nb2stage.runs.verdicts import KINDS, Item, Pair, Settings, StageCost, Status, Subject
from nb2stage.runs.watches import READABLE, Watch

_LONGEST: Final = 5  # of lists of settings and of shared places in a message


class Comparison:
    """Compares one run of the pipeline with one or two of the notebook."""

    def __init__(
        self,
        subject: Subject,
        scratch: Path,
        settings: Settings,
        pipeline: PipelineRun,
        own: NotebookRun,
        second: NotebookRun | None,
    ) -> None:
        self.subject, self.scratch, self.settings = subject, scratch, settings
        self.pipeline, self.own, self.second = pipeline, own, second
        self.tasks: list[tuple[int, dict[str, Any]]] = []  # items that are not the same at first sight
        self.found: list[Item] = []
        self.clocks = times_of(code_of(subject))
        self.pictures: dict[
            tuple[str, str], tuple[Path | None, Path | None]
        ] = {}  # of figures and files, on both sides

    def items(self) -> list[Item]:
        """All items in the order of stages, kinds and cells."""
        for watch in self.pipeline.watches:
            if watch.plan.name in self.pipeline.answers:
                self.stage(watch, self.own.answer(watch.plan.name), self.pipeline.answers[watch.plan.name])
        self.files()
        self.look_closer()
        if self.second is not None:
            self.found = [self.judged(item) for item in self.found]
        order = [watch.plan.name for watch in self.pipeline.watches]
        return sorted(self.found, key=lambda item: _order(item, order))

    def add(self, item: Item, task: dict[str, Any] | None = None) -> None:
        """Note an item; one that is not the same at first sight with what the comparing process has to look at."""
        if task is not None:
            self.tasks.append((len(self.found), task))
        self.found.append(item)

    # -- one stage

    def stage(self, watch: Watch, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
        """Everything of a stage but its files."""
        self.metrics(watch, mine)
        for name in watch.points:
            if name not in watch.saved and name not in watch.plan.metric_names:
                other = theirs["values"].get(name)
                task = {"pipeline": theirs["stored"].get(name), "format": PICKLE.reader(), "part": None}
                self.variable(watch, name, mine, other, task, theirs)
        for file in watch.plan.saves:
            self.saved(watch, file.path, mine, theirs)
        for path, places in mine["sharing"].items():
            self.sharing(watch, path, places, theirs["sharing"].get(path, []))
        for domain in watch.domains:
            self.settings_of(watch, domain, mine["settings"].get(domain), theirs["settings"].get(domain))
        self.figures(watch.plan)
        self.charts(watch.plan)

    def metrics(self, watch: Watch, mine: dict[str, Any]) -> None:
        plan = watch.plan
        if not plan.metrics_file:
            return
        try:
            theirs = json.loads((self.pipeline.folder / plan.metrics_file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            theirs = {}
        for name in plan.metric_names:
            if name not in mine["metrics"] and name not in theirs:
                continue
            one = mine["metrics"].get(name, "no number")
            two = json.dumps(theirs[name]) if name in theirs else "no number"
            both = name in mine["metrics"] and name in theirs
            rtol = self.settings.rtol
            same = one == two or (both and rtol > 0 and not difference(json.loads(one), theirs[name], rtol))
            how = "" if same else f"{one} in the notebook, {two} in the pipeline"
            status = Status.EQUAL if same else Status.DIFFERENT
            if both and not same and (clock := self.without_times(plan.name, name, json.loads(one), theirs[name])):
                how, status = clock, Status.CLOCK
            self.add(Item(plan.name, "metric", name, status, *_place(watch, name, how)))

    def saved(self, watch: Watch, path: str, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
        """The names in a cache file."""
        file = next(file for file in watch.plan.saves if file.path == path)
        names = file.transfer.names
        if path in theirs["broken"]:
            how = f"{path} cannot be loaded here: {theirs['broken'][path]}"
            for name in names:
                place = _place(watch, name, how)
                self.add(Item(watch.plan.name, _kind(name), name.strip("<>"), Status.UNKNOWN, *place))
            return
        for name in names:
            part = name if file.transfer.optional else None if len(names) == 1 else names.index(name)
            task = {"pipeline": str(self.pipeline.folder / path), "format": file.format.reader(), "part": part}
            self.variable(watch, name, mine, theirs["saved"].get(path, {}).get(name), task, theirs)

    def variable(
        self,
        watch: Watch,
        name: str,
        mine: dict[str, Any],
        other: str | None,
        task: dict[str, Any],
        theirs: dict[str, Any],
    ) -> None:
        """One name, by the digests that both sides have of it."""
        own = mine["values"].get(name)
        if own is None and other is None:
            return
        item = Item(watch.plan.name, _kind(name), name.strip("<>"), Status.EQUAL, *_place(watch, name))
        if own is None or other is None:
            if name.startswith("<"):
                return
            how = f"not bound in the {'notebook' if own is None else 'pipeline'}"
            self.add(replace(item, status=Status.DIFFERENT, how=how))
        elif own == other:
            doubts = sorted({*mine["doubts"].get(name, []), *theirs["doubts"].get(name, [])})
            if doubts:
                how = f"not looked at: {', '.join(doubts[:_LONGEST])}"
                item = replace(item, status=Status.UNKNOWN, how=how)
            self.add(item)
        else:
            missing = mine["kept_out"].get(name) or theirs["kept_out"].get(name)
            how = f"{own} in the notebook, {other} in the pipeline"
            if name not in mine["stored"] or task["pipeline"] is None:
                how += f" (how they differ is not known: {missing})"
                self.add(replace(item, status=Status.DIFFERENT, how=how))
                return
            clock = self.clock(watch.plan.name, name)
            closer = {"kind": "value", "notebook": mine["stored"][name], "clock": clock, **task}
            self.add(replace(item, status=Status.DIFFERENT, how=how), closer)

    def clock(self, stage: str, name: str | None) -> dict[str, Any]:
        """What of a name may come from a clock; of a file, of which no name is known, all keys that may."""
        known = self.clocks.get(stage, {})
        found = [known.get(name, NOTHING)] if name is not None else [value.parts() for value in known.values()]
        whole, keys = any(each.whole for each in found), sorted({key for each in found for key in each.keys})
        positions = sorted({place for each in found for place in each.positions}) if name is not None else []
        return {"whole": whole, "keys": keys, "positions": positions, "known": TIMES}

    def without_times(self, stage: str, name: str, mine: Any, theirs: Any) -> str:
        """Which times are all that two metrics differ in."""
        masked = masker(self.clock(stage, name))
        one, two = masked.of(mine), masker(self.clock(stage, name)).of(theirs)
        return said(masked.found) if masked.found and not difference(one, two, self.settings.rtol) else ""

    def sharing(self, watch: Watch, path: str, mine: list[list[str]], theirs: list[list[str]]) -> None:
        """Whether what is one object in the notebook is one in the file, and what is two is two."""
        if not mine and not theirs:
            return
        names = next(file.transfer.names for file in watch.plan.saves if file.path == path)
        item = Item(watch.plan.name, "shared objects", ", ".join(names), Status.EQUAL, *_place(watch, names[0]))
        if mine != theirs:
            only = [places for places in mine if places not in theirs]
            more = [places for places in theirs if places not in mine]
            how = [f"one object in the notebook, not in the pipeline: {_places(only)}"] if only else []
            how += [f"one object in the pipeline, not in the notebook: {_places(more)}"] if more else []
            item = replace(item, status=Status.DIFFERENT, how="; ".join(how))
        self.add(item)

    def settings_of(
        self, watch: Watch, domain: str, mine: dict[str, str] | None, theirs: dict[str, str] | None
    ) -> None:
        """The settings of one kind that the stage makes or repeats."""
        statements = (*watch.plan.data.statements, *watch.plan.data.repeats)
        cell = max((s.cell for s in statements if domain in s.sets), default=None)
        item = Item(watch.plan.name, "settings", domain, Status.EQUAL, cell)
        if mine is None or theirs is None:
            what = "settings of this kind could not be read"
            if domain not in READABLE:
                what = "no process tells settings of this kind; the stage makes them by the notebook's own lines"
            self.add(replace(item, status=Status.UNKNOWN, how=what))
            return
        differ = [key for key in {**mine, **theirs} if _differ(mine.get(key, ""), theirs.get(key, ""))]
        if differ:
            texts = [f"{key}: {mine.get(key)} | {theirs.get(key)}" for key in differ[:_LONGEST]]
            more = f"; and {len(differ) - _LONGEST} more" if len(differ) > _LONGEST else ""
            item = replace(item, status=Status.DIFFERENT, how="; ".join(texts) + more)
        self.add(item)

    # -- figures and files

    def figures(self, plan: StagePlan) -> None:
        """The figures that the stage saved against those that the notebook showed, in their order."""
        shown = self.own.figures(plan.name)
        folder = self.pipeline.folder / plan.figures
        saved = [p for p in folder.glob("figure_*") if p.suffix in PICTURES.values()] if plan.figures else []
        saved.sort(key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
        kept = self.scratch / "figures" / plan.name
        kept.mkdir(parents=True, exist_ok=True)
        contents = [picture.data for picture in shown]
        notebooks = [kept / f"{number}{picture.suffix}" for number, picture in enumerate(shown, start=1)]
        for path, content in zip(notebooks, contents, strict=True):
            path.write_bytes(content)
        for number, path in enumerate(saved):
            name = f"{plan.figures}/{path.name}"
            # One that is there at another place is no other figure.
            place = contents.index(path.read_bytes()) if path.read_bytes() in contents else number
            item = Item(plan.name, "figure", name, Status.EQUAL)
            self.pictures[plan.name, name] = (None, path)
            if place >= len(shown):
                how = f"the notebook's cells of this stage show {len(shown)} figures"
                self.add(replace(item, status=Status.DIFFERENT, how=how))
                continue
            item = replace(item, cell=shown[place].cell)
            self.pictures[plan.name, name] = (notebooks[place], path)
            if path.read_bytes() == contents[place]:
                self.add(item)
                continue
            task = self.file_task(plan.name, name, notebooks[place], path)
            self.add(replace(item, status=Status.DIFFERENT), task)
        for picture in shown[len(saved) :]:
            how = f"{len(shown)} in the notebook, {len(saved)} saved by the pipeline"
            name = plan.figures or "a figure"
            self.add(Item(plan.name, "figure", name, Status.DIFFERENT, picture.cell, how))

    def charts(self, plan: StagePlan) -> None:
        """The charts of other libraries that the stage saved against those that the notebook showed."""
        if not plan.charts:
            return
        folders = [self.pipeline.folder / path for path in (plan.figures, plan.pages) if path]
        shown, saved = self.own.charts(plan.name), saved_charts(folders)
        for number, (path, content) in enumerate(saved[: len(shown)]):
            name = path.relative_to(self.pipeline.folder).as_posix()
            theirs = shown[number].content
            item = Item(plan.name, "figure", name, Status.EQUAL, shown[number].cell)
            if content is None or theirs is None:
                how = f"pages of {shown[number].library or 'this kind'} are not looked into"
                item = replace(item, status=Status.UNKNOWN, how=how)
            elif isinstance(content, bytes) and isinstance(theirs, bytes) and content != theirs:
                notebook = self.scratch / "figures" / plan.name / path.name
                notebook.write_bytes(theirs)
                task = {"kind": "file", "name": name, "notebook": str(notebook), "pipeline": str(path)}
                self.add(replace(item, status=Status.DIFFERENT), task)
                continue
            elif content != theirs and (how := difference(theirs, content, self.settings.rtol)):
                item = replace(item, status=Status.DIFFERENT, how=how)
            self.add(item)
        if len(shown) != len(saved):
            cell = shown[-1].cell if shown else None
            how = f"{len(shown)} charts in the notebook, {len(saved)} saved by the pipeline"
            self.add(Item(plan.name, "figure", plan.pages or plan.figures, Status.DIFFERENT, cell, how))

    def files(self) -> None:
        """The files that either of the two wrote."""
        plans = [watch.plan for watch in self.pipeline.watches]
        internal = {file.path for plan in plans for file in plan.saves} | {plan.metrics_file for plan in plans}
        internal |= {table.path for plan in plans for tables in plan.plot_tables.values() for table in tables}
        internal |= {plan.report for plan in plans}
        folders = tuple(f"{folder}/" for plan in plans for folder in (plan.figures, plan.pages) if folder)
        for name in dict.fromkeys([*self.own.written, *self.pipeline.written]):
            if name in internal or name.startswith(folders):
                continue
            stage, cell = self.maker(plans, name)
            if stage and stage not in self.pipeline.answers:
                continue  # the stage that writes it did not run
            one, two = self.own.folder / name, self.pipeline.folder / name
            item = Item(stage, "file", name, Status.EQUAL, cell)
            if two.suffix in PICTURES.values():
                self.pictures[stage, name] = (one, two)
            if not one.is_file() or not two.is_file():
                how = f"not written by the {'notebook' if two.is_file() else 'pipeline'}"
                self.add(replace(item, status=Status.DIFFERENT, how=how))
            elif one.read_bytes() == two.read_bytes():
                self.add(item)
            else:
                task = self.file_task(stage, name, one, two)
                self.add(replace(item, status=Status.DIFFERENT), task)

    def kept_pictures(self) -> dict[tuple[str, str], Pair]:
        """The pictures themselves, by stage and name."""
        return {
            key: Pair(
                theirs.suffix if theirs else "", _bytes(mine) if mine else None, _bytes(theirs) if theirs else None
            )
            for key, (mine, theirs) in self.pictures.items()
        }

    def file_task(self, stage: str, name: str, mine: Path, theirs: Path) -> dict[str, Any]:
        """What the comparing process has to look at for a file."""
        clock = self.clock(stage, None)
        return {"kind": "file", "name": name, "notebook": str(mine), "pipeline": str(theirs), "clock": clock}

    def maker(self, plans: Sequence[StagePlan], name: str) -> tuple[str, int | None]:
        """The stage that writes a file, and the cell."""
        for plan in plans:
            outs = [out.path for out in (*plan.outs, *plan.metrics, *plan.plots)]
            if any(name == out or name.startswith(out + "/") for out in outs):
                cells = [use.statement.cell for use in plan.writes if use.path and name.startswith(use.path)]
                return plan.name, max(cells, default=None)
        return "", None

    # -- a closer look

    def look_closer(self) -> None:
        """Have a process of its own compare what is not the same at first sight."""
        if not self.tasks:
            return
        self.settings.progress("comparing", 1, 1)
        request, answer = self.scratch / "compare.json", self.scratch / "compare.answer.json"
        content = {
            "project": str(self.pipeline.folder),
            "search": [str(self.pipeline.folder)],
            "answer": str(answer),
            "tasks": [{**task, "rtol": self.settings.rtol} for _, task in self.tasks],
        }
        request.write_text(json.dumps(content), encoding="utf-8")
        command = [sys.executable, str(self.pipeline.launcher), "comparing", str(request)]
        code, said = run_process(command, self.pipeline.folder, environment())
        if not answer.exists():
            last = (said.strip().splitlines() or [f"exit code {code}"])[-1]
            answers = [[f"they differ (how is not known: the comparing process ended: {last})", ""]] * len(self.tasks)
        else:
            answers = json.loads(answer.read_text(encoding="utf-8"))
        for (number, _), (how, clock) in zip(self.tasks, answers, strict=True):
            status = Status.CLOCK if clock else Status.DIFFERENT if how else Status.EQUAL
            self.found[number] = replace(self.found[number], status=status, how=clock or how)

    # -- the notebook against itself

    def judged(self, item: Item) -> Item:
        """The item, or that the notebook's own two runs do not agree about it."""
        assert self.second is not None
        if item.kind in ("metric", "variable", "random state"):
            names = [item.name, f"<{item.name}>"]
            one, two = self.own.answer(item.stage)["values"], self.second.answer(item.stage)["values"]
            unstable = any(one.get(name) != two.get(name) for name in names)
        elif item.kind == "figure":
            unstable = self.own.figures(item.stage) != self.second.figures(item.stage)
        elif item.kind == "file":
            folders = [Path(run.folder, self.subject.notebook).parent for run in (self.own, self.second)]
            unstable = _bytes(folders[0] / item.name) != _bytes(folders[1] / item.name)
        else:
            return item
        if not unstable:
            return item
        return replace(item, status=Status.UNSTABLE, how="two runs of the notebook give different results")

    # -- what it cost

    def costs(self) -> list[StageCost]:
        """Time and memory of each stage in both."""
        return list(self._costs())

    def _costs(self) -> Iterator[StageCost]:
        for watch in self.pipeline.watches:
            name = watch.plan.name
            theirs = self.pipeline.answers.get(name)
            if theirs is None:
                continue
            steps = zip(self.own.steps, self.own.executed.seconds, strict=True)
            seconds = sum(each for step, each in steps if step.stage == name and not step.probe)
            yield StageCost(
                name,
                seconds,
                self.pipeline.times[name],
                theirs["clock"]["load"],
                theirs["clock"]["save"],
                self.own.answer(name)["memory"],
                theirs["memory"],
            )


def _order(item: Item, stages: Sequence[str]) -> tuple[int, int, int, int]:
    """By stage, by cell; what is not made by one line comes behind what is."""
    stage = stages.index(item.stage) if item.stage in stages else len(stages)
    return stage, item.cell or 0, item.line or 10**9, KINDS.index(item.kind)


def _place(watch: Watch, name: str, how: str = "") -> tuple[int | None, str, int | None]:
    cell, line = watch.places.get(name, (None, None))
    return cell, how, line


def _kind(name: str) -> str:
    return "random state" if name.startswith("<") else "variable"


def _differ(one: str, two: str) -> bool:
    """Whether somebody has made two settings differ: the defaults of a kernel need not be those of a script."""
    defaults = one.endswith(DEFAULT) and two.endswith(DEFAULT)
    return not defaults and one.removesuffix(DEFAULT) != two.removesuffix(DEFAULT)


def _places(groups: Sequence[Sequence[str]]) -> str:
    return "; ".join(" and ".join(places[:_LONGEST]) for places in groups[:_LONGEST])


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
