"""`nb2stage overview`: rows and columns of what git and DVC say, and the forms of the table."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from history_samples import MAIN, OLD, commit, experiment, many, state
from test_cli import call, project

from nb2stage.diagnostics import Nb2stageError
from nb2stage.overview import table as overview
from nb2stage.overview.history import Change, History, Row, commits_of, rows_of
from nb2stage.overview.table import Overview, is_lower_better, overview_of, short_keys

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["call", "project"]  # fixtures

EXP = "e" * 40
PARAMS = {"params.yaml": {"train": {"C": 0.1, "kind": "a"}, "seed": 1}}
METRICS = {"metrics.json": {"accuracy": 0.8, "loss": 0.4}}
DEPS = {"train.py": "1" * 32, "data/x.csv": "2" * 32, "cache/df.pkl": "3" * 32, "raw": "4.dir", "lib/m.py": "5" * 32}


def history(*states: dict[str, Any]) -> History:
    log = {MAIN: commit(200, OLD, subject="second"), OLD: commit(100, subject="first"), EXP: commit(300, MAIN)}
    return rows_of(states, log, {MAIN: ["main", "best"], OLD: ["v1"]}, MAIN)


def small() -> History:
    """Workspace, main with one experiment, and the commit before."""
    better = state(
        EXP,
        {"params.yaml": {"train": {"C": 1.0, "kind": "a"}, "seed": 1}},
        {"metrics.json": {"accuracy": 0.9, "loss": 0.5}},
        {**DEPS, "data/x.csv": "9" * 32},
    )
    return history(
        state("workspace", PARAMS, METRICS, DEPS),
        state(MAIN, PARAMS, METRICS, DEPS, experiments=[experiment("brave-hare", better)]),
        state(OLD, PARAMS, {"metrics.json": {"accuracy": 0.7, "loss": 0.4}}, {**DEPS, "train.py": "0" * 32}),
    )


def plain(text: str, style: str) -> str:
    return text


# -- rows ------------------------------------------------------------------------------------------------------------


def test_rows_in_order_with_names_and_bases() -> None:
    rows = small().rows
    assert [(row.kind, row.name) for row in rows] == [
        ("workspace", "workspace"), ("commit", "main"), ("experiment", "brave-hare"), ("commit", "v1"),
    ]  # fmt: skip
    assert [row.base for row in rows] == [MAIN, OLD, MAIN, None]
    assert (rows[1].time, rows[1].author, rows[1].subject) == (200, "Ada", "second")


def test_code_and_data_are_what_no_stage_writes() -> None:
    found = history(state(MAIN, PARAMS, METRICS, DEPS, outs={"cache/df.pkl": False, "raw": True}))
    assert list(found.rows[0].code) == ["train.py", "lib/m.py"]
    assert list(found.rows[0].data) == ["data/x.csv", "raw"]


def test_what_changed_against_the_base() -> None:
    rows = small().rows
    assert rows[2].changes(rows[1]) == [
        Change("param", "train.C", 0.1, 1.0),
        Change("data", "data/x.csv", "2" * 32, "9" * 32),
    ]
    assert [(change.kind, change.key) for change in rows[1].changes(rows[3])] == [("code", "train.py")]
    assert rows[3].changes(None) == []


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": float("nan")}, {"a": float("nan")}, False),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": True}, True),
        ({}, {"a": None}, True),
        ({"a": [1]}, {"a": [1]}, False),
    ],
)
def test_which_values_differ(before: dict[str, object], after: dict[str, object], changed: bool) -> None:
    assert bool(Row("commit", "x", "x", params=after).changes(Row("commit", "y", "y", params=before))) == changed


def test_a_key_of_two_files_has_its_file_in_all_rows() -> None:
    found = history(
        state(
            MAIN,
            {"params.yaml": {"C": 1}, "other.yaml": {"C": 2, "d": 3}},
            {"a.json": {"r": 1}, "b.json": {"r": 2, "s": 3}},
        ),
        state(OLD, PARAMS, {"a.json": {"r": 4}}),
    )
    assert found.rows[0].metrics == {"a.json:r": 1, "b.json:r": 2, "s": 3}
    assert found.rows[1].metrics == {"a.json:r": 4}
    assert found.rows[0].params == {"C": 1, "other.yaml:C": 2, "d": 3}


def test_states_and_errors() -> None:
    failed = {"rev": "f" * 40, "name": None, "data": None, "error": {"msg": "no\nway", "type": "E"}}
    queued = state("9" * 40, PARAMS)
    unread = state(OLD, PARAMS)
    unread["data"]["metrics"] = {"m.json": {"error": {"msg": "bad json", "type": "E"}}}
    done = experiment("three", state(EXP, PARAMS, METRICS), "success")
    experiments = [experiment("one", failed), experiment("two", queued, "Queued"), done]
    rows = history(state(MAIN, PARAMS, METRICS, experiments=experiments), unread).rows
    assert {row.name: row.state for row in rows} == {
        "main": "",
        "one": "failed",
        "two": "queued",
        "three": "",
        "v1": "",
    }
    assert [row.error for row in rows if row.error] == ["no way", "m.json: bad json"]


def test_commits_without_a_pipeline_are_counted() -> None:
    found = history(state("workspace"), state(MAIN, PARAMS, METRICS), state(OLD))
    assert ([row.name for row in found.rows], found.without_pipeline) == (["main"], 1)
    with pytest.raises(Nb2stageError, match="NB640"):
        overview_of(history(state("workspace"), state(OLD)))


def test_finding_a_row() -> None:
    found = small()
    for name in ("main", "best", "brave-hare", EXP, "eeee"):
        row = found.find(name)
        assert row is not None, name
    assert found.find("eee") is None
    assert found.main() is found.rows[1]


def test_git_log_is_read() -> None:
    log = f"{MAIN}\x005\x00A. B.\x00{OLD} {EXP}\x00a | subject\x1e\n"
    assert commits_of(log)[MAIN] == (5, "A. B.", (OLD, EXP), "a | subject")


# -- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "lower"),
    [
        ("loss", True), ("val_loss", True), ("test.rmse", True), ("fitTime", True), ("a.json:MAE", True), ("cv.logLoss", True),
        ("accuracy", False), ("r2", False), ("losses_avoided", False), ("meant", False), ("f1_macro", False),
        ("time.json:score", False),
    ],
)  # fmt: skip
def test_of_which_metrics_less_is_better(key: str, lower: bool) -> None:
    assert is_lower_better(key) == lower


def test_best_values() -> None:
    view = overview_of(small())
    assert [(metric.key, metric.lower, metric.best) for metric in view.metrics] == [
        ("accuracy", False, (EXP,)), ("loss", True, (MAIN, OLD)),
    ]  # fmt: skip
    assert overview_of(small(), lower=["accuracy"]).metrics[0].best == (OLD,)
    assert overview_of(small(), higher=["loss"]).metrics[1].best == (EXP,)


def test_nan_and_texts_are_never_best() -> None:
    view = overview_of(
        history(
            state(MAIN, PARAMS, {"m.json": {"a": float("nan"), "b": "x", "c": True, "d": 1}}),
            state(OLD, PARAMS, {"m.json": {"a": 1.0, "b": "y", "c": False, "d": 1}}),
        )
    )
    assert [metric.best for metric in view.metrics] == [()] * 4


def names(view: Overview) -> list[str]:
    return [row.name for row in view.rows]


def test_sorting() -> None:
    assert names(overview_of(small(), sort="accuracy")) == ["brave-hare", "workspace", "main", "v1"]
    assert names(overview_of(small(), sort="-accuracy")) == ["v1", "workspace", "main", "brave-hare"]
    assert names(overview_of(small(), sort="loss"))[-1] == "brave-hare"
    assert names(overview_of(small(), sort="train.C", limit=2)) == ["workspace", "main"]
    assert names(overview_of(many(9), sort="accuracy"))[-1] == "trial-0007"  # NaN comes last


def test_one_baseline_for_all() -> None:
    view = overview_of(small(), baseline="v1")
    assert set(view.bases.values()) == {OLD}
    assert [change.key for change in view.changes[EXP]] == ["train.C", "train.py", "data/x.csv"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"baseline": "nowhere"}, "there is no commit or experiment `nowhere`"),
        ({"sort": "acuracy"}, "did you mean `accuracy`?"),
        ({"lower": ["x"]}, "there are: accuracy, loss"),
    ],
)
def test_names_that_are_not_there(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Nb2stageError, match=re.escape(said)):
        overview_of(small(), **options)


def test_short_keys() -> None:
    assert short_keys(["train.C", "a.json:r", "b.json:r", "x"]) == {
        "train.C": "C", "a.json:r": "a.json:r", "b.json:r": "b.json:r", "x": "x",
    }  # fmt: skip


# -- forms -----------------------------------------------------------------------------------------------------------


def test_text() -> None:
    lines = overview.text(overview_of(small()), plain).splitlines()
    assert lines[0].split() == [
        "message",
        "author",
        "time",
        "accuracy",
        "↑",
        "loss",
        "↓",
        "C",
        "code",
        "data",
        "changed",
    ]
    assert lines[3].split()[:9] == ["brave-hare", "eeeeeee", "a", "change", "Ada", "1970-01-01", "00:05", "0.9", "*"]
    assert " second " in lines[2]
    assert lines[3].endswith("C 0.1 → 1, x.csv")
    assert lines[2].startswith("aaaaaaa main, best")
    assert lines[4].startswith("bbbbbbb v1")
    assert lines[6] == "the same everywhere: train.kind = a, seed = 1"
    versions = [re.findall(r" ([0-9a-f]{7})\b(?! main| v1)", line)[-2:] for line in lines[1:5]]
    assert versions[0] == versions[1]
    assert (versions[2][0] == versions[1][0], versions[2][1] == versions[1][1]) == (True, False)
    assert (versions[3][0] == versions[1][0], versions[3][1] == versions[1][1]) == (False, True)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_text_fits(width: int) -> None:
    view = overview_of(many(30))
    said = overview.text(view, plain, width)
    table, _, notes = said.partition("\n\n")
    assert max(map(len, table.splitlines())) <= width
    shown = set(re.split(r"\s\s+", table.splitlines()[0].strip()))
    dropped = set(re.findall(r"[\w.]+", notes.splitlines()[0].partition(";")[0])) if "no room for" in notes else set()
    for heading in (
        "message",
        "author",
        "accuracy ↑",
        "loss ↓",
        "std ↑",
        "rate",
        "depth",
        "kind",
        "seed",
        "time",
        "code",
        "data",
        "changed",
    ):
        assert heading in shown or heading.split()[0] in dropped, heading


def test_message_and_author_stay_in_a_narrow_window() -> None:
    """Of a commit that says much: what it says is cut off before columns go."""
    found = many(30)
    for row in found.rows:
        row.subject, row.author = "A long story of what has been tried and why " * 3, "Ann Margaret Example-Longname"
    wide, narrow = (overview.text(overview_of(found), plain, width).splitlines()[0] for width in (160, 100))
    assert "message" in wide
    assert "author" in wide
    assert "message" in narrow
    assert "accuracy ↑" in narrow


def test_what_dvc_writes_into_an_experiment_is_no_message() -> None:
    log = {MAIN: commit(200, subject="mine"), EXP: commit(300, MAIN, subject="dvc: commit experiment 4c16da6f")}
    found = rows_of([state(MAIN, PARAMS, METRICS, experiments=[experiment("brave-hare", state(EXP, PARAMS))])], log, {})
    assert [row.subject for row in found.rows] == ["mine", ""]


def test_long_names_of_branches_leave_room() -> None:
    found = small()
    found.rows[1].refs = ["a-very-long-name-of-a-branch" * 4]
    table = overview.text(overview_of(found), plain, 80).partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert "accuracy" in table[0]


def test_colour_marks_the_best() -> None:
    said = overview.text(overview_of(small()), lambda text, style: f"<{style}>{text}</{style}>")
    assert "<green>0.9 *" in said
    assert "<bold>aaaaaaa main, best" in said


def test_markdown() -> None:
    lines = overview.markdown(overview_of(small())).splitlines()
    assert lines[0] == "|  | message | author | time | accuracy ↑ | loss ↓ | C | code | data | changed |"
    assert all(line.count("|") - line.count("\\|") == 11 for line in lines[:6])
    assert "**0.9**" in lines[4]
    assert "&nbsp;&nbsp;brave-hare" in lines[4]
    odd = state(MAIN, {"params.yaml": {"a|b": "x|<b>"}}, METRICS)
    assert "x\\|\\<b\\>" in overview.markdown(
        overview_of(history(odd, state(OLD, {"params.yaml": {"a|b": 1}}, METRICS)))
    )


def test_csv_has_everything_exactly() -> None:
    rows = list(csv.DictReader(overview.csv(overview_of(many(9))).splitlines()))
    assert len(rows) == 12
    third = next(row for row in rows if row["name"] == "trial-0003")
    source = next(row for row in many(9).rows if row.name == "trial-0003")
    assert float(third["params.train.rate"]) == source.params["train.rate"]
    assert float(third["metrics.loss"]) == source.metrics["loss"]
    assert third["baseline"] == MAIN
    assert (third["code.train.py"], third["data.data.csv"]) == ("c" * 32, "d" * 32)
    assert {row["params.train.depth"] for row in rows} & {"null"} == {"null"}
    assert next(row for row in rows if row["name"] == "trial-0007")["metrics.accuracy"] == "nan"


def test_csv_has_no_formula() -> None:
    found = small()
    found.rows[1].subject = "=HYPERLINK(1)"
    assert ",'=HYPERLINK(1)," in overview.csv(overview_of(found))


def test_json_is_json() -> None:
    document = json.loads(json.dumps(overview.document(overview_of(many(9))), allow_nan=False))
    assert document["main"] == MAIN
    assert document["metrics"][1] == {"key": "loss", "better": "lower", "best": document["metrics"][1]["best"]}
    row = next(row for row in document["rows"] if row["name"] == "v1")
    assert (row["time"], row["baseline"]) == ("2025-11-13T02:13:20+00:00", None)
    assert next(row for row in document["rows"] if row["name"] == "trial-0007")["metrics"]["accuracy"] == "nan"
    assert [change["key"] for change in document["rows"][1]["changes"]] == ["seed", "data.csv"]


# -- the command where there is nothing ------------------------------------------------------------------------------


def test_without_git_dvc_or_commits(project: Path, call: Any) -> None:
    for folder, said in ((None, "no git repository"), (".git", "DVC is not set up")):
        if folder:
            (project / folder).mkdir()
        code, out, err = call("overview")
        assert (code, out) == (1, "")
        assert said in err
        assert "hint: " in err


@pytest.mark.parametrize("argv", [["--limit", "0"], ["--limit", "x"], ["--md", "--csv"]])
def test_wrong_usage(project: Path, call: Any, argv: list[str]) -> None:
    assert call("overview", *argv)[0] == 2
