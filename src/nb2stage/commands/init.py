"""`nb2stage init`: the guideline's project, as far as it is not there yet.  What is there is never overwritten."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nb2stage.console.streams import Console
    from nb2stage.files.writer import Change

_DESCRIPTION: Final = """\
Make a project: folders with a line of README each, git, DVC, .gitignore, params.yaml, requirements.txt with what the
notebooks import, pyproject.toml with the settings of nb2stage, and a notebook to start with where there is none.
Nothing that exists is overwritten; .gitignore and requirements.txt get the lines that they lack.
"""

_EPILOG: Final = """\
example:
  nb2stage init wine && cd wine && nb2stage convert && dvc repro

exit codes:
  0 fine, also when there is nothing to do    1 something is to be mended
"""

FOLDERS: Final = {
    "data": "Raw data. DVC keeps it, git does not: `dvc add data/FILE`.",
    "data_exploration": "Notebooks that look at the data. They are no stages of the pipeline.",
    "data_processing": "Scripts that import and prepare the data.",
    "hpo": "Notebooks that look for good hyperparameters. They are no stages of the pipeline.",
    "training": "Scripts that train the models.",
    "report": "Scripts that evaluate the models, and the report and figures that they make.",
}
_IGNORED: Final = (
    "cache/",
    "data/*",
    "!data/*.dvc",
    "!data/.gitignore",
    "!data/README.md",
    "__pycache__/",
    ".ipynb_checkpoints/",
    ".venv/",
)
_PARAMS: Final = (
    "# `nb2stage convert` puts the literals of the cell tagged `parameters` here; from then on tune them here.\n"
)
_STARTER: Final = "explore.ipynb"
_CELLS: Final = (
    (
        "",
        "# Wine\n\nThe tag of a cell says which stage of the pipeline it belongs to. `nb2stage convert` writes the scripts.",
    ),
    ("parameters", "test_size = 0.4\nn_estimators = 100  # trees in the forest\nseed = 1"),
    ("import", "from sklearn.datasets import load_wine\n\ndf = load_wine(as_frame=True).frame\ndf.shape"),
    ("explore", "df.describe()"),
    (
        "preprocess",
        'from sklearn.model_selection import train_test_split\n\nX = df.drop(columns="target")\n'
        'X_train, X_test, y_train, y_test = train_test_split(X, df["target"], test_size=test_size, random_state=seed)',
    ),
    (
        "train",
        "from sklearn.ensemble import RandomForestClassifier\n\n"
        "model = RandomForestClassifier(n_estimators=n_estimators, random_state=seed)\nmodel.fit(X_train, y_train)",
    ),
    ("report metrics", "accuracy = model.score(X_test, y_test)"),
    (
        "report",
        "import matplotlib.pyplot as plt\n\n"
        "plt.barh(X_test.columns, model.feature_importances_)\nplt.tight_layout()\nplt.show()",
    ),
)


def register(commands: Any, formatter: Callable[[str], argparse.HelpFormatter]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "init",
        run,
        help="make a project: folders, git, DVC, requirements, a notebook to start with",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="default: the current folder")
    parser.add_argument("--dry-run", action="store_true", help="write nothing and print what would be made")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_common(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage init`; the exit code."""
    import os
    from pathlib import Path

    from nb2stage.files.repository import initialise, missing_commands
    from nb2stage.files.writer import apply_changes
    from nb2stage.project.configuration import absolute

    root = absolute(Path(options.folder), Path.cwd())
    notebooks = pipeline_notebooks(root)
    changes = planned(root, notebooks)
    commands = missing_commands(root)
    if not options.dry_run:
        initialise(root, commands)
        apply_changes(root, changes)
    folder = os.path.relpath(root)
    follow = [f"cd {folder}"] * (folder != ".")
    follow += ["pip install -r requirements.txt", "nb2stage convert", "dvc repro"]
    done = [change for change in changes if change.kind != "unchanged"]
    if console.json:
        import json

        files = [{"path": change.path, "change": change.kind} for change in done]
        data = {"version": 1, "ok": True, "written": not options.dry_run, "files": files, "commands": commands}
        console.out(json.dumps({**data, "next": follow}, indent=2, ensure_ascii=False))
    elif not console.quiet:
        console.out(_said(done, commands, _to_tag(root, notebooks) + follow, options.dry_run))
    return 0


def _said(changes: Sequence[Change], commands: Sequence[str], follow: Sequence[str], is_preview: bool) -> str:
    if not changes and not commands:
        return "nothing to do: the project is complete"
    lines = [f"{'would run' if is_preview else 'run'}: {', '.join(commands)}"] if commands else []
    for kind, verb in (("create", "written"), ("update", "lines added to")):
        paths = [change.path for change in changes if change.kind == kind]
        if paths:
            lines.append(f"{'would be ' * is_preview}{verb}: {', '.join(paths)}")
    if not is_preview:
        lines += ["", f"next: {follow[0]}", *(f"      {command}" for command in follow[1:])]
    return "\n".join(lines)


