"""The pictures that experiments left behind, out of git and DVC's cache."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Nb2stageError
from nb2stage.graph import build
from nb2stage.repository import output_of
from nb2stage.yamltext import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nb2stage.history import Row

TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


class Figures:
    """The pictures of revisions, each distinct one once, as long as they fit into `budget` bytes.

    `of` has the pictures of a revision: path -> number in `contents`, which has media types and bytes.
    """

    def __init__(self, root: Path, budget: int) -> None:
        self.root, self.budget = root, budget
        self.of: dict[str, dict[str, int]] = {}
        self.contents: list[tuple[str, bytes]] = []
        self.left_out = 0
        self.numbers: dict[str, int] = {}
        self.paths: dict[str, list[str]] = {}  # of plots, by the hash of a dvc.yaml

    def add(self, rows: Iterable[Row]) -> None:
        """Take in the pictures of rows, the most important row first; a row gets all of its pictures or none."""
        for row in rows:
            if row.rev in self.of or row.kind not in ("commit", "experiment") or row.state:
                continue
            if self.budget <= 0:
                self.left_out += 1
                continue
            try:
                found = self.tracked(row.rev)
            except Nb2stageError:  # a queued experiment's commit may be gone by now
                continue
            new = {sha: path for path, sha in found.items() if sha not in self.numbers}
            contents = self.read(list(new)) if new else {}
            size = sum(len(content) for content in contents.values())
            if size > self.budget:
                self.left_out += 1
                continue
            self.budget -= size
            for sha, content in contents.items():
                self.numbers[sha] = len(self.contents)
                self.contents.append((TYPES[posixpath.splitext(new[sha])[1].lower()], content))
            self.of[row.rev] = {path: self.numbers[sha] for path, sha in found.items()}

    def tracked(self, rev: str) -> dict[str, str]:
        """The pictures of a revision that its dvc.yaml names, themselves or their folder, with git's hashes."""
        listed = output_of(self.root, "git", "ls-tree", "-r", "-z", rev).decode(errors="surrogateescape")
        entries = [entry.split("\t", 1) for entry in listed.split("\0") if entry]
        files = {path: meta.split()[2] for meta, path in entries if meta.split()[1] == "blob"}
        if "dvc.yaml" not in files:
            return {}
        plots = self.plots(files["dvc.yaml"])
        return {
            path: sha
            for path, sha in files.items()
            if posixpath.splitext(path)[1].lower() in TYPES
            and any(path == plot or path.startswith(plot + "/") for plot in plots)
        }

    def plots(self, sha: str) -> list[str]:
        """The paths of all plots and outs of a dvc.yaml."""
        if sha not in self.paths:
            text = output_of(self.root, "git", "cat-file", "blob", sha).decode(errors="replace")
            try:
                data = read_yaml(text, "dvc.yaml", "NB601")
                stages = build([], text).stages
            except Nb2stageError:
                data, stages = {}, []
            paths = [path for stage in stages for path in (*stage.writes, *stage.plots)]
            top = data.get("plots") if isinstance(data, dict) else None
            for item in top if isinstance(top, list) else [top]:
                paths += [str(name) for name in (item if isinstance(item, dict) else [item] if item else [])]
            self.paths[sha] = paths
        return self.paths[sha]

    def read(self, shas: Sequence[str]) -> dict[str, bytes]:
        """The contents of git's objects."""
        answer = output_of(self.root, "git", "cat-file", "--batch", given="".join(f"{sha}\n" for sha in shas).encode())
        found, at = {}, 0
        for sha in shas:
            end = answer.index(b"\n", at)
            size = int(answer[at:end].split()[2])
            found[sha] = answer[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return found
