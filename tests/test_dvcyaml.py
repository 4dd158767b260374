"""dvc.yaml: our stages as wanted, everything of the user's to the byte.  Each result passes DVC's own schema."""

from __future__ import annotations

import pytest
from dvc.parsing.context import Context
from dvc.schema import COMPILED_MULTI_STAGE_SCHEMA
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.dvcyaml import foreign_outs, stage_names, update_dvc_yaml
from nb2stage.planning.pipeline import DvcStage, Out

IMPORT = DvcStage("import", "python i.py", deps=("i.py",), outs=(Out("cache/df.pkl"),))
TRAIN = DvcStage(
    "train",
    "python t.py",
    deps=("t.py", "cache/df.pkl"),
    params=("train.n", "seed"),
    outs=(Out("cache/model.joblib"),),
    metrics=(Out("metrics.json", cache=False),),
    plots=(Out("figures", cache=False),),
)
REPORT = DvcStage("report", "python r.py", deps=("r.py",))
ALL = (IMPORT, TRAIN, REPORT)

FRESH = """\
stages:
  import:
    cmd: python i.py
    deps:
    - i.py
    outs:
    - cache/df.pkl
  train:
    cmd: python t.py
    deps:
    - cache/df.pkl
    - t.py
    params:
    - seed
    - train.n
    outs:
    - cache/model.joblib
    metrics:
    - metrics.json:
        cache: false
    plots:
    - figures:
        cache: false
  report:
    cmd: python r.py
    deps:
    - r.py
"""


def load(text: str) -> dict[str, dict[str, object]]:
    data = YAML(typ="safe", pure=True).load(text)
    COMPILED_MULTI_STAGE_SCHEMA(data)
    return data["stages"]


def updated(existing: str | None, stages: tuple[DvcStage, ...] = ALL, removed: tuple[str, ...] = ()) -> str:
    text = update_dvc_yaml(existing, stages, removed)
    load(text)
    assert update_dvc_yaml(text, stages, removed) == text, "a second run changes nothing"
    return text


def test_fresh_text() -> None:
    assert updated(None) == FRESH


def test_comment_only_file_gets_stages_below() -> None:
    assert updated("# mine") == "# mine\n" + FRESH
    assert updated("# mine\r\n") == "# mine\r\n" + FRESH.replace("\n", "\r\n")
    assert update_dvc_yaml("# mine", ()) == "# mine"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        pytest.param("yes", "  'yes':", id="1.1 bool"),
        pytest.param("123", "  '123':", id="number"),
        pytest.param("1e3", "  '1e3':", id="float"),
        pytest.param("-x", "  '-x':", id="dash"),
        pytest.param("größe", "  größe:", id="non-ASCII"),
    ],
)
def test_names_are_quoted_where_needed(name: str, line: str) -> None:
    text = updated(None, (DvcStage(name, "python x.py"),))
    assert text == f"stages:\n{line}\n    cmd: python x.py\n"
    assert stage_names(text) == [name]


def test_templates_are_escaped_as_dvc_reads_them() -> None:
    stage = DvcStage("a", "echo ${HOME} $HOME", deps=("${x}",), outs=(Out("o/${y}", cache=False), Out("z: #")))
    data = load(updated(None, (stage,)))["a"]
    resolved = Context().resolve(data)
    assert resolved == {"cmd": "echo ${HOME} $HOME", "deps": ["${x}"], "outs": [{"o/${y}": {"cache": False}}, "z: #"]}
    assert foreign_outs(update_dvc_yaml(None, (stage,))) == {"o/${y}": "a", "z: #": "a"}


SAME = [
    pytest.param(FRESH, id="as generated"),
    pytest.param(FRESH.replace("\n", "\r\n"), id="CRLF"),
    pytest.param(FRESH.replace("    - ", "      - ").replace("    cache:", "      cache:"), id="indented sequences"),
    pytest.param(FRESH.replace("deps:\n    - cache/df.pkl\n    - t.py\n", "deps: [t.py, cache/df.pkl]\n"), id="flow"),
    pytest.param(FRESH.replace("cmd: python t.py", "cmd: >-\n      python\n      t.py"), id="folded"),
    pytest.param(FRESH.replace("  report:", "\n  # the end\n  report:   # now"), id="comments"),
    pytest.param(FRESH.replace("\n    deps", "\n    desc: x\n    deps").rstrip(), id="desc, no line end"),
    pytest.param(FRESH.replace("- metrics.json:\n        cache: false", "- metrics.json: {cache: false}"), id="flags"),
    pytest.param(FRESH.replace("- cache/df.pkl\n  train", "- cache/df.pkl:\n        push: false\n  train"), id="push"),
    pytest.param(FRESH + "vars:\n- a: 1\n", id="other keys"),
    pytest.param("\ufeff" + FRESH, id="byte order mark"),
    pytest.param("stages: " + "{" + "import: {cmd: python i.py, deps: [i.py], outs: [cache/df.pkl]}, report: "
                 "{cmd: python r.py, deps: [r.py]}, train: {cmd: python t.py, deps: [t.py, cache/df.pkl], "
                 "params: [seed, train.n], outs: [cache/model.joblib], metrics: [metrics.json: {cache: false}], "
                 "plots: [figures: {cache: false}]}}", id="all in flow style"),
]  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_same_content_stays_to_the_byte(text: str) -> None:
    assert updated(text) == text


