"""The tag grammar: what each tag and each `#|` line means, and what is said about slips."""

from __future__ import annotations

import pytest

from nb2stage.diagnostics import Severity
from nb2stage.reading.notebook import Cell, Notebook
from nb2stage.reading.stages import STAGES
from nb2stage.reading.tags import CellRole, Role, directive_lines, parse_tags, run_order

HELPER = Cell(2, "code", "", ("train",))


def roles_of(*cells: tuple[str, tuple[str, ...]]) -> tuple[tuple[CellRole, ...], list[str]]:
    found = [Cell(i, "code", source, tags) for i, (source, tags) in enumerate(cells, start=1)]
    roles, _, findings = parse_tags(Notebook("nb.ipynb", tuple(found)))
    return roles, [f.code for f in findings]


def role_of(source: str = "x = 1", *tags: str) -> tuple[CellRole, list[str]]:
    """The role of one cell, and the findings about it, beside a cell that is all right."""
    cells = (Cell(1, "code", source, tags), HELPER)
    roles, _, findings = parse_tags(Notebook("nb.ipynb", cells))
    assert all(f.hint and f.path == "nb.ipynb" for f in findings)
    return roles[0], [f.code for f in findings]


@pytest.mark.parametrize(
    ("tags", "role", "stage"),
    [
        *(pytest.param((name,), Role.STAGE, name, id=f"the stage {name}") for name in STAGES),
        pytest.param(("stage:fit",), Role.STAGE, "fit", id="a stage of the user's own"),
        pytest.param(("stage: fit",), Role.STAGE, "fit", id="with a blank"),
        pytest.param(("stage:train",), Role.STAGE, "train", id="one of ours in the long form"),
        pytest.param(("stage:a-b_2",), Role.STAGE, "a-b_2", id="digits, dash and underscore"),
        pytest.param(("train", "stage:train"), Role.STAGE, "train", id="the same stage twice"),
        pytest.param(("train", "metrics"), Role.STAGE, "train", id="metrics beside a stage"),
        pytest.param(("parameters",), Role.PARAMETERS, None, id="papermill's parameters"),
        pytest.param(("setup",), Role.SETUP, None, id="setup"),
        pytest.param(("stage:setup",), Role.SETUP, None, id="setup in the long form"),
        pytest.param(("skip",), Role.SKIP, None, id="skip"),
        pytest.param(("hpo",), Role.SKIP, None, id="hpo"),
        pytest.param(("explore", "skip"), Role.SKIP, None, id="both keep the cell out"),
        pytest.param(("explore",), Role.UNTAGGED, None, id="explore"),
        pytest.param((), Role.UNTAGGED, None, id="no tag"),
        pytest.param(
            ("hide-input", "remove-cell", "raises-exception", "nbval-skip"), Role.UNTAGGED, None, id="others' tags"
        ),
        pytest.param(("injected-parameters",), Role.PARAMETERS, None, id="papermill's other tag"),
        pytest.param(("stages:x", "stagehand", "test", "trial"), Role.UNTAGGED, None, id="no more than alike"),
    ],
)
def test_tags(tags: tuple[str, ...], role: Role, stage: str | None) -> None:
    found, codes = role_of("x = 1", *tags)
    assert (found.role, found.stage, codes) == (role, stage, [])
    assert found.explicit is ((tags != () and role is not Role.UNTAGGED) or tags == ("explore",))


@pytest.mark.parametrize(
    ("source", "role", "stage"),
    [
        pytest.param("#| stage: train\nx = 1", Role.STAGE, "train", id="a stage"),
        pytest.param("#|stage:train", Role.STAGE, "train", id="without blanks"),
        pytest.param("# | stage: train", Role.STAGE, "train", id="as jupytext and formatters write it"),
        pytest.param("\n\n  #| stage: train\n", Role.STAGE, "train", id="blank lines and an indent before it"),
        pytest.param("# Fit the model\n#| stage: train\nx = 1", Role.STAGE, "train", id="a comment before it"),
        pytest.param(
            "%%time\n#| stage: train\nx = 1", Role.STAGE, "train", id="below a cell magic, which must be first"
        ),
        pytest.param("#| label: fig-1\n#| stage: train", Role.STAGE, "train", id="below another tool's line"),
        pytest.param('#| stage: "train"', Role.STAGE, "train", id="in quotes"),
        pytest.param("#| stage: my_fit", Role.STAGE, "my_fit", id="of the user's own"),
        pytest.param("#| stage: stage:my_fit", Role.STAGE, "my_fit", id="the long form of the tag"),
        pytest.param("#| stage: setup", Role.SETUP, None, id="setup"),
        pytest.param("#| stage: parameters", Role.PARAMETERS, None, id="parameters"),
        pytest.param("#| stage: skip", Role.SKIP, None, id="skip"),
        pytest.param("#| tags: train, hide-input", Role.STAGE, "train", id="tags"),
        pytest.param("#| tags: [train, 'hide-input']", Role.STAGE, "train", id="tags as Quarto writes them"),
        pytest.param("#| tags:\n#|   - train\n#|   - metrics", Role.STAGE, "train", id="tags as a list of YAML"),
        pytest.param("#| export\nx = 1", Role.UNTAGGED, None, id="nbdev's"),
        pytest.param("#| echo: false\nx = 1", Role.UNTAGGED, None, id="Quarto's"),
        pytest.param("s = '''\n#| stage:train'''", Role.UNTAGGED, None, id="in a text, with code before it"),
        pytest.param("# stage: train", Role.UNTAGGED, None, id="a plain comment"),
    ],
)
def test_directives(source: str, role: Role, stage: str | None) -> None:
    found, codes = role_of(source)
    assert (found.role, found.stage) == (role, stage)
    assert codes in ([], ["NB115"]) if "'''" in source else codes == []


