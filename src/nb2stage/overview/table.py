"""The table of all commits and experiments: columns, best values, what changed; as text, markdown, CSV, JSON.

`nb2stage.overview.page` makes the page of it.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.overview.history import WORKSPACE, Change, History, Row, same_value
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass, field
from nb2stage.texts.spelling import closest
from nb2stage.texts.wording import json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Paint = Callable[[str, str], str]

# Metrics of which less is better, by the words of their names.
_LOWER: Final = Pattern(
    r"loss|error|err|mae|mse|rmse|mape|smape|msle|rmsle|medae|mad|mase|nll|perplexity|brier|wer|cer|fid|eer|logloss|"
    r"deviance|aic|bic|time|seconds|duration|latency|runtime|size|memory|cost|regret|distance|residual"
)
_DIGITS: Final = 5
_KEEP: Final = 28  # letters that `changed` keeps where other columns can give way
_SUBJECT: Final = 44  # letters of a subject where nothing has to give way
_SHORTEST: Final = 16  # and where something has to
_AUTHOR: Final = 18
_NARROW: Final = 100
_MOST_KEPT: Final = 3  # metrics that stay longer than the author
_LEAST: Final = 8
_GAP: Final = "  "


@dataclass(frozen=True)
class Metric:
    """A column of metrics: whether less is better, and the revisions with the best value (none for texts).

    The workspace is never best, nor is a commit whose metrics do not belong to its parameters and files.
    """

    key: str
    lower: bool
    best: tuple[str, ...] = ()


@dataclass
class Overview:
    """The rows in the order in which they are shown, and the columns."""

    rows: list[Row]
    metrics: list[Metric] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)  # by revision: against the baseline
    bases: dict[str, str | None] = field(default_factory=dict)
    main: Row | None = None
    without_pipeline: int = 0

    def varying(self, keys: Iterable[str], values: Callable[[Row], Mapping[str, object]]) -> list[str]:
        """Of these columns those that do not have one value throughout."""
        found = []
        for key in keys:
            seen = [values(row).get(key) for row in self.rows]
            if any(not same_value(seen[0], each) for each in seen[1:]):
                found.append(key)
        return found


def overview_of(
    history: History,
    baseline: str | None = None,
    lower: Sequence[str] = (),
    higher: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
) -> Overview:
    """The overview of a history.

    `baseline` names the row that all others are compared with; without it experiments are compared with the commit
    that they started from and commits with the one before.  `lower` and `higher` say of which metrics less or more is
    better where the name does not say it.  `sort` is a metric, best first, or a parameter, smallest first; a `-` before
    it turns the order round.  `limit` is the number of rows that are kept.

    Raises `Nb2stageError` when a name is none of the history's.
    """
    if not history.rows:
        hint = "run `dvc repro`, then `git add --all` and `git commit`"
        raise Nb2stageError(Diagnostic("NB640", "no commit of this repository has a pipeline", hint))
    base = _found(history, baseline) if baseline is not None else None
    rows = list(history.rows)
    keys = _ordered(row.metrics for row in rows)
    params = _ordered(row.params for row in rows)
    for key in (*lower, *higher):
        _known(key, keys, "metric")
    metrics = [_metric(key, rows, lower, higher) for key in keys]
    by_rev = {row.rev: row for row in rows}
    bases = {row.rev: base.rev if base is not None else row.base for row in rows}
    changes = {row.rev: row.changes(by_rev.get(bases[row.rev] or "")) for row in rows}
    if sort is not None:
        rows = _sorted(rows, sort, metrics, params)
    if limit is not None:
        rows = rows[:limit]
    return Overview(rows, metrics, params, changes, bases, base or history.main(), history.without_pipeline)


def _found(history: History, name: str) -> Row:
    row = history.find(name)
    if row is None:
        hint = "name a branch, a tag, an experiment or a revision that the table shows"
        raise Nb2stageError(Diagnostic("NB640", f"there is no commit or experiment `{name}`", hint))
    return row


def _known(key: str, keys: Sequence[str], what: str) -> None:
    if key not in keys:
        close = closest(key, keys, 0.5)
        hint = f"did you mean `{close}`?" if close else f"there are: {', '.join(keys) or 'none'}"
        raise Nb2stageError(Diagnostic("NB640", f"there is no {what} `{key}`", hint))


def _ordered(trees: Iterable[Mapping[str, object]]) -> list[str]:
    """All keys, in the order of the first row that has them."""
    return list(dict.fromkeys(key for tree in trees for key in tree))


def number(value: object) -> float | None:
    """The value as a number; `None` for texts, truths, NaN and what is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def is_lower_better(key: str) -> bool:
    """Whether the name says that less is better: `val_loss`, `test.rmse`, `fitTime`."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key.rpartition(":")[2])
    return any(_LOWER.fullmatch(word.lower()) for word in words)


def _metric(key: str, rows: Sequence[Row], lower: Sequence[str], higher: Sequence[str]) -> Metric:
    less = key in lower or (key not in higher and is_lower_better(key))
    counted = [row for row in rows if row.kind != WORKSPACE and not row.stale]
    values = [(value, row) for row in counted if (value := number(row.metrics.get(key))) is not None]
    if len({value for value, _ in values}) < 2:
        return Metric(key, less)
    best = (min if less else max)(value for value, _ in values)
    return Metric(key, less, tuple(row.rev for value, row in values if value == best))


def _sorted(rows: list[Row], sort: str, metrics: Sequence[Metric], params: Sequence[str]) -> list[Row]:
    key = sort.removeprefix("-")
    metric = next((each for each in metrics if each.key == key), None)
    _known(key, [*(each.key for each in metrics), *params], "metric or parameter")
    descending = metric is not None and not metric.lower
    if sort != key:
        descending = not descending
    values = {row.rev: (row.metrics if metric is not None else row.params).get(key) for row in rows}
    numbers = {rev: number(value) for rev, value in values.items()}
    counted = [row for row in rows if numbers[row.rev] is not None]
    counted.sort(key=lambda row: numbers[row.rev] or 0.0, reverse=descending)
    others = [row for row in rows if numbers[row.rev] is None]
    others.sort(key=lambda row: (values[row.rev] is None, str(values[row.rev])))
    return counted + others


# -- values as text --------------------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """A value as people read it: five significant digits, `-` for what is missing."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        import json

        return json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split())


