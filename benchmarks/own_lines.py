"""How many lines of the generated scripts are not the user's own, and what are they for?

    python benchmarks/own_lines.py example_notebooks/*.ipynb
    python benchmarks/own_lines.py --quarters --sample 60 ~/nb2stage-corpus/notebooks/*/*.ipynb

A line is the user's where the line map of the state file says so, or where the notebook has the same line.  Blank lines
do not count.  The lines of modules that scripts import are told apart.  With `--quarters` the notebooks are cut into four
stages of equal length, as `tests/differential.py --prepare` does it.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import differential

from nb2stage.conversion import Project
from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.writer import read_state
from nb2stage.scripts.linemap import Run
from nb2stage.spine import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# What a statement of nb2stage's is for, by the first of these words in it.
WORDS: Final = {
    "figures": ("savefig", "save_figures", "show_figures", "figure_numbers", "close(", ".use(", ".show", ".draw"),
    "report": ("report", "terminal"),
    "parameters": ("params",),
    "loads": ("read_pickle", "loads(", "load(", "load_", "set_state", "setstate", " = from_"),
    "saves": ("to_pickle", "dump", "save", "write_bytes", "mkdir"),
}
HELPERS: Final = {"show": "report", "table": "report", "write": "report", "save_figures": "figures", "load": "loads"}


def kind_of(node: ast.stmt, text: str) -> str:
    """What a top-level statement that is not the user's is for."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "imports"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "head"
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return f"helpers: {HELPERS.get(node.name.rstrip('_'), 'saves')}"
    return next((kind for kind, words in WORDS.items() if any(word in text for word in words)), "others")


def own_lines(text: str, runs: Iterable[Run], theirs: set[str]) -> Counter[str]:
    """The lines of a script that are not the user's, by kind; `all` of its lines and `comments` of nb2stage's too."""
    mapped = {line for run in runs for line in range(run.first, run.last + 1)}
    lines = text.split("\n")
    kinds: dict[int, str] = {}
    for node in ast.parse(text).body:
        first, last = node.lineno, node.end_lineno or node.lineno
        kind = kind_of(node, "\n".join(lines[first - 1 : last]))
        kinds.update(dict.fromkeys(range(first, last + 1), kind))
    counted = Counter({"all": sum(bool(line.strip()) for line in lines)})
    for number, line in enumerate(lines, 1):
        if line.strip() and number not in mapped and line.strip() not in theirs:
            counted[kinds.get(number, "comments")] += 1
    return counted


def files_of(path: Path, quarters: bool) -> Iterator[tuple[bool, Counter[str]]]:
    """Whether it is a stage's script, and the counts, of each file of one notebook; none where it is refused."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if quarters:
        content = differential.prepare(differential.load(path))
    theirs = {line.strip() for cell in content["cells"] for line in "".join(cell["source"]).split("\n")}
    with tempfile.TemporaryDirectory(prefix="own-lines-") as temporary:
        folder = Path(temporary)
        place(path, content, folder)
        try:
            conversion = convert((folder / path.name).read_bytes(), path.name, Project(folder, read_state(folder)))
        except Nb2stageError:
            return
        lines, scripts = conversion.state.of(path.name).lines, {plan.script for plan in conversion.stages}
        for file in [] if conversion.failed else conversion.files:
            if file.path.endswith(".py"):
                runs = map(Run.from_text, lines.get(file.path, ()))
                yield file.path in scripts, own_lines(file.text, runs, theirs)


def place(path: Path, content: Any, folder: Path) -> None:
    """Put a notebook with its data into a folder."""
    data = path.parent / "data"
    if data.is_dir():
        shutil.copytree(data, folder / "data")
    (folder / path.name).write_text(json.dumps(content), encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--quarters", action="store_true", help="cut into four stages first")
    parser.add_argument("--sample", type=int, metavar="N", help="N of the notebooks, evenly spread")
    options = parser.parse_args(argv)
    paths = sorted(options.notebooks)
    if options.sample and options.sample < len(paths):
        paths = [paths[i * len(paths) // options.sample] for i in range(options.sample)]
    total: Counter[str] = Counter()
    converted = scripts = modules = 0
    for path in paths:
        with contextlib.redirect_stderr(io.StringIO()):
            counts = list(files_of(path, options.quarters))
        converted += bool(counts)
        for is_script, count in counts:
            scripts += is_script
            if is_script:
                total += count
            else:
                modules += sum(count.values()) - count["all"]
    everything = total.pop("all", 0)
    own = sum(total.values())
    print(f"{converted} of {len(paths)} notebooks converted, {scripts} scripts, {everything} lines")
    print(f"not the user's: {own} lines, {own / max(scripts, 1):.1f} per script, {own / max(everything, 1):.0%}")
    for kind, count in total.most_common():
        print(f"  {kind:18} {count:6}  {count / scripts:5.2f} per script")
    print(f"not the user's in modules that scripts import: {modules} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