@pytest.mark.parametrize(
    ("source", "deps", "outs"),
    [
        pytest.param("#| deps: a.csv, b.csv\n#| outs: c.csv", ("a.csv", "b.csv"), ("c.csv",), id="both"),
        pytest.param("#| deps: \"a b.csv\", 'c,d.csv'", ("a b.csv", "c,d.csv"), (), id="quotes keep blanks and commas"),
        pytest.param("#| deps: [a.csv]\n#| deps: b.csv", ("a.csv", "b.csv"), (), id="two lines add up"),
        pytest.param("#| outs:\n#|   - a.csv\n#|   - b c.csv", (), ("a.csv", "b c.csv"), id="a list of YAML"),
        pytest.param("#| deps: data/*.csv", ("data/*.csv",), (), id="a pattern"),
    ],
)
def test_paths(source: str, deps: tuple[str, ...], outs: tuple[str, ...]) -> None:
    found, codes = role_of(f"#| stage: train\n{source}\nx = 1")
    assert (found.deps, found.outs, codes) == (deps, outs, [])


@pytest.mark.parametrize(
    ("source", "tags", "code", "words"),
    [
        pytest.param("", ("train", "clean"), "NB110", "`train` and `clean`", id="two stages"),
        pytest.param("#| stage: clean", ("train",), "NB110", "`train` and `clean`", id="two stages in two ways"),
        pytest.param("", ("train", "parameters"), "NB111", "`parameters`", id="stage and parameters"),
        pytest.param("", ("train", "setup"), "NB111", "`setup`", id="stage and setup"),
        pytest.param("", ("train", "skip"), "NB111", "`skip`", id="stage and skip"),
        pytest.param("", ("train", "explore"), "NB111", "`explore`", id="stage and explore"),
        pytest.param("", ("parameters", "setup"), "NB111", "`setup`", id="parameters and setup"),
        pytest.param("", ("stage:../x",), "NB112", "letters, digits", id="a path"),
        pytest.param("", ("stage:my fit",), "NB112", "letters, digits", id="a blank inside"),
        pytest.param("", ("stage:2nd",), "NB112", "start with a letter", id="a digit first"),
        pytest.param("", ("stage:träin",), "NB112", "letters, digits", id="a letter beyond ASCII"),
        pytest.param("", ("stage:class",), "NB112", "keyword", id="a keyword"),
        pytest.param("", ("stage:NUL",), "NB112", "Windows", id="a device of Windows"),
        pytest.param("", ("stage:com1",), "NB112", "Windows", id="another device"),
        pytest.param("", ("stage:",), "NB112", "empty", id="no name"),
        pytest.param("", ("stage:" + "a" * 101,), "NB112", "longer", id="too long"),
        pytest.param("#| stage:", (), "NB115", "says nothing", id="an empty line"),
        pytest.param("", ("metrics",), "NB116", "`metrics` needs", id="metrics alone"),
        pytest.param("", ("stage:Train",), "NB112", "may not tell apart", id="the case alone differs"),
    ],
)
def test_errors(source: str, tags: tuple[str, ...], code: str, words: str) -> None:
    cells = (Cell(1, "code", source, tags), HELPER)
    errors = [f for f in parse_tags(Notebook("nb.ipynb", cells))[2] if f.severity is Severity.ERROR]
    assert [f.code for f in errors] == [code]
    assert words in errors[0].message
    assert errors[0].hint


