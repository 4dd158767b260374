"""Edits on notebook, scripts, dvc.yaml, params.yaml and .gitignore in random order: none is lost, what comes out runs.

A model knows what the notebook's lines are and which lines a person put into the scripts.  It is run as one program;
after each conversion the pipeline must give the same values, or the conflict is marked and the exit code is 1.

More runs: `MERGE_RUNS=2000 pytest tests/test_merges.py`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import random
import re
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from nb2stage.cli import main

if TYPE_CHECKING:
    import pytest

RUNS = int(os.environ.get("MERGE_RUNS", "25"))
STEPS = 6
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")


@dataclass
class Line:
    """A line of the notebook: a comment, or `name = ...` of other names and a number."""

    name: str
    sources: list[str] = field(default_factory=list)
    number: int = 0

    def text(self) -> str:
        if not self.sources and not self.name.startswith("v"):
            return f"# {self.name} {self.number}"
        # Through a library, so that it is no arithmetic that each stage would do anew.
        return f"{self.name} = json.loads(str(({' * 3 + '.join(self.sources)} + {self.number}) % 1000003))"


@dataclass
class Cell:
    stage: str  # "" for text
    lines: list[Line]


@dataclass
class Hand:
    """What a person did to a script: a line put behind the one that binds `anchor`, or in its place."""

    anchor: str
    text: str
    replaces: bool = False


@dataclass
class Model:
    """The project as it should be."""

    rng: random.Random
    cells: list[Cell] = field(default_factory=list)
    params: dict[str, int] = field(default_factory=dict)
    tuned: dict[str, int] = field(default_factory=dict)
    hands: list[Hand] = field(default_factory=list)
    yaml: list[str] = field(default_factory=list)  # texts that must stay in dvc.yaml
    own: list[tuple[str, str]] = field(default_factory=list)  # other files: lines that must stay
    out: set[str] = field(default_factory=set)  # lines that must not come back to .gitignore
    functions: dict[str, int] = field(default_factory=dict)  # f1 -> the number in its body
    numbers: dict[str, int] = field(default_factory=dict)  # the number in its body that a person wrote
    count: int = 0

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def stages(self) -> list[str]:
        return list(dict.fromkeys(cell.stage for cell in self.cells if cell.stage))

    def bound(self, stages: list[str] | None = None) -> list[Line]:
        cells = [cell for cell in self.ordered() if stages is None or cell.stage in stages]
        return [line for cell in cells for line in cell.lines if line.name.startswith("v")]

    def ordered(self) -> list[Cell]:
        names = self.stages()
        return sorted((cell for cell in self.cells if cell.stage), key=lambda cell: names.index(cell.stage))

    def before(self, stage: str) -> list[str]:
        """The names that a new last line of a stage may use."""
        names = self.stages()
        earlier = names[: names.index(stage) + 1] if stage in names else names
        return [line.name for line in self.bound(earlier)]

    def new_line(self, available: list[str]) -> Line:
        pool = available + list(self.params)
        sources = self.rng.sample(pool, min(len(pool), self.rng.randint(1, 3)))
        if self.rng.random() < 0.3:
            sources[0] = f"{self.rng.choice(list(self.functions))}({sources[0]})"
        return Line(f"v{self.fresh()}", sources, self.rng.randint(1, 999))

    def run(self) -> dict[str, int]:
        """All values after the notebook's lines and the person's."""
        values: dict[str, Any] = dict(self.params) | self.tuned
        for name, number in (self.functions | self.numbers).items():
            exec(function(name, number), {}, values)
        for line in self.bound():
            replaced = next((h for h in self.hands if h.anchor == line.name and h.replaces), None)
            exec(replaced.text if replaced else line.text(), {"json": json}, values)
            for hand in self.hands:
                if hand.anchor == line.name and not hand.replaces:
                    exec(hand.text, {}, values)
        return values

    def save(self, folder: Path) -> None:
        cells = [("parameters", "\n".join(f"{k} = {v}" for k, v in self.params.items()), "code")]
        cells.insert(0, ("", "import json", "code"))
        cells.insert(1, ("", "\n\n".join(function(name, number) for name, number in self.functions.items()), "code"))
        cells += [
            (
                f"stage:{c.stage}" if c.stage else "",
                "\n".join(line.text() for line in c.lines),
                "code" if c.stage else "markdown",
            )
            for c in self.cells
        ]
        content = [
            {"cell_type": kind, "id": f"c{i}", "metadata": {"tags": [tag] if tag else []}, "source": source}
            | ({"outputs": [], "execution_count": None} if kind == "code" else {})
            for i, (tag, source, kind) in enumerate(cells)
        ]
        data = {"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / "a.ipynb").write_text(json.dumps(data), encoding="utf-8")


def function(name: str, number: int) -> str:
    return f"def {name}(x):\n    return x * 7 + {number}  # of {name}"


def first_model(rng: random.Random) -> Model:
    model = Model(rng, params={"p1": 11, "p2": 22}, functions={"f1": 1, "f2": 2})
    for stage in NAMES[:3]:
        for _ in range(rng.randint(1, 2)):
            cell = Cell(stage, [])
            model.cells.append(cell)
            for _ in range(rng.randint(2, 4)):
                if rng.random() < 0.3:
                    cell.lines.append(Line(f"note{model.fresh()}"))
                cell.lines.append(model.new_line(model.before(stage)))
    return model


# -- edits of the notebook -------------------------------------------------------------------------------------------


def users(model: Model, name: str) -> int:
    return sum(name in re.findall(r"\w+", " ".join(line.sources)) for line in model.bound())


def edit_notebook(model: Model) -> str:  # noqa: C901 -- one branch for each kind of edit
    rng = model.rng
    kind = rng.choice(
        ["number", "number", "insert", "insert", "delete", "comment", "rename stage", "new stage", "drop stage",
         "rename name", "default", "new parameter", "text", "tag", "rewire", "function", "new function", "swap", "move"]
    )  # fmt: skip
    cell = rng.choice([c for c in model.cells if c.stage])
    lines = [line for line in cell.lines if line.name.startswith("v")]
    if kind == "number" and lines:
        rng.choice(lines).number = rng.randint(1000, 9999)
    elif kind == "insert":
        index = rng.randint(0, len(cell.lines))
        mine = [line.name for line in cell.lines[index:]]
        later = {line.name for c in model.ordered()[model.ordered().index(cell) + 1 :] for line in c.lines}
        known = [n for n in model.before(cell.stage) if n not in mine and n not in later]
        cell.lines.insert(index, model.new_line(known))
    elif kind == "delete" and len(lines) > 1:
        victims = [line for line in lines if not users(model, line.name)]
        if victims:
            cell.lines.remove(rng.choice(victims))
    elif kind == "comment":
        notes = [line for line in cell.lines if line not in lines]
        if notes and rng.random() < 0.6:
            rng.choice(notes).number = model.fresh()
        else:
            cell.lines.insert(rng.randint(0, len(cell.lines)), Line(f"note{model.fresh()}"))
    elif kind == "rename stage":
        free = [name for name in NAMES if name not in model.stages()]
        if free:
            old, new = cell.stage, rng.choice(free)
            for other in model.cells:
                other.stage = new if other.stage == old else other.stage
    elif kind == "new stage":
        free = [name for name in NAMES if name not in model.stages()]
        if free:
            line = model.new_line(model.before(model.stages()[-1]))
            model.cells.append(Cell(free[0], [line, model.new_line([line.name])]))
    elif kind == "drop stage" and len(model.stages()) > 2:
        made = {stage: {line.name for line in model.bound([stage])} for stage in model.stages()}
        inner = {
            stage: {w for x in model.bound([stage]) for w in re.findall(r"\w+", " ".join(x.sources))} for stage in made
        }
        free = [
            stage for stage, names in made.items() if not any(names & inner[other] for other in made if other != stage)
        ]
        gone = rng.choice(free)
        model.cells = [c for c in model.cells if c.stage != gone]
    elif kind == "swap" and len(cell.lines) > 1:
        index = rng.randint(0, len(cell.lines) - 2)
        one, other = cell.lines[index : index + 2]
        if one.name not in re.findall(r"\w+", " ".join(other.sources)):
            cell.lines[index : index + 2] = [other, one]
    elif kind == "move":  # of a text, which no script may notice
        texts = [c for c in model.cells if not c.stage]
        if texts:
            moved = rng.choice(texts)
            model.cells.remove(moved)
            model.cells.insert(rng.randint(0, len(model.cells)), moved)
    elif kind == "rename name" and lines:
        line = rng.choice(lines)
        old, line.name = line.name, f"v{model.fresh()}"
        for other in model.bound():
            other.sources = [re.sub(rf"\b{old}\b", line.name, source) for source in other.sources]
    elif kind == "default":
        name = rng.choice(list(model.params))
        model.params[name] = 1000 + model.fresh()
    elif kind == "new parameter":
        model.params[f"p{model.fresh() + 2}"] = model.fresh()
    elif kind == "function":
        model.functions[rng.choice(list(model.functions))] = rng.randint(1000, 9999)
    elif kind == "new function":
        model.functions[f"f{model.fresh() + 2}"] = rng.randint(1, 99)
    elif kind == "text":
        model.cells.insert(rng.randint(0, len(model.cells)), Cell("", [Line(f"text{model.fresh()}")]))
    elif kind == "tag" and len(model.cells) > 3:
        stages = model.stages()
        index = stages.index(cell.stage)
        if index + 1 < len(stages) and cell is [c for c in model.ordered() if c.stage == cell.stage][-1]:
            first = next(c for c in model.cells if c.stage == stages[index + 1])
            if (
                model.cells.index(cell) == model.cells.index(first) - 1
                and sum(c.stage == cell.stage for c in model.cells) > 1
            ):
                cell.stage = stages[index + 1]
    elif kind == "rewire" and lines:
        line = rng.choice(lines)
        order = [line.name for line in model.bound()]
        known = order[: order.index(line.name)]
        if known:
            line.sources = [rng.choice(known)]
    return f"notebook: {kind}"


# -- edits by hand ---------------------------------------------------------------------------------------------------


def script_of(folder: Path, stage: str) -> Path:
    return folder / f"data_processing/{stage}.py"


def edit_script(model: Model, folder: Path) -> str:
    rng = model.rng
    stage = rng.choice(model.stages())
    path = script_of(folder, stage)
    if not path.exists():
        return "script: none"
    lines = path.read_text().split("\n")
    places = [
        (i, m[1]) for i, line in enumerate(lines)
        if (m := re.match(r"(v\d+) = json.*% 1000003\)\)$", line)) and not any(h.anchor == m[1] for h in model.hands)
    ]  # fmt: skip
    if not places:
        return "script: no place"
    index, anchor = rng.choice(places)
    kind = rng.choice(["add", "add", "use", "replace", "comment"])
    number = 100_000 + model.fresh()
    if kind == "replace":
        lines[index] = re.sub(r"\+ \d+\)", f"+ {number})", lines[index])
        model.hands.append(Hand(anchor, lines[index], replaces=True))
    elif kind == "use":
        known = [m[1] for line in lines[:index] if (m := re.match(r"(v\d+) = ", line))]
        if not known:
            return "script: no place"
        lines.insert(index + 1, f"{anchor} += {rng.choice(known)} + {number}")
        model.hands.append(Hand(anchor, lines[index + 1]))
    elif kind == "add":
        lines.insert(index + 1, f"{anchor} += {number}")
        model.hands.append(Hand(anchor, lines[index + 1]))
    else:
        lines.insert(index + 1, f"# hand {number}")
        model.hands.append(Hand(anchor, lines[index + 1]))
    path.write_text("\n".join(lines))
    return f"script: {kind}"


def edit_function(model: Model, folder: Path) -> str:
    found = [
        (path, m)
        for path in sorted([*folder.glob("data_processing/*.py"), *folder.glob("definitions/*.py")])
        for m in re.finditer(r"\+ (\d+)  # of (f\d+)$", path.read_text(), re.MULTILINE)
    ]
    names = Counter(m[2] for _, m in found)
    found = [(path, m) for path, m in found if names[m[2]] == 1]  # one that is repeated would have to be edited twice
    if not found:
        return "function: none"
    path, match = model.rng.choice(found)
    model.numbers[match[2]] = 70_000 + model.fresh()
    path.write_text(path.read_text().replace(match[0], f"+ {model.numbers[match[2]]}  # of {match[2]}"))
    return "function: by hand"


def edit_dvc_yaml(model: Model, folder: Path) -> str:  # noqa: C901
    rng, path = model.rng, folder / "dvc.yaml"
    lines = path.read_text().split("\n")
    stage = rng.choice(model.stages())
    if f"  {stage}:" not in lines:
        return "dvc.yaml: none"
    index = lines.index(f"  {stage}:")
    kind = rng.choice(["desc", "comment", "stage", "dep", "command", "flag", "reader"])
    number = model.fresh()
    if kind == "desc":
        if "    desc:" in "\n".join(lines[index : index + 3]):
            return "dvc.yaml: none"
        new = f"    desc: text {number}"
        lines.insert(index + 1, new)
    elif kind == "comment":
        new = f"  # comment {number}"
        lines.insert(index, new)
    elif kind == "stage":
        new = f"  mine{number}:\n    cmd: echo {number}\n    deps:\n    - extra.txt"
        lines[lines.index("stages:") + 1 : lines.index("stages:") + 1] = new.split("\n")
    elif kind == "reader":
        caches = [line.strip(" -") for line in lines if line.startswith("    - cache/") and not line.endswith(":")]
        if not caches:
            return "dvc.yaml: none"
        new = f"  mine{number}:\n    cmd: echo {number}\n    deps:\n    - {rng.choice(caches)}"
        lines[lines.index("stages:") + 1 : lines.index("stages:") + 1] = new.split("\n")
    elif kind == "dep":
        deps = next(i for i in range(index, len(lines)) if lines[i] == "    deps:")
        (folder / f"extra{number}.txt").write_text("x")
        new = f"    - extra{number}.txt"
        lines.insert(deps + 1, new)
    elif kind == "command":
        command = next(i for i in range(index, len(lines)) if lines[i].startswith("    cmd: "))
        if "python -u" in lines[command]:
            return "dvc.yaml: none"
        lines[command] = lines[command].replace("python ", f"python -u -W ignore::x{number} ")
        new = f"ignore::x{number}"
    else:
        end = next(i for i in range(index + 1, len(lines)) if not lines[i].startswith("    "))
        outs = next((i for i in range(index, end) if lines[i] == "    outs:"), end)
        free = [i for i in range(outs, end) if lines[i].startswith("    - cache/") and not lines[i].endswith(":")]
        if not free:
            return "dvc.yaml: none"
        out = free[0]
        lines[out] += f":\n        desc: flag {number}"
        new = ""  # goes with its out
    if new:
        model.yaml.append(new)
    path.write_text("\n".join(lines))
    return f"dvc.yaml: {kind}"


def tune(model: Model, folder: Path) -> str:
    path = folder / "params.yaml"
    text = path.read_text() if path.exists() else ""
    found = re.findall(r"^ *(p\d+): (\d+)$", text, re.MULTILINE)
    found = [(name, value) for name, value in found if name in model.params]
    if not found:
        return "params.yaml: none"
    name, value = model.rng.choice(found)
    model.tuned[name] = 50_000 + model.fresh()
    path.write_text(re.sub(rf"\b{name}: {value}$", f"{name}: {model.tuned[name]}", text, flags=re.MULTILINE))
    return "params.yaml: tuned"


def own_parameter(model: Model, folder: Path) -> str:
    path, number = folder / "params.yaml", model.fresh()
    text = path.read_text() if path.exists() else ""
    line = model.rng.choice([f"mine{number}: {number}  # by hand", f"# hand {number}"])
    path.write_text(f"{text}{line}\n" if model.rng.random() < 0.5 else f"{line}\n{text}")
    model.own.append(("params.yaml", line))
    return "params.yaml: a line of mine"


def edit_gitignore(model: Model, folder: Path) -> str:
    path = folder / ".gitignore"
    lines = path.read_text().splitlines()
    mine = {line for name, line in model.own if name == ".gitignore"}
    ours = [line for line in lines if line not in mine]
    if ours and model.rng.random() < 0.3:
        line = model.rng.choice(ours)
        lines.remove(line)
        model.out.add(line)
        kind = "taken out"
    else:
        line = f"mine{model.fresh()}/"
        lines.insert(model.rng.randint(0, len(lines)), line)
        model.own.append((".gitignore", line))
        kind = "a line of mine"
    path.write_text("".join(f"{line}\n" for line in lines))
    return f".gitignore: {kind}"


# -- what must hold --------------------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, bytes]:
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    made = ("cache/", "definitions/__pycache__/")  # by running the scripts
    return {name: p.read_bytes() for name, p in files.items() if not name.startswith(made)}


def convert(*options: str) -> tuple[int, str]:
    return command("convert", "a.ipynb", *options)


def command(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([*arguments, "--debug"])
    return code, said.getvalue()


def forget(folder: Path) -> None:
    """Modules of the pipeline that a stage before has loaded: a stage is a process of its own."""
    for name in [name for name in sys.modules if name == "definitions" or name.startswith("definitions.")]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
    shutil.rmtree(folder / "definitions" / "__pycache__", ignore_errors=True)


def run_pipeline(folder: Path) -> dict[str, int]:
    """Run the stages as DVC does, with its checks; the values in the cache."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    stages = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
    params = YAML(typ="safe").load(folder / "params.yaml") if (folder / "params.yaml").exists() else {}
    values: dict[str, int] = {}
    made: Counter[str] = Counter()
    for stage in sorted_stages(stages):
        for dep in stage.get("deps", ()):
            assert (folder / dep).exists(), f"{dep} is missing"
        for key in stage.get("params", ()):
            group, _, name = key.partition(".")
            assert name in params[group]
        if stage["cmd"].startswith("echo"):
            continue
        script = stage["cmd"].split()[-1]
        forget(folder)
        path = list(sys.path)
        exec(compile((folder / script).read_text(), script, "exec"), {"__name__": "__main__"})
        sys.path[:] = path
        for out in [o if isinstance(o, str) else next(iter(o)) for o in stage.get("outs", ())]:
            made[out] += 1
            value = pickle.loads((folder / out).read_bytes())
            values.update({Path(out).stem: value} if isinstance(value, int) else {})
    assert max(made.values(), default=1) == 1
    return values