def exact(value: object) -> str:
    """A value with all its digits, empty for what is missing."""
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else shown(value)


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """`{"train.C": "C"}`, as far as the last part says it alone."""
    last = {key: re.split(r"[.:]", key)[-1] for key in keys}
    count = list(last.values())
    return {key: short if count.count(short) == 1 else key for key, short in last.items()}


def versions(files: Mapping[str, str]) -> str:
    """One short hash for the versions of several files; that of a single file is its own."""
    if not files:
        return ""
    if len(files) == 1:
        return next(iter(files.values()))[:7]
    import hashlib

    text = "\n".join(f"{path} {files[path]}" for path in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:7]


def iso(seconds: int | None) -> str:
    """A time as `2026-11-23T08:40:00+00:00`."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def change_text(changes: Sequence[Change]) -> str:
    """`n_estimators 300 → 50, train.py, data.csv`: parameters with their values, files by name."""
    short = short_keys([change.key for change in changes if change.kind == "param"])
    parts = []
    for change in changes:
        if change.kind == "param":
            before, after = (shown(value) if value is not None else "null" for value in (change.before, change.after))
            parts.append(f"{short[change.key]} {before} → {after}")
        else:
            parts.append(change.key.rpartition("/")[2])
    return ", ".join(parts)


# -- for the terminal and for markdown -------------------------------------------------------------------------------

Cells = list[list[str]]
_ABOUT: Final = ("message", "author", "time")


def _grid(view: Overview) -> tuple[list[str], Cells, dict[tuple[int, int], str]]:
    """Headings, cells and the styles of some.

    Name, message of the commit, author, time, metrics, parameters that vary, versions, what changed.
    """
    metrics = [metric for metric in view.metrics if any(metric.key in row.metrics for row in view.rows)]
    params = view.varying(view.params, lambda row: row.params)
    short = short_keys([*(metric.key for metric in metrics), *params])
    head = ["", *_ABOUT, *(short[m.key] + (" ↓" if m.lower else " ↑") * bool(m.best) for m in metrics)]
    head += [*(short[key] for key in params), "code", "data", "changed"]
    styles: dict[tuple[int, int], str] = {}
    cells = []
    for number_of_row, row in enumerate(view.rows):
        for column, metric in enumerate(metrics, 1 + len(_ABOUT)):
            if row.rev in metric.best:
                styles[number_of_row, column] = "green"
        if row.kind != "experiment":
            styles[number_of_row, 0] = "bold"
        cells.append(
            [
                _label(row),
                " ".join(row.subject.split()),
                " ".join(row.author.split()),
                "" if row.time is None else datetime.fromtimestamp(row.time, timezone.utc).strftime("%Y-%m-%d %H:%M"),
                *(shown(row.metrics.get(m.key)) + " *" * (row.rev in m.best) for m in metrics),
                *(_param(row, key) for key in params),
                versions(row.code),
                versions(row.data),
                row.error or change_text(view.changes[row.rev]),
            ]
        )
    kept = [n for n in range(len(head)) if n == 0 or any(row[n] not in ("", "-") for row in cells)]
    place = {column: n for n, column in enumerate(kept)}
    styles = {(line, place[column]): style for (line, column), style in styles.items() if column in place}
    return [head[n] for n in kept], [[row[n] for n in kept] for row in cells], styles


def _param(row: Row, key: str) -> str:
    return "null" if key in row.params and row.params[key] is None else shown(row.params.get(key))


def _name(row: Row) -> str:
    return row.short or row.name


def _label(row: Row) -> str:
    mark = " !" * bool(row.stale)
    if row.kind == WORKSPACE:
        return WORKSPACE + mark
    if row.kind == "commit":
        return f"{row.short} {', '.join(row.refs)}".strip() + mark
    return f"  {row.name}" + (f" ({row.state})" if row.state else f" {row.short}" * (row.name != row.short))


def _notes(view: Overview) -> list[str]:
    """What the table does not show by itself."""
    notes = []
    varying = set(view.varying(view.params, lambda row: row.params))
    same = [key for key in view.params if key not in varying]
    if same:
        notes.append("the same everywhere: " + ", ".join(f"{key} = {_param(view.rows[0], key)}" for key in same))
    if any(metric.best for metric in view.metrics):
        notes.append("* best value; ↑ more is better, ↓ less is better")
    notes += [f"! {_name(row)}: edited after the stages ran: {', '.join(row.stale)}" for row in view.rows if row.stale]
    if view.without_pipeline:
        notes.append(f"left out: {view.without_pipeline} commits without a pipeline")
    return notes


def text(view: Overview, paint: Paint, width: int | None = None) -> str:
    """The table for the terminal; columns that do not fit into `width` are named below it."""
    head, cells, styles = _grid(view)
    widths = [max(len(row[n]) for row in [head, *cells]) for n in range(len(head))]
    kept, dropped = _fitting(head, widths, width)
    lines = [paint(_GAP.join(head[n].ljust(widths[n]) for n in kept).rstrip(), "bold")]
    for number_of_row, row in enumerate(cells):
        parts = []
        for n in kept:
            cell = row[n] if len(row[n]) <= widths[n] else row[n][: widths[n] - 1] + "…"
            padded = cell.ljust(widths[n]) if n != kept[-1] else cell
            style = styles.get((number_of_row, n))
            parts.append(paint(padded, style) if style else padded)
        lines.append(_GAP.join(parts).rstrip())
    notes = _notes(view)
    if dropped:
        notes.insert(0, f"no room for: {', '.join(dropped)}; see them with --csv, --md or --html, or in a wider window")
    return "\n".join([*lines, "", *notes]).rstrip()


def _fitting(head: Sequence[str], widths: list[int], width: int | None) -> tuple[list[int], list[str]]:
    """The columns that fit, and the headings of the others.

    `changed` and the message give way first, down to some letters; then go the versions and the time, then columns from
    the right.  The message and the first metric that is a number stay longest, the author nearly so.
    """
    columns = list(range(len(head)))
    place = {name: head.index(name) for name in (*_ABOUT, "code", "data") if name in head}
    for name, most in (("message", _SUBJECT), ("author", _AUTHOR)):
        if name in place:
            widths[place[name]] = min(widths[place[name]], most)
    if width is None:
        return columns, []

    def room(used: Sequence[int]) -> int:
        return width - sum(widths[n] + len(_GAP) for n in used)

    widths[0] = min(widths[0], max(_KEEP, width // 2))  # long names of branches
    has_changes = head[-1] == "changed"
    values = [n for n in columns[1:] if head[n] not in (*place, "changed")]
    values.sort(key=lambda n: not head[n].endswith((" ↑", " ↓")))
    expendable = [*(place[name] for name in ("code", "data", "time") if name in place), *reversed(values[_MOST_KEPT:])]
    expendable += [*([place["author"]] if "author" in place else []), *reversed(values[1:_MOST_KEPT])]
    if has_changes:
        widths[-1] = min(widths[-1], max(_KEEP if width >= _NARROW else _SHORTEST, room(columns[:-1])))
    if "message" in place:
        wide = widths[place["message"]]
        widths[place["message"]] = max(min(_SHORTEST, wide), min(wide, wide + room(columns) + len(_GAP)))
        expendable.append(place["message"])
    dropped = []
    while room(columns) < -len(_GAP) and expendable:
        dropped.append(expendable.pop(0))
        columns.remove(dropped[-1])
    if has_changes:
        widths[-1] = max(_LEAST, min(widths[-1], room(columns[:-1])))
    return columns, [head[n] for n in dropped]


def markdown(view: Overview) -> str:
    """The table for GitHub and GitLab: best values in bold."""
    head, cells, styles = _grid(view)
    lines = ["| " + " | ".join(_escaped(each) for each in head) + " |"]
    first = 1 + sum(name in head for name in _ABOUT)
    texts = {"code", "data", "changed"}
    lines.append(
        "|" + "|".join(" ---: " if n >= first and each not in texts else " --- " for n, each in enumerate(head)) + "|"
    )
    for number_of_row, row in enumerate(cells):
        parts = []
        for n, cell in enumerate(row):
            plain = cell.removesuffix(" *").strip() if styles.get((number_of_row, n)) == "green" else cell.strip()
            inner = ("&nbsp;&nbsp;" if n == 0 and cell.startswith("  ") else "") + _escaped(plain)
            parts.append(f"**{inner}**" if (number_of_row, n) in styles and inner else inner)
        lines.append("| " + " | ".join(parts) + " |")
    notes = [_escaped(note.removeprefix("* ").replace("best value", "bold: best value", 1)) for note in _notes(view)]
    return "\n".join([*lines, "", *(f"{note}  " for note in notes)]).rstrip()


_MARKDOWN: Final = str.maketrans({char: "\\" + char for char in "\\|*_`<>[]~"})


def _escaped(cell: str) -> str:
    return cell.translate(_MARKDOWN)


# -- for programs ----------------------------------------------------------------------------------------------------


def csv(view: Overview) -> str:
    """All columns with all digits; files by their hashes."""
    import csv as writer_of
    import io

    files = {"code": _ordered(row.code for row in view.rows), "data": _ordered(row.data for row in view.rows)}
    head = ["kind", "name", "rev", "refs", "time", "author", "subject", "baseline", "state", "stale", "changed"]
    head += [f"metrics.{metric.key}" for metric in view.metrics] + [f"params.{key}" for key in view.params]
    head += [f"{kind}.{path}" for kind, paths in files.items() for path in paths]
    stream = io.StringIO()
    writer = writer_of.writer(stream, lineterminator="\n")
    writer.writerow(head)
    for row in view.rows:
        start = [row.kind, row.name, row.rev, " ".join(row.refs), iso(row.time), row.author, row.subject]
        start += [view.bases[row.rev] or "", row.state, ", ".join(row.stale), change_text(view.changes[row.rev])]
        values = [exact(row.metrics.get(metric.key)) for metric in view.metrics]
        values += ["null" if _param(row, key) == "null" else exact(row.params.get(key)) for key in view.params]
        values += [row.code.get(path, "") for path in files["code"]] + [
            row.data.get(path, "") for path in files["data"]
        ]
        writer.writerow([_plain_cell(each) for each in start] + values)
    return stream.getvalue().removesuffix("\n")


def _plain_cell(cell: str) -> str:
    """A text that a spreadsheet must not take for a formula: names and subjects are other people's."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t") else cell


def document(view: Overview) -> dict[str, Any]:
    """The overview as data; keys may be added in later versions, none is taken away."""
    return {
        "version": 1,
        "main": view.main.rev if view.main is not None else None,
        "metrics": [
            {"key": metric.key, "better": "lower" if metric.lower else "higher", "best": list(metric.best)}
            for metric in view.metrics
        ],
        "params": view.params,
        "rows": [_row(view, row) for row in view.rows],
        "without_pipeline": view.without_pipeline,
    }


def _row(view: Overview, row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "rev": row.rev,
        "refs": row.refs,
        "time": iso(row.time) or None,
        "author": row.author,
        "subject": row.subject,
        "baseline": view.bases[row.rev],
        "state": row.state,
        "error": row.error,
        "stale": row.stale,
        "metrics": json_value(row.metrics),
        "params": json_value(row.params),
        "code": row.code,
        "data": row.data,
        "changes": [
            {"kind": c.kind, "key": c.key, "before": json_value(c.before), "after": json_value(c.after)}
            for c in view.changes[row.rev]
        ],
    }