def _to_tag(root: Path, notebooks: Sequence[str]) -> list[str]:
    """What is to be done with notebooks in which no cell has a stage yet."""
    from nb2stage.project.configuration import read_configuration
    from nb2stage.project.notebooks import found_notebooks, has_stages

    if not notebooks and (found := found_notebooks(root, read_configuration(root))):
        return [f"nb2stage tag {found[0]} --write    (proposes a stage for each cell of a notebook)"]
    todo = [name for name in notebooks if not has_stages(root, name, otherwise=True)]
    return [f"nb2stage tag {name} --write" for name in todo]


def pipeline_notebooks(root: Path) -> list[str]:
    """The notebooks that are to be a pipeline: those in the project folder, and those with tags in folders of it; else
    the only one that there is."""
    from nb2stage.project.configuration import read_configuration
    from nb2stage.project.notebooks import found_notebooks, has_stages

    settings = read_configuration(root)
    if settings.notebooks:
        return list(settings.notebooks)
    found = found_notebooks(root, settings)
    chosen = [name for name in found if "/" not in name or has_stages(root, name)]
    return chosen or (found if len(found) == 1 else [])


def planned(root: Path, notebooks: Sequence[str]) -> list[Change]:
    """The files that are missing, and the lines that .gitignore and requirements.txt lack."""
    from nb2stage.files.gitignore import update_gitignore
    from nb2stage.files.packages import missing_requirements
    from nb2stage.files.requirements import REQUIREMENTS
    from nb2stage.files.writer import Change, read_text
    from nb2stage.project.configuration import read_configuration
    from nb2stage.project.notebooks import found_notebooks
    from nb2stage.texts.yamltext import insertion, splice

    is_empty = not notebooks and not found_notebooks(root, read_configuration(root))
    fresh = {f"{folder}/README.md": f"# {folder}\n\n{line}\n" for folder, line in FOLDERS.items()}
    fresh["params.yaml"] = _PARAMS
    names = ", ".join(f'"{name}"' for name in notebooks or [_STARTER] * is_empty)
    if read_text(root, "nb2stage.toml") is None:
        fresh["pyproject.toml"] = f"[tool.nb2stage]\nnotebooks = [{names}]\n"
    if is_empty:
        fresh[_STARTER] = starter()
    changes = [Change(path, "create", None, text) for path, text in fresh.items() if read_text(root, path) is None]
    ignored = read_text(root, ".gitignore")
    needed = read_text(root, REQUIREMENTS)
    lines = missing_requirements(needed, [*modules_of(root, is_empty), "dvc"])
    text = splice(needed or "", [insertion(needed or "", len(needed or ""), lines, 0)]) if lines else needed or ""
    for path, before, after in (
        (".gitignore", ignored, update_gitignore(ignored, _IGNORED)),
        (REQUIREMENTS, needed, text),
    ):
        if before != after:
            changes.append(Change(path, "create" if before is None else "update", before, after))
    return changes


def modules_of(root: Path, is_empty: bool) -> list[str]:
    """What the notebooks of the project import, without the project's own modules."""
    import ast

    from nb2stage.diagnostics import Nb2stageError
    from nb2stage.files.packages import imported_modules
    from nb2stage.reading.magics import to_python_all
    from nb2stage.reading.notebook import read_notebook

    paths = [
        p for p in sorted(root.rglob("*.ipynb")) if not any(part.startswith(".") for part in p.relative_to(root).parts)
    ]
    contents = [(str(path.relative_to(root)), path.read_bytes()) for path in paths]
    if is_empty:
        contents.append((_STARTER, starter().encode()))
    trees: list[ast.AST] = []
    for name, data in contents:
        try:
            notebook = read_notebook(data, name)
        except Nb2stageError:  # no notebook, or none of Python: converting it says why
            continue
        cells = [cell for cell in notebook.cells if cell.kind == "code"]
        for python, _ in to_python_all([(cell, None) for cell in cells], name):
            if python is not None:
                trees.append(compile(python.text, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    local = {p.stem for p in root.glob("*.py")} | {p.parent.name for p in root.glob("*/__init__.py")}
    return [module for module in imported_modules(trees) if module not in local]


def starter() -> str:
    """A notebook with tags that makes a pipeline of four stages."""
    import json

    cells: list[dict[str, Any]] = []
    for number, (tags, source) in enumerate(_CELLS, start=1):
        cell: dict[str, Any] = {"cell_type": "code" if tags else "markdown", "id": f"cell-{number}", "metadata": {}}
        if tags:
            cell |= {"execution_count": None, "metadata": {"tags": tags.split()}, "outputs": []}
        cells.append(cell | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    data = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