def sorted_stages(stages: dict[str, Any]) -> list[dict[str, Any]]:
    outs = {name: {o if isinstance(o, str) else next(iter(o)) for o in s.get("outs", ())} for name, s in stages.items()}
    todo, done = dict(stages), []
    while todo:
        ready = [n for n, s in todo.items() if not any(set(s.get("deps", ())) & outs[m] for m in todo if m != n)]
        assert ready, "a cycle"
        done += [todo.pop(name) for name in ready]
    return done


def check(model: Model, folder: Path, said: str) -> None:
    """The project is what the model says."""
    present = {line.name for line in model.bound()}
    scripts = "\n".join(p.read_text() for p in folder.glob("d*/*.py"))
    for name, number in model.numbers.items():
        assert f"+ {number}  # of {name}" in scripts, f"lost: {number} of {name}"
    for hand in model.hands:
        assert hand.text in scripts, f"lost: {hand.text}"
    dvc = (folder / "dvc.yaml").read_text()
    for text in model.yaml:
        assert text in dvc, f"lost: {text}"
    for path, line in model.own:
        assert line in (folder / path).read_text().splitlines(), f"lost: {line} of {path}"
    assert not model.out & set((folder / ".gitignore").read_text().splitlines())
    for name, value in model.tuned.items():
        assert re.search(rf"\b{name}: {value}\b", (folder / "params.yaml").read_text()), f"lost: {name} of params.yaml"
    expected = model.run()
    for name, value in run_pipeline(folder).items():
        if name in present:
            assert value == expected[name], f"{name}: {said}"