@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        pytest.param("trian", "train", id="two letters swapped"),
        pytest.param("Train", "train", id="a capital"),
        pytest.param("stage=train", "train", id="an equals sign"),
        pytest.param("stage-train", "train", id="a dash"),
        pytest.param("step:train", "train", id="step"),
        pytest.param("Stage:fit", "stage:fit", id="a capital in the prefix"),
        pytest.param("training", "train", id="another form of the word"),
        pytest.param("params", "parameters", id="an abbreviation"),
        pytest.param("parameter", "parameters", id="the singular"),
        pytest.param("evalaute", "evaluate", id="letters swapped"),
        pytest.param("Skip", "skip", id="a word with a capital"),
    ],
)
def test_near_misses(tag: str, meant: str) -> None:
    cells = (Cell(1, "code", "", (tag,)), HELPER)
    roles, _, findings = parse_tags(Notebook("nb.ipynb", cells))
    assert roles[0].role is Role.UNTAGGED
    assert [(f.code, f.severity) for f in findings] == [("NB113", Severity.WARNING)]
    assert f"did you mean `{meant}`?" in findings[0].message


OTHERS = (
    *("hide-input", "hide-output", "hide-cell", "remove-input", "remove_output", "remove-cell", "full-width", "margin"),
    *("scroll-output", "output_scroll", "raises-exception", "skip-execution", "keep_output", "thebe-init", "popout"),
    *("nbval-ignore-output", "papermill-error-cell-tag", "solution", "exercise", "export"),
    *("test", "tests", "data", "model", "results", "notes", "step 1", "step-2", "stage", "slide", "active-py", "colab"),
)


@pytest.mark.parametrize("tag", OTHERS)
def test_tags_of_other_tools_are_passed_over(tag: str) -> None:
    assert role_of("x = 1", tag)[1] == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param("x = 1\n#| deps: a.csv", 2, id="below the code"),
        pytest.param("#| dep: a.csv", 1, id="the singular"),
        pytest.param("#| stge: train", 1, id="a slip"),
        pytest.param("#| stage train", 1, id="no colon"),
        pytest.param("#| stage=train", 1, id="an equals sign"),
    ],
)
def test_lines_that_are_not_read_are_told(source: str, line: int) -> None:
    cells = (Cell(1, "code", source), HELPER)
    findings = parse_tags(Notebook("nb.ipynb", cells))[2]
    assert [(f.code, f.severity, f.line) for f in findings] == [("NB115", Severity.WARNING, line)]


def test_stages_in_the_order_of_their_first_cells() -> None:
    cells = (
        Cell(1, "markdown", "# x", ("train",)),
        Cell(2, "code", "a", ("clean",)),
        Cell(3, "code", "b", ("train", "metrics")),
        Cell(4, "code", "c", ()),
        Cell(5, "code", "d", ("clean",)),
    )
    roles, stages, findings = parse_tags(Notebook("nb.ipynb", cells))
    assert [r.cell.index for r in roles] == [2, 3, 4, 5]
    assert [(s.name, [r.cell.index for r in s.cells]) for s in stages] == [("clean", [2, 5]), ("train", [3])]
    assert [r.metrics for r in roles] == [False, True, False, False]
    assert not findings


def test_no_stage_at_all() -> None:
    findings = parse_tags(Notebook("nb.ipynb", (Cell(1, "code", "x = 1"),)))[2]
    assert [f.code for f in findings] == ["NB114"]
    assert "`train`" in findings[0].hint
    assert "`#| stage: train`" in findings[0].hint


def test_plots_and_metrics_need_a_stage() -> None:
    roles, codes = roles_of(("", ("report", "plots")), ("", ("skip", "metrics")))
    assert [(r.metrics, r.plots) for r in roles] == [(False, True), (False, False)]
    assert codes == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        pytest.param("#| stage: train\n# why\n#| deps: a\nx\n#| outs: b", {1, 3}, id="ours at the top"),
        pytest.param("#| echo: false\n#| tags:\n#|  - train\nx", {2, 3}, id="with a list"),
        pytest.param("x = 1", set(), id="none"),
    ],
)
def test_directive_lines(source: str, lines: set[int]) -> None:
    assert directive_lines(source) == lines


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([1, 2, 5], []),
        ([None, None, None], []),
        ([3, None, 2], [3]),
        ([2, 1, 3], [2]),
        ([9, 2, 3], [2]),
    ],
)
def test_cells_that_were_run_out_of_order_are_told(counts: list[int | None], told: list[int]) -> None:
    """Those of the pipeline alone: the order of explorations is nobody's business."""
    cells = [Cell(n, "code", "x = 1", ("train",), None, count) for n, count in enumerate(counts, 1)]
    cells.append(Cell(4, "code", "x", (), None, 1))
    roles, _, _ = parse_tags(Notebook("nb.ipynb", tuple(cells)))
    assert [(found.code, found.cell) for found in run_order(roles, "nb.ipynb")] == [("NB125", cell) for cell in told]
