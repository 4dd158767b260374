"""What git and DVC know of a project's commits and experiments -> rows of one table.

`read_history` asks `git` and `dvc exp show`, whose answers `rows_of` turns into `Row`s: a pure function.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.repository import output_of
from nb2stage.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

WORKSPACE: Final = "workspace"
_CODE: Final = frozenset(
    [".py", ".sh", ".r", ".jl", ".ipynb", ".sql", ".c", ".cc", ".cpp", ".js", ".ts", ".bat", ".ps1"]
)
_FORMAT: Final = "--format=%H%x00%ct%x00%an%x00%P%x00%s%x1e"
_NO_MESSAGE: Final = "dvc: commit experiment "
_MAIN: Final = ("main", "master", "origin/main", "origin/master")


class Commit(NamedTuple):
    """A commit as git has it; `time` is in seconds since 1970."""

    time: int
    author: str
    parents: tuple[str, ...]
    subject: str


class Change(NamedTuple):
    """Something that is not as it is in the baseline; `kind` is `param`, `code` or `data`, what is missing is `None`."""

    kind: str
    key: str
    before: object
    after: object


@dataclass
class Row:
    """The workspace, a commit or an experiment.

    `base` is the revision of the row that it is compared with: of an experiment the commit that it started from, of a
    commit the nearest commit before it.  `state` is empty for what is done: else `queued`, `running` or `failed`.
    `code` and `data` have the hashes of the files that the stages read and no stage writes.  `stale` names what was
    edited after the stages ran: the metrics do not belong to it.
    """

    kind: str
    name: str
    rev: str
    refs: list[str] = field(default_factory=list)
    time: int | None = None
    author: str = ""
    subject: str = ""
    base: str | None = None
    state: str = ""
    error: str = ""
    params: dict[str, object] = field(default_factory=dict)
    metrics: dict[str, object] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    @property
    def short(self) -> str:
        """The revision as people write it."""
        return self.rev[:7] if self.kind != WORKSPACE else ""

    def changes(self, base: Row | None) -> list[Change]:
        """What is not as it is in `base`."""
        if base is None:
            return []
        pairs: list[tuple[str, Mapping[str, object], Mapping[str, object]]] = [
            ("param", self.params, base.params),
            ("code", self.code, base.code),
            ("data", self.data, base.data),
        ]
        return [
            Change(kind, key, before.get(key), after.get(key))
            for kind, after, before in pairs
            for key in dict.fromkeys([*before, *after])
            if not same_value(before.get(key), after.get(key)) or (key in before) != (key in after)
        ]


def same_value(one: object, other: object) -> bool:
    """Whether two values are the same; NaN is itself, and True is not 1."""
    return (one == other and isinstance(one, bool) == isinstance(other, bool)) or (one != one and other != other)


# -- asking git and DVC ----------------------------------------------------------------------------------------------


class History(NamedTuple):
    """The rows, newest commit first and each commit's experiments behind it, and how many commits have no pipeline."""

    rows: list[Row]
    without_pipeline: int = 0

    def find(self, name: str) -> Row | None:
        """The row of that name, branch, tag, experiment or revision, which may be shortened to four letters or more."""
        for row in self.rows:
            if name in (row.name, row.rev, *row.refs):
                return row
        found = [row for row in self.rows if len(name) >= 4 and row.rev.startswith(name)]
        return found[0] if len(found) == 1 else None

    def main(self) -> Row | None:
        """The commit that the others are measured against: that of the main branch, or else the newest."""
        commits = [row for row in self.rows if row.kind == "commit"]
        found = (row for name in _MAIN for row in commits if name in row.refs)
        return next(found, commits[0] if commits else None)


def read_history(root: Path, tell: Callable[[str], None] = lambda text: None) -> History:
    """All commits of branches and tags, all experiments, and the workspace; `tell` gets a line before a long wait.

    Raises `Nb2stageError` when there is no history, or git or DVC fail.
    """
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        raise _no_history("this is no git repository", "run `nb2stage convert --init`, `dvc repro`, and commit")
    if not any((folder / ".dvc").is_dir() for folder in (root, *root.parents)):
        raise _no_history("DVC is not set up here", "run `nb2stage convert --init`, `dvc repro`, and commit")
    heads = output_of(root, "git", "for-each-ref", "--format=%(objectname) %(*objectname) %(refname)").decode()
    refs = [line.split(" ", 2) for line in heads.splitlines()]
    if not refs:
        raise _no_history("there is no commit yet", "run `dvc repro`, then `git add --all` and `git commit`")
    count = sum(name.startswith("refs/exps/") and "/exec/" not in name for *_, name in refs)
    tell(f"reading the commits and {count} experiments; for new ones DVC takes about a tenth of a second each")
    document = json.loads(output_of(root, "dvc", "exp", "show", "--json", "--all-commits"))
    shas = [rev for rev in _revisions(document) if rev != WORKSPACE]
    asked = ("log", "--stdin", "--no-walk=unsorted", "--ignore-missing", _FORMAT)
    log = output_of(root, "git", *asked, given="\n".join(shas).encode()) if shas else b""
    head = output_of(root, "git", "rev-parse", "HEAD").decode().strip()
    return rows_of(document, commits_of(log.decode(errors="replace")), _names(refs), head)


def _no_history(message: str, hint: str) -> Nb2stageError:
    return Nb2stageError(Diagnostic("NB640", message, hint))