def resolve(model: Model, folder: Path) -> None:
    """Take the notebook's side of each conflict; what is outside of the marks is still to be there."""
    for path in [folder / "dvc.yaml", *folder.glob("d*/*.py")]:
        path.write_text(re.sub(r"<{7} .*\n(?:.*\n)*?={7}\n((?:.*\n)*?)>{7} .*\n", r"\1", path.read_text()))
    scripts = "\n".join(path.read_text() for path in folder.glob("d*/*.py"))
    dvc = (folder / "dvc.yaml").read_text()
    model.hands = [hand for hand in model.hands if hand.text in scripts]
    model.numbers = {name: n for name, n in model.numbers.items() if f"+ {n}  # of {name}" in scripts}
    model.yaml = [text for text in model.yaml if text in dvc]


def kept_stage(said: str) -> bool:
    return "is kept, and yours now" in said


EDITS = (edit_notebook, edit_notebook, edit_notebook, edit_script, edit_script, edit_function, edit_dvc_yaml, tune,
         own_parameter, edit_gitignore)  # fmt: skip


def solved(
    model: Model, folder: Path, said: str, after: dict[str, bytes], history: list[str], statistics: Counter[str]
) -> bool:
    """Look at what a conversion with conflicts has left, and solve them; whether the model knows what came out."""
    statistics["conflict"] += 1
    assert any(b"<<<<<<< " in text and b">>>>>>> " in text for text in after.values()), history
    everything = b"\n".join(after.values()).decode()
    numbers = [f"+ {number}  # of {name}" for name, number in model.numbers.items()]
    for text in [*(hand.text for hand in model.hands), *model.yaml, *numbers]:
        assert text in everything, f"lost in a conflict: {text}\n" + "\n".join(history)
    for path in (p for p, text in after.items() if p.endswith(".py") and b"<<<<<<< " not in text):
        compile(after[path], path, "exec")
    assert convert()[0] == 1
    assert tree(folder) == after
    if kept_stage(said):
        return False
    if model.rng.random() < 0.3 and b"<<<<<<< " not in after["dvc.yaml"]:
        model.hands, model.yaml, model.numbers, model.out = [], [], {}, set()
        code, said = convert("--force")
        statistics["forced"] += 1
    else:
        resolve(model, folder)
        code, said = convert()
        statistics["resolved"] += 1
    assert code == 0, "\n" + "\n".join(history) + said
    try:
        check(model, folder, said)
    except Exception as error:
        raise AssertionError(f"resolved: {error}\n" + "\n".join(history) + said) from error
    return True