USER = """\
# my project
vars:
  - data: raw   # where

stages:
    # fetches
    fetch:
        cmd: wget ${data}
        outs:
          - raw.csv

    # learns
    train:   # ours
        desc: a model
        cmd: python old.py   # was old
        frozen: true
        deps:
          # inputs
          - gone.csv
          - t.py  # script
        outs:
          - cache/model.joblib:  # big
                push: false
        metrics:
          - metrics.json  # scores
        plots:
          - figures:
                x: epoch
                template: smooth
        meta: {who: me}
        # done

plots:
  - raw.csv
"""

USER_AFTER = """\
# my project
vars:
  - data: raw   # where

stages:
    # fetches
    fetch:
        cmd: wget ${data}
        outs:
          - raw.csv

    import:
        cmd: python i.py
        deps:
          - i.py
        outs:
          - cache/df.pkl

    # learns
    train:   # ours
        desc: a model
        cmd: python t.py   # was old
        frozen: true
        deps:
          # inputs
          - cache/df.pkl
          - t.py  # script
        params:
          - seed
          - train.n
        outs:
          - cache/model.joblib:  # big
                push: false
        metrics:
          - metrics.json:  # scores
              cache: false
        plots:
          - figures:
              cache: false
              x: epoch
              template: smooth
        meta: {who: me}

    report:
        cmd: python r.py
        deps:
          - r.py
        # done

plots:
  - raw.csv
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_is_the_users_survives(newline: str) -> None:
    assert updated(USER.replace("\n", newline)) == USER_AFTER.replace("\n", newline)


REPORT_TEXT = "  report:\n    cmd: python r.py\n    deps:\n    - r.py\n"
UPDATES = [
    pytest.param(
        FRESH,
        (TRAIN, REPORT),
        ("import",),
        FRESH.replace(FRESH[8 : FRESH.index("  train:")], ""),
        id="removed first",
    ),
    pytest.param(
        FRESH,
        (),
        ("import", "train", "report"),
        "stages: {}\n",
        id="all removed",
    ),
    pytest.param(
        "stages: {}  # none\n",
        (REPORT,),
        (),
        "stages:  # none\n" + REPORT_TEXT,
        id="empty flow",
    ),
    pytest.param(
        "vars: [a: 1]\nstages:",
        (REPORT,),
        (),
        "vars: [a: 1]\nstages:\n" + REPORT_TEXT,
        id="empty",
    ),
    pytest.param(
        "stages: null\nplots: [a]\n",
        (REPORT,),
        (),
        "stages:\n" + REPORT_TEXT + "plots: [a]\n",
        id="null",
    ),
    pytest.param(
        "plots: [a]\n\n# end\n",
        (REPORT,),
        (),
        "plots: [a]\nstages:\n" + REPORT_TEXT + "\n# end\n",
        id="no stages yet",
    ),
    pytest.param(
        "stages:\n  a:\n    cmd: x\n\n  b:\n    cmd: y\n\n  c:\n    cmd: z\n",
        (),
        ("b",),
        "stages:\n  a:\n    cmd: x\n\n  c:\n    cmd: z\n",
        id="removed between blank lines",
    ),
    pytest.param(
        "stages:\n  a:\n    cmd: x\n\n  b:\n    cmd: y\n",
        (),
        ("b",),
        "stages:\n  a:\n    cmd: x\n",
        id="removed last",
    ),
    pytest.param(
        "stages:\n  old:\n    cmd: x\n",
        (REPORT,),
        ("old",),
        "stages:\n" + REPORT_TEXT,
        id="renamed",
    ),
    pytest.param(
        "stages:\n  report:\n    cmd: python r.py\n    deps: [r.py, x]  # why\n",
        (REPORT,),
        (),
        "stages:\n  report:\n    cmd: python r.py\n    deps: [r.py]  # why\n",
        id="flow list",
    ),
    pytest.param(
        "stages:\n  report:\n    cmd:\n    - a\n    - b\n    deps:\n    - r.py\n",
        (REPORT,),
        (),
        "stages:\n" + REPORT_TEXT,
        id="list of commands",
    ),
    pytest.param(
        "stages:\n  report:\n    cmd: |\n      a\n      # b\n\n    # c\n    deps:\n    - r.py\n",
        (REPORT,),
        (),
        "stages:\n  report:\n    cmd: python r.py\n\n    # c\n    deps:\n    - r.py\n",
        id="literal command",
    ),
    pytest.param(
        "stages:\n" + REPORT_TEXT + "    params:\n    - a  # x\n    outs:\n    - o\n",
        (REPORT,),
        (),
        "stages:\n" + REPORT_TEXT,
        id="fields go",
    ),
    pytest.param(
        "stages:\n  report:\n    frozen: true\n    wdir: .\n    cmd: x",
        (REPORT,),
        (),
        "stages:\n  report:\n    frozen: true\n    wdir: .\n    cmd: python r.py\n    deps:\n    - r.py\n",
        id="fields come, no line end",
    ),
    pytest.param(
        "params: &d\n- r.py\nstages:\n  report:\n    cmd: python r.py\n    deps: *d\n",
        (REPORT,),
        (),
        "params: &d\n- r.py\nstages:\n  report:\n    cmd: python r.py\n    deps: *d\n",
        id="alias that is right",
    ),
]


@pytest.mark.parametrize(("existing", "stages", "removed", "result"), UPDATES)
def test_update(existing: str, stages: tuple[DvcStage, ...], removed: tuple[str, ...], result: str) -> None:
    assert updated(existing, stages, removed) == result


REFUSED = [
    pytest.param("stages:\n  a: [\n", "NB601", id="not YAML"),
    pytest.param("- a\n", "NB601", id="not a mapping"),
    pytest.param("stages: [a]\n", "NB601", id="stages are a list"),
    pytest.param("stages:\n<<<<<<< HEAD\n  a:\n=======\n  b:\n>>>>>>> x\n", "NB601", id="merge conflict"),
    pytest.param("stages:\n  a:\n    cmd: x\n  a:\n    cmd: y\n", "NB601", id="double stage"),
    pytest.param("stages: {report: {cmd: x}}\n", "NB602", id="flow stages"),
    pytest.param("{stages: {}}\n", "NB602", id="flow file"),
    pytest.param("stages:\n  report: {cmd: x}\n", "NB602", id="flow stage"),
    pytest.param("x: &x\n  a:\n    cmd: x\nstages: *x\n", "NB602", id="stages are an alias"),
    pytest.param("stages:\n  a: &a\n    cmd: x\n  report: *a\n", "NB602", id="stage is an alias"),
    pytest.param("stages:\n  report: &a\n    cmd: x\n  a: *a\n", "NB602", id="stage is used elsewhere"),
    pytest.param(
        "stages:\n  a:\n    cmd: x\n    deps: &d [x]\n  report:\n    cmd: x\n    deps: *d\n", "NB602", id="alias"
    ),
    pytest.param("x: &x\n  outs: [o]\nstages:\n  report:\n    <<: *x\n    cmd: x\n", "NB602", id="merge key"),
    pytest.param("stages:\n  report:\n    foreach: [1]\n    do: {cmd: x}\n", "NB603", id="foreach"),
    pytest.param("stages:\n  report:\n    matrix: {a: [1]}\n    cmd: x\n", "NB603", id="matrix"),
    pytest.param("stages:\n  report:\n    cmd: x\n    wdir: src\n", "NB603", id="wdir"),
    pytest.param("stages:\n  report:\n", "NB602", id="stage without content"),
    pytest.param("stages: \udcff\n", "NB601", id="not UTF-8"),
    pytest.param("stages:\n  ? a\n  : cmd: x\n", "NB602", id="explicit key"),
    pytest.param("stages: &s\n  a: *s\n", "NB601", id="holds itself"),
]


@pytest.mark.parametrize(("existing", "code"), REFUSED)
def test_refused(existing: str, code: str) -> None:
    with pytest.raises(Nb2stageError, match=rf"dvc\.yaml.*{code}[^\n]*\n  hint: ."):
        update_dvc_yaml(existing, (REPORT,))


@pytest.mark.parametrize(
    ("old", "new", "field", "result"),
    [
        pytest.param({"cache": False}, Out("o"), "outs", {"cache": False}, id="the user's cache: false stays"),
        pytest.param({"push": False, "desc": "d"}, Out("o", cache=False), "outs", None, id="flags are merged"),
        pytest.param({"persist": True}, Out("o"), "outs", "o", id="persist is ours"),
        pytest.param({"x": "a", "remote": "r"}, Out("o"), "plots", {"x": "a", "remote": "r"}, id="plot flags"),
    ],
)
def test_flags_of_our_outs(old: dict[str, object], new: Out, field: str, result: object) -> None:
    existing = update_dvc_yaml(None, (DvcStage("a", "x"),))
    flags = "".join(f"        {k}: {v if isinstance(v, str) else str(v).lower()}\n" for k, v in old.items())
    existing += f"    {field}:\n    - o:\n{flags}"
    stage = DvcStage("a", "x", outs=(new,)) if field == "outs" else DvcStage("a", "x", plots=(new,))
    (entry,) = load(updated(existing, (stage,)))["a"][field]  # type: ignore[misc]
    if result is None:
        result = {"cache": False, **old}
    assert entry == (result if isinstance(result, str) else {"o": result})


def test_flags_follow_an_out_that_becomes_a_metric() -> None:
    existing = "stages:\n  a:\n    cmd: x\n    plots:\n    - o:\n        x: k\n        remote: r\n"
    data = load(updated(existing, (DvcStage("a", "x", metrics=(Out("o"),)),)))
    assert data["a"] == {"cmd": "x", "metrics": [{"o": {"remote": "r"}}]}


def test_several_plots_of_one_file_stay() -> None:
    existing = "stages:\n  a:\n    cmd: x\n    plots:\n    - o:\n      - x: k\n      - x: j\n"
    assert updated(existing, (DvcStage("a", "x", plots=(Out("o"),)),)) == existing


def test_foreign_outs() -> None:
    text = (
        "stages:\n  a:\n    cmd: x\n    outs: [o/, d: {push: false}]\n    metrics: [m]\n"
        "    plots:\n    - p:\n      - x: k\n"
        "  b:\n    foreach: [1]\n    do:\n      cmd: x\n      wdir: sub\n      outs: ['${item}']\n"
    )
    assert foreign_outs(text) == {"o": "a", "d": "a", "m": "a", "p": "a", "sub/${item}": "b"}
    assert stage_names(text) == ["a", "b"]
    assert foreign_outs(None) == {}
    assert stage_names(None) == stage_names("") == stage_names("stages:\n") == []


PATHS = st.sampled_from(["a", "b.csv", "c/d", "yes", "1", "é", "x: y", "- z", "${q}", "it's", "#k"])
FLAGGED = st.builds(Out, PATHS, st.booleans(), st.booleans())
STAGES = st.lists(
    st.builds(
        DvcStage,
        st.sampled_from(["import", "train", "no", "1e3", "a-b", "c_d"]),
        st.sampled_from(["python a.py", "python b.py", "echo ${x}: #"]),
        st.lists(PATHS, unique=True, max_size=4).map(tuple),
        st.lists(st.sampled_from(["seed", "a.b", "no"]), unique=True).map(tuple),
        st.lists(FLAGGED, unique_by=lambda out: out.path, max_size=3).map(tuple),
        st.lists(FLAGGED, unique_by=lambda out: out.path, max_size=2).map(tuple),
        st.lists(FLAGGED, unique_by=lambda out: out.path, max_size=2).map(tuple),
    ),
    unique_by=lambda stage: stage.name,
    max_size=4,
).map(tuple)
FOREIGN = "vars:\n- k: 1  # v\n\n# before\nstages:\n  # first\n  foreign:\n    cmd: x  # y\n    deps: [o]\n"
AFTER = "# behind\nplots:\n- zz   # p\n"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(STAGES, STAGES)
def test_any_stages_become_any_others(before: tuple[DvcStage, ...], after: tuple[DvcStage, ...]) -> None:
    """Whatever was there: the result is valid, complete, stable, and all comments and foreign lines are still there."""
    ours = update_dvc_yaml(None, before).replace("stages:\n", "").replace("stages: {}\n", "")
    commented = "".join(f"{line}  # {i}\n" for i, line in enumerate(ours.splitlines()))
    existing = FOREIGN + commented + AFTER
    removed = tuple(stage.name for stage in before)
    text = updated(existing, after, removed)
    assert text.startswith(FOREIGN) or not before or after
    assert text.endswith(AFTER)
    assert set(FOREIGN.splitlines()) <= set(text.splitlines())
    assert set(load(text)) == {"foreign"} | {stage.name for stage in after}
