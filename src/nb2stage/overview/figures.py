"""The pictures and reports that commits and experiments left behind, out of git."""

from __future__ import annotations

import ast
import hashlib
import posixpath
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.repository import blobs, objects, output_of
from nb2stage.overview.graph import build
from nb2stage.overview.history import WORKSPACE
from nb2stage.patterns import Pattern
from nb2stage.texts.yamltext import read_yaml
from nb2stage.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nb2stage.overview.history import Row

TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


_SHOWN: Final = Pattern(r"figure_\d+\.\w+")  # what scripts call the figures that a notebook shows
_LONGEST: Final = 200_000  # bytes of a report that a page can bear


class Figures:
    """The pictures and reports of revisions, each distinct one once, as long as they fit into `budget` bytes.

    `of` has the pictures of a revision: path -> number in `contents`, which has media types and bytes.  `reports` has
    its texts in markdown: path -> number in `texts`.
    """

    def __init__(self, root: Path, budget: int) -> None:
        self.root, self.budget = root, budget
        self.of: dict[str, dict[str, int]] = {}
        self.contents: list[tuple[str, bytes]] = []
        self.numbers: dict[str, int] = {}
        self.reports: dict[str, dict[str, int]] = {}
        self.texts: list[str] = []
        self.twins: dict[str, str] = {}  # a picture that the user saves -> the file name of the same in the report

    def add(self, rows: Iterable[Row]) -> None:
        """Take in the pictures of rows, the most important row first; a row gets all of its pictures or none."""
        revs = [row.rev for row in rows if row.kind in ("commit", "experiment") and not row.state]
        tracked = self.tracked(revs)
        self.add_reports(revs, tracked)
        for rev, everything in zip(revs, tracked, strict=True):
            found = {path: sha for path, sha in everything.items() if _is_picture(path)}
            new = [sha for sha in dict.fromkeys(found.values()) if sha not in self.numbers]
            contents = blobs(self.root, new) if new and self.budget > 0 else {}
            size = sum(len(content) for content in contents.values())
            if size > self.budget or (new and not contents):
                continue
            self.budget -= size
            types = {sha: TYPES[posixpath.splitext(path)[1].lower()] for path, sha in found.items()}
            for sha, content in contents.items():
                self.numbers[sha] = len(self.contents)
                self.contents.append((types[sha], content))
            self.of[rev] = {path: self.numbers[sha] for path, sha in found.items()}

    def add_workspace(self) -> None:
        """Take in the pictures and reports that lie in the project folder now, as far as dvc.yaml names them."""
        paths: list[Path] = []
        for plot in self.plots(read_bytes(self.root / "dvc.yaml")):
            place = self.root / plot
            paths += sorted(place.rglob("*")) if place.is_dir() else [place]
        self.of[WORKSPACE], self.reports[WORKSPACE] = {}, {}
        for path in dict.fromkeys(paths):
            name, content = path.relative_to(self.root).as_posix(), read_bytes(path)
            if not path.is_file() or not (_is_picture(name) or _is_report(name)):
                continue
            if _is_report(name) and len(content) <= _LONGEST:
                self.reports[WORKSPACE][name] = len(self.texts)
                self.texts.append(content.decode(errors="replace"))
            elif _is_picture(name):
                sha = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # as git names it
                if sha not in self.numbers:
                    if len(content) > self.budget:
                        continue
                    self.budget -= len(content)
                    self.numbers[sha] = len(self.contents)
                    self.contents.append((TYPES[posixpath.splitext(name)[1].lower()], content))
                self.of[WORKSPACE][name] = self.numbers[sha]

    def add_reports(self, revs: Sequence[str], tracked: Sequence[dict[str, str]]) -> None:
        """Take in the reports of revisions, the most important first."""
        wanted = [{path: sha for path, sha in found.items() if _is_report(path)} for found in tracked]
        contents = blobs(self.root, sorted({sha for found in wanted for sha in found.values()}))
        numbers: dict[str, int] = {}
        for rev, found in zip(revs, wanted, strict=True):
            new = {sha for sha in found.values() if sha not in numbers}
            size = sum(len(contents[sha]) for sha in new)
            if size > min(self.budget, _LONGEST):
                continue
            self.budget -= size
            for sha in sorted(new, key=list(found.values()).index):
                numbers[sha] = len(self.texts)
                self.texts.append(contents[sha].decode(errors="replace"))
            self.reports[rev] = {path: numbers[sha] for path, sha in found.items()}

    def tracked(self, revs: Sequence[str]) -> list[dict[str, str]]:
        """For each revision the pictures and reports that its dvc.yaml names, themselves or their folder, with git's names."""
        definitions = [name for _, name in objects(self.root, [f"{rev}:./dvc.yaml" for rev in revs])]
        plots = {name: self.plots(text) for name, text in blobs(self.root, sorted({*definitions} - {""})).items()}
        asked = [(rev, plot) for rev, name in zip(revs, definitions, strict=True) for plot in plots.get(name, [])]
        answers = objects(self.root, [f"{rev}:./{plot}" for rev, plot in asked])
        trees = {name: self.listed(name) for kind, name in dict.fromkeys(answers) if kind == "tree"}
        found: dict[str, dict[str, str]] = {rev: {} for rev in revs}
        for (rev, plot), (kind, name) in zip(asked, answers, strict=True):
            paths = {f"{plot}/{path}": sha for path, sha in trees[name].items()} if kind == "tree" else {plot: name}
            found[rev].update(
                {path: sha for path, sha in paths.items() if kind and (_is_picture(path) or _is_report(path))}
            )
        return [found[rev] for rev in revs]

    def listed(self, tree: str) -> dict[str, str]:
        """The files of a folder and of those in it, with git's names."""
        listed = output_of(self.root, "git", "ls-tree", "-r", "-z", "--full-tree", tree).decode(
            errors="surrogateescape"
        )
        entries = [entry.split("\t", 1) for entry in listed.split("\0") if entry]
        return {path: meta.split()[2] for meta, path in entries if meta.split()[1] == "blob"}

    def plots(self, content: bytes) -> list[str]:
        """The paths of all plots and outs of a dvc.yaml."""
        text = content.decode(errors="replace")
        try:
            data, stages = read_yaml(text, "dvc.yaml", "NB601"), build([], text).stages
        except Nb2stageError:  # one commit with conflict markers in it must not stop the others
            return []
        paths = [path for stage in stages for path in (*stage.writes, *stage.plots)]
        top = data.get("plots") if isinstance(data, dict) else None
        for item in top if isinstance(top, list) else [top]:
            paths += [str(name) for name in (item if isinstance(item, dict) else [item] if item else [])]
        return list(dict.fromkeys(path.rstrip("/") for path in paths))


def read_bytes(path: Path) -> bytes:
    """What is in a file; nothing where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def twins(script: str) -> dict[str, str]:
    """File names of pictures that a script saves itself -> that of the one that its report shows: one figure, saved twice.

    Where more than one is saved before the figures are closed nobody knows which is which.
    """
    try:
        body = ast.parse(script).body
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, str] = {}
    saved: list[str] = []
    for statement in body:
        for call in (node for node in walk(statement) if isinstance(node, ast.Call)):
            method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if method == "close":
                own = [name for name in saved if not _SHOWN.fullmatch(posixpath.basename(name))]
                shown = [name for name in saved if _SHOWN.fullmatch(posixpath.basename(name))]
                if len(own) == len(shown) == 1:
                    found[own[0]] = shown[0]
                saved = []
            elif method == "savefig" and call.args:
                texts = [
                    n.value for n in walk(call.args[0]) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                ]
                saved += [posixpath.basename(text) for text in texts[-1:] if _is_picture(text)]
    return found


def _is_report(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() == ".md"


def _is_picture(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() in TYPES