def episode(seed: int, folder: Path, statistics: Counter[str]) -> None:
    rng = random.Random(seed)
    model = first_model(rng)
    (folder / "extra.txt").write_text("x")
    model.save(folder)
    code, said = convert()
    assert code == 0, said
    check(model, folder, said)
    history: list[str] = []
    for _ in range(STEPS):
        for _ in range(rng.randint(1, 3)):
            edit = rng.choice(EDITS)
            history.append(edit(model) if edit is edit_notebook else edit(model, folder))  # type: ignore[operator]
        model.save(folder)
        before = tree(folder)
        code, said = convert()
        history.append(f"-> {code} {sorted(set(re.findall('NB6[0-9]+', said)))}")
        after = tree(folder)
        if code == 0:
            statistics["merged" if "merged:" in said else "converted"] += 1
            gone = [hand for hand in model.hands if hand.anchor not in {line.name for line in model.bound()}]
            if kept_stage(said):
                statistics["kept stage"] += 1
                for hand in gone:  # in the script that is the user's now
                    assert any(hand.text in p.read_text() for p in folder.glob("data_processing/*.py")), history
                return
            try:
                check(model, folder, said)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history) + said) from error
            again, text = convert()
            assert (again, tree(folder)) == (
                0,
                {**tree(folder), **{k: v for k, v in after.items() if not k.startswith("cache")}},
            ), text
        elif "NB618" in said:
            if not solved(model, folder, said, after, history, statistics):
                return
        else:
            statistics["refused " + ",".join(sorted(set(re.findall("NB[0-9]+", said))))] += 1
            assert after == before, history
            return
    statistics["episodes to the end"] += 1