def _names(refs: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """The branches and tags of each commit, in short; branches first, remote ones only where no local one says it."""
    found: dict[str, list[str]] = {}
    for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/"):
        for sha, peeled, name in refs:
            short = name.removeprefix(prefix)
            names = found.setdefault(peeled or sha, [])
            if name.startswith(prefix) and not short.endswith("/HEAD") and short.partition("/")[2] not in names:
                names.append(short)
    return found


def commits_of(log: str) -> dict[str, Commit]:
    """What `git log` printed in our format."""
    found = {}
    for entry in log.split("\x1e"):
        if entry.strip():
            sha, time, author, parents, subject = entry.strip("\n").split("\0", 4)
            found[sha] = Commit(int(time), author, tuple(parents.split()), subject)
    return found


def _revisions(document: Iterable[Mapping[str, Any]]) -> list[str]:
    revs = [state["rev"] for state in document]
    return revs + [
        inner["rev"] for state in document for exp in state.get("experiments") or [] for inner in exp["revs"]
    ]


# -- rows ------------------------------------------------------------------------------------------------------------


def rows_of(
    document: Sequence[Mapping[str, Any]],
    commits: Mapping[str, Commit],
    names: Mapping[str, list[str]],
    head: str | None = None,
) -> History:
    """The rows of what `dvc exp show --json --all-commits` printed.

    Commits in which DVC finds neither parameters nor metrics nor stages are counted and left out.  A key that stands in
    several files has its file in front, `eval.json:accuracy`, in all rows alike: a column means one thing.  Those of
    params.yaml stand for themselves.
    """
    rows: list[Row] = []
    left_out = 0
    for state in document:
        rev = state["rev"]
        is_commit = rev != WORKSPACE
        row = Row("commit" if is_commit else WORKSPACE, WORKSPACE, rev, names.get(rev, []))
        row.name = (row.refs or [row.short])[0] if is_commit else WORKSPACE
        _fill(row, state, commits)
        experiments = [_experiment(rev, entry, commits) for entry in state.get("experiments") or []]
        if row.params or row.metrics or row.code or row.data or row.error or experiments:
            experiments.sort(key=lambda each: (-(each.time or 0), each.name))
            rows += [row, *experiments]
        elif is_commit:
            left_out += 1
    _name_keys(rows)
    _set_bases(rows, commits, head)
    return History(rows, left_out)


def _experiment(base: str, entry: Mapping[str, Any], commits: Mapping[str, Commit]) -> Row:
    state = entry["revs"][0]
    rev = state["rev"]
    row = Row("experiment", entry.get("name") or state.get("name") or rev[:7], rev, base=base)
    status = str((entry.get("executor") or {}).get("state") or "").lower()
    row.state = "" if status == "success" else status
    _fill(row, state, commits)
    return row


def _fill(row: Row, state: Mapping[str, Any], commits: Mapping[str, Commit]) -> None:
    commit = commits.get(row.rev)
    if commit is not None:
        row.time, row.author = commit.time, commit.author
        # What DVC writes where nobody gave `dvc exp run` a message says nothing.
        row.subject = "" if commit.subject.startswith(_NO_MESSAGE) else commit.subject
    error = state.get("error")
    if error:
        row.error = " ".join(str(error.get("msg") or error.get("type")).split())
        row.state = row.state or "failed"
    data = state.get("data") or {}
    row.params, wrong = _values(data.get("params") or {})
    row.metrics, wrong_metrics = _values(data.get("metrics") or {})
    row.error = row.error or "; ".join(wrong + wrong_metrics)
    written = data.get("outs") or {}
    # What `dvc add` and `dvc import` track is written by no stage: it is data, and a dep of those that read it.
    made = [path for path, out in written.items() if not out.get("is_data_source")]
    for path, dep in (data.get("deps") or {}).items():
        plain = path.replace("\\", "/")
        if not any(plain == out or plain.startswith(out + "/") for out in made):
            versions = row.code if posixpath.splitext(plain)[1].lower() in _CODE else row.data
            versions[plain] = str(dep.get("hash") or "")


def _values(files: Mapping[str, Any]) -> tuple[dict[str, object], list[str]]:
    """The values of all files, with `file:` before their dotted keys, and what could not be read."""
    wrong, found = [], {}
    for path, result in files.items():
        error = result.get("error")
        if error:
            wrong.append(f"{path}: {error.get('msg') or error.get('type')}")
        found.update({f"{path}:{key}": value for key, value in flat(result.get("data")).items()})
    return found, wrong


def _name_keys(rows: Sequence[Row]) -> None:
    for trees in ([row.params for row in rows], [row.metrics for row in rows]):
        files: dict[str, set[str]] = {}
        for values in trees:
            for full in values:
                path, _, key = full.partition(":")
                files.setdefault(key, set()).add(path)
        for values in trees:
            named = {_named(full, files): value for full, value in values.items()}
            values.clear()
            values.update(named)


def _named(full: str, files: Mapping[str, set[str]]) -> str:
    path, _, key = full.partition(":")
    return key if path == "params.yaml" or len(files[key]) == 1 else full


def flat(tree: object, prefix: str = "") -> dict[str, object]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree} if prefix else {}
    found: dict[str, object] = {}
    for key, value in tree.items():
        found.update(flat(value, f"{prefix}{key}.") if value != {} else {f"{prefix}{key}": {}})
    return found


def _set_bases(rows: Sequence[Row], commits: Mapping[str, Commit], head: str | None) -> None:
    """Each commit is compared with the nearest commit before it that is a row, the workspace with its own commit."""
    known = {row.rev for row in rows if row.kind == "commit"}
    for row in rows:
        if row.kind == "commit":
            row.base = _nearest(row.rev, known, commits)
        elif row.kind == WORKSPACE:
            row.base = head if head in known else None


def _nearest(rev: str, known: set[str], commits: Mapping[str, Commit]) -> str | None:
    while True:
        commit = commits.get(rev)
        if commit is None or not commit.parents:
            return None
        rev = commit.parents[0]
        if rev in known:
            return rev
