"""How fast is `nb2stage check`?  It runs before each commit, so it may take half a second for ten notebooks.

    python benchmarks/bench_check.py                # the whole process, nothing remembered from an earlier run
    python benchmarks/bench_check.py --check        # exit code 1 when the target is missed

The project has ten notebooks of 12 cells with 300 kB of outputs each, 40 stages, and a git repository.  The target is
for the processor time of the process and the git commands that it starts: on a machine that has nothing else to do that
is the time that passes.  The ratio is to a Python program that imports json and ast, measured in turn in the same run.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from bench_convert import SMALL, code_cell, in_turn, notebook, picture, printed_lines, save

TARGET: Final = 0.5
# Names that are no slips of the built-in ones, which would be a warning each.
NAMES: Final = {"import": "load", "preprocess": "wrangle", "train": "fit_model", "report": "summary"}
# The compiled modules of an installation are there; a benchmark must not compile them each time.
ENVIRONMENT: Final = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def project_notebook(number: int, with_magic: bool) -> dict[str, Any]:
    """The 12 cells of `bench_convert` with stages of its own."""
    rng = random.Random(number)
    cells = []
    for position, (tag, source) in enumerate(SMALL):
        stage = f"stage:{NAMES[tag]}_{number}" if tag in NAMES else tag
        text = source.replace("metrics.json", f"metrics_{number}.json")
        if with_magic and position == 0:
            text = "%matplotlib inline\n" + text
        outputs = [printed_lines(rng)] if position == 3 else [small_picture(rng)] if position == 7 else []
        cells.append(code_cell(position, text, *stage.split(), outputs=outputs))
    return notebook(cells)


def small_picture(rng: random.Random) -> Any:
    output = picture(rng)
    output["data"]["image/png"] = output["data"]["image/png"][:60_000]
    return output


def build(folder: Path, notebooks: int, with_magic: bool) -> None:
    """A converted project in git that keeps all rules."""
    folder.mkdir()
    names = [f"explore_{number}.ipynb" for number in range(notebooks)]
    for number, name in enumerate(names):
        save(project_notebook(number, with_magic), folder / name)
    run(["git", "init", "-q"], folder)
    run([sys.executable, "-m", "nb2stage", "convert", "-q", *names], folder)
    run(["git", "add", "."], folder)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nexit code {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def processor(command: list[str], folder: Path) -> float:
    """The processor time of a command and of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds of each (default 9)")
    parser.add_argument("--notebooks", type=int, default=10)
    parser.add_argument("--check", action="store_true", help="exit code 1 when the target is missed")
    args = parser.parse_args(argv)
    missed = False
    with tempfile.TemporaryDirectory() as temporary:
        for what, with_magic, target in (("plain cells", False, TARGET), ("a magic in each notebook", True, None)):
            folder = Path(temporary) / str(with_magic)
            build(folder, args.notebooks, with_magic)
            size = sum(path.stat().st_size for path in folder.glob("*.ipynb")) / 1e6
            check = [sys.executable, "-m", "nb2stage", "check"]
            empty = [sys.executable, "-c", "import ast, json"]
            used: list[float] = []
            ours, theirs = in_turn(
                args.rounds,
                lambda c=check, f=folder, u=used: u.append(processor(c, f)),
                lambda c=empty, f=folder: run(c, f),
            )
            seconds = statistics.median(used[1:])
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            verdict = "" if target is None else f"  (target {target} s: {'met' if seconds <= target else 'MISSED'})"
            missed = missed or (target is not None and seconds > target)
            head = f"check, {args.notebooks} notebooks, {size:.1f} MB, {what}"
            passed = f"{statistics.median(ours):.3f} s passed"
            print(f"{head:<56} {seconds:.3f} s of processor, {passed}   ratio {ratio:.1f}{verdict}", flush=True)
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