def test_random_edits_on_all_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics: Counter[str] = Counter()
    for seed in range(int(os.environ.get("MERGE_SEED", "0")), int(os.environ.get("MERGE_SEED", "0")) + RUNS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        episode(seed, folder, statistics)
        shutil.rmtree(folder)
    print(dict(statistics))  # noqa: T201 -- for long runs, with -s
    assert statistics["merged"] > RUNS / 10


def test_random_hand_edits_are_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics: Counter[str] = Counter()
    for seed in range(max(5, RUNS // 4)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        rng = random.Random(seed)
        model = first_model(rng)
        (folder / "extra.txt").write_text("x")
        model.save(folder)
        assert convert()[0] == 0
        for _ in range(rng.randint(1, 4)):
            rng.choice([edit_script, edit_script, edit_function])(model, folder)
        before = tree(folder)
        code, said = command("pull", "--yes")
        assert code == 0, said
        after = tree(folder)
        scripts = [path for path in before if path.endswith(".py")]
        assert {path: after[path] for path in scripts} == {path: before[path] for path in scripts}, said
        cells = [json.loads(t["a.ipynb"])["cells"] for t in (before, after)]
        assert [{**cell, "source": ""} for cell in cells[0]] == [{**cell, "source": ""} for cell in cells[1]]
        check(model, folder, said)
        assert convert("--check")[0] == 0
        statistics["edits"] += len(model.hands) + len(model.numbers)
        statistics["stay"] += said.count("NB627")
        shutil.rmtree(folder)
    print(dict(statistics))  # noqa: T201
    assert statistics["stay"] <= statistics["edits"] / 10
