"""params.yaml: two readers read one value; what the user wrote survives."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.paramsyaml import check_params_text, read_params, update_params_yaml
from nb2stage.planning.pipeline import Param
from nb2stage.texts.yamltext import is_yaml_value, same, scalar_text


def param(key: str, value: object, comment: str = "") -> Param:
    return Param(key.rpartition(".")[2], key, value, comment)


def params(**values: object) -> list[Param]:
    return [param(key.replace("__", "."), value) for key, value in values.items()]


WINE = [param("preprocess.test_size", 0.25), param("train.n_estimators", 200, "trees"), param("seed", 42)]


def test_fresh_text_is_what_a_person_would_write() -> None:
    assert update_params_yaml(None, WINE) == (
        "seed: 42\npreprocess:\n  test_size: 0.25\ntrain:\n  n_estimators: 200  # trees\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(1e-4, "0.0001", id="small float"),
        pytest.param(1e-5, "1.0e-05", id="exponent gets a dot"),
        pytest.param(1.5e300, "1.5e+300", id="exponent keeps its sign"),
        pytest.param(1e16, "1.0e+16", id="large float"),
        pytest.param(-0.0, "-0.0", id="minus zero"),
        pytest.param(math.inf, ".inf", id="inf"),
        pytest.param(-math.inf, "-.inf", id="minus inf"),
        pytest.param(math.nan, ".nan", id="nan"),
        pytest.param(None, "null", id="none"),
        pytest.param(True, "true", id="bool"),
        pytest.param(10**30, "1" + "0" * 30, id="big int"),
        pytest.param("plain text, with: no", "'plain text, with: no'", id="colon and space"),
        pytest.param("a:b", "a:b", id="colon alone"),
        pytest.param("adam", "adam", id="word"),
        pytest.param("data/wine.csv", "data/wine.csv", id="path"),
        pytest.param("2020_data.csv", "2020_data.csv", id="path that begins with digits"),
        pytest.param("Zürich", "Zürich", id="non-ASCII"),
        pytest.param("a #b", "'a #b'", id="comment sign"),
        pytest.param("a#b", "a#b", id="number sign inside"),
        pytest.param("yes", "'yes'", id="yes"),
        pytest.param("Off", "'Off'", id="off"),
        pytest.param("y", "'y'", id="y"),
        pytest.param("~", "'~'", id="tilde"),
        pytest.param("Null", "'Null'", id="null"),
        pytest.param("", "''", id="empty"),
        pytest.param("123", "'123'", id="int"),
        pytest.param("1e3", "'1e3'", id="1.2 float"),
        pytest.param("1_000", "'1_000'", id="underscores"),
        pytest.param("0o17", "'0o17'", id="octal"),
        pytest.param("0x1F", "'0x1F'", id="hex"),
        pytest.param("12:30:45", "'12:30:45'", id="sexagesimal"),
        pytest.param("2020-01-31", "'2020-01-31'", id="date"),
        pytest.param("2020-01-31T10:00:00Z", "'2020-01-31T10:00:00Z'", id="time"),
        pytest.param("-x", "'-x'", id="dash"),
        pytest.param("it's: x", '"it\'s: x"', id="apostrophe"),
        pytest.param("tab\there", '"tab\\there"', id="tab"),
        pytest.param("=", "'='", id="value key"),
        pytest.param("<<", "'<<'", id="merge key"),
        pytest.param("@x", "'@x'", id="reserved"),
    ],
)
def test_scalars(value: object, text: str) -> None:
    assert scalar_text(value) == text
    assert same(yaml.safe_load(text), value)
    assert same(YAML(typ="safe", pure=True).load(text), value)


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("aA0179-+.:_eExob#'\"\\ \n\t{}[],&*!|>%@`~=<?yntrufs", max_size=12),
    st.from_regex(r"[-+]?[0-9_]{1,4}([:.-][0-9]{1,2}){0,3}([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["yes", "No", "ON", "off", "y", "N", "null", "~", "true", "False", ".inf", ".NaN", "---", "..."]),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
KEYS = TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
NAMES = st.sampled_from(["a", "b", "y", "on", "no", "train.a", "train.b", "train.on", "é.x.z", "é.x.y"])
PARAMS = st.dictionaries(NAMES, VALUES, min_size=1).map(lambda d: [param(k, v, "why") for k, v in d.items()])


def expected(wanted: list[Param]) -> dict[str, object]:
    result: dict[str, object] = {}
    for one in wanted:
        *groups, last = one.key.split(".")
        here = result
        for group in groups:
            here = here.setdefault(group, {})  # type: ignore[assignment]
        here[last] = one.value
    return result


@settings(deadline=None, derandomize=True, max_examples=150)
@given(PARAMS)
def test_both_readers_read_the_same_values_and_types(wanted: list[Param]) -> None:
    text = update_params_yaml(None, wanted)
    assert same(YAML(typ="safe", pure=True).load(text), expected(wanted))
    assert same(yaml.safe_load(text), expected(wanted))
    assert [d for d in check_params_text(text) if d.code != "NB556"] == []
    assert update_params_yaml(text, wanted) == text


@settings(deadline=None, derandomize=True, max_examples=80)
@given(PARAMS, st.data())
def test_parameters_added_later_are_added_and_nothing_else_changes(wanted: list[Param], data: st.DataObject) -> None:
    first = data.draw(st.lists(st.sampled_from(wanted), unique_by=lambda p: p.key))
    text = update_params_yaml("# mine\n", first) if first else "# mine\n"
    again = update_params_yaml(text, wanted)
    assert same(read_params(again), expected(wanted))
    assert same(yaml.safe_load(again), expected(wanted))
    assert set(text.splitlines()) <= set(again.splitlines())


UPDATES = [
    pytest.param(
        "seed: 7\n", "seed: 7\npreprocess:\n  test_size: 0.25\ntrain:\n  n_estimators: 200  # trees\n", id="tuned"
    ),
    pytest.param(
        "seed: 7\r\npreprocess: {test_size: 0.5}\r\n",
        "seed: 7\r\npreprocess: {test_size: 0.5}\r\ntrain:\r\n  n_estimators: 200  # trees\r\n",
        id="CRLF",
    ),
    pytest.param(
        "# top\nseed: 1\ntrain:\n    lr: 0.1  # tuned\n    # off: 1\n\n# last\npreprocess:\n    test_size: 0.1",
        "# top\nseed: 1\ntrain:\n    lr: 0.1  # tuned\n    n_estimators: 200  # trees\n    # off: 1\n\n# last\n"
        "preprocess:\n    test_size: 0.1",
        id="in its group, with the file's indentation",
    ),
    pytest.param(
        "seed: 1\ntrain: {lr: 0.1, }  # flow\npreprocess: {test_size: 0.1}",
        "seed: 1\ntrain: {lr: 0.1, n_estimators: 200, }  # flow\npreprocess: {test_size: 0.1}",
        id="flow group",
    ),
    pytest.param(
        "seed: 1\ntrain: {}\npreprocess: {test_size: 1}\n",
        "seed: 1\ntrain: {n_estimators: 200}\npreprocess: {test_size: 1}\n",
        id="empty flow group",
    ),
    pytest.param("{seed: 1}", "{seed: 1, preprocess: {test_size: 0.25}, train: {n_estimators: 200}}", id="flow file"),
    pytest.param(
        "seed: 1\ntrain:  # later\npreprocess: {test_size: 1}\n",
        "seed: 1\ntrain:  # later\n  n_estimators: 200  # trees\npreprocess: {test_size: 1}\n",
        id="empty group",
    ),
    pytest.param(
        "seed: 1\npreprocess: {test_size: 1}\ntrain:",
        "seed: 1\npreprocess: {test_size: 1}\ntrain:\n  n_estimators: 200  # trees\n",
        id="empty group at the end",
    ),
    pytest.param(
        "train: {n_estimators: 3}\npreprocess: {test_size: 1}\nnote: |\n  text\n  # no comment\n\n# end\n",
        "train: {n_estimators: 3}\npreprocess: {test_size: 1}\nnote: |\n  text\n  # no comment\nseed: 42\n\n# end\n",
        id="after literal text",
    ),
    pytest.param(
        "train: {n_estimators: 3}\npreprocess: {test_size: 1}\nnote: |+\n  text\n\n",
        "train: {n_estimators: 3}\npreprocess: {test_size: 1}\nnote: |+\n  text\n\nseed: 42\n",
        id="after literal text that keeps its blank lines",
    ),
    pytest.param(
        "base: &b\n  n_estimators: 3\ntrain:\n  <<: *b\npreprocess: {test_size: 1}\nlast: *b\n",
        "base: &b\n  n_estimators: 3\ntrain:\n  <<: *b\npreprocess: {test_size: 1}\nlast: *b\nseed: 42\n",
        id="given by a merge key",
    ),
    pytest.param(
        "preprocess:\r\n  test_size: 1\r\ntrain:\r\n  lr: 1",
        "preprocess:\r\n  test_size: 1\r\ntrain:\r\n  lr: 1\r\n  n_estimators: 200  # trees\r\nseed: 42\r\n",
        id="two at the end, no line end",
    ),
    pytest.param("a: &x\n  b: *x\n", None, id="holds itself"),
    pytest.param("# nothing yet", "# nothing yet\n" + update_params_yaml(None, WINE), id="only a comment"),
    pytest.param("", update_params_yaml(None, WINE), id="empty file"),
    pytest.param(
        "---\nseed: 1\ntrain: {n_estimators: 3}\n...\n",
        "---\nseed: 1\ntrain: {n_estimators: 3}\npreprocess:\n  test_size: 0.25\n...\n",
        id="document marks",
    ),
    pytest.param(
        "\ufeffseed: 1\npreprocess: {test_size: 1}\ntrain:\n- x\n",
        None,
        id="group is a list",
    ),
    pytest.param("train: 3\n", None, id="group is a number"),
    pytest.param("- 1\n", None, id="file is a list"),
    pytest.param("a: [1\n", None, id="not YAML"),
    pytest.param("seed: 1\nseed: 2\n", None, id="double key"),
    pytest.param("<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> x\n", None, id="merge conflict"),
    pytest.param("a: &x {n: 1}\ntrain: *x\n", None, id="group is an alias"),
    pytest.param("a: &x\n  train:\n    n: 1\n<<: *x\n", None, id="group comes from a merge"),
    pytest.param("train: &x\n  n: 1\nb: *x\n", None, id="group is used elsewhere"),
    pytest.param("seed:\n  x: 1\n", None, id="parameter is a group"),
    pytest.param("seed: \udcff\n", None, id="not UTF-8"),
]


@pytest.mark.parametrize(("existing", "result"), UPDATES)
def test_update(existing: str, result: str | None) -> None:
    if result is None:
        with pytest.raises(Nb2stageError, match=r"params\.yaml.*NB55\d[^\n]*\n  hint: ."):
            update_params_yaml(existing, WINE)
        return
    assert update_params_yaml(existing, WINE) == result
    assert update_params_yaml(result, WINE) == result


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(params(train=3, train__lr=0.1), id="parameter and group"),
        pytest.param(params(train__lr=0.1, train=3), id="group and parameter"),
        pytest.param([param("a", 1), param("a", 1.0)], id="two values"),
    ],
)
def test_clashing_keys_are_refused(wanted: list[Param]) -> None:
    with pytest.raises(Nb2stageError, match="NB555"):
        update_params_yaml(None, wanted)


def test_error_names_the_line() -> None:
    with pytest.raises(Nb2stageError, match=r"^params\.yaml:2: NB551"):
        update_params_yaml("seed: 1\ntrain: 3\n", WINE)


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        pytest.param({"a": [1, 2.5, None, True, "x"]}, True, id="nested"),
        pytest.param({2: 1, 2.5: 2, True: 3, "x": 4}, True, id="keys"),
        pytest.param((1, 2), False, id="tuple"),
        pytest.param({1, 2}, False, id="set"),
        pytest.param(b"x", False, id="bytes"),
        pytest.param(1j, False, id="complex"),
        pytest.param([(1,)], False, id="tuple inside"),
        pytest.param({(1, 2): 3}, False, id="tuple key"),
        pytest.param({None: 3}, False, id="none key"),
        pytest.param({math.nan: 3}, False, id="nan key"),
        pytest.param({"x" * 2000: 3}, False, id="long key"),
        pytest.param("\ud800", False, id="lone surrogate"),
        pytest.param(1 << 20_000, False, id="integer beyond what Python reads"),
        pytest.param(..., False, id="ellipsis"),
    ],
)
def test_is_yaml_value(value: object, is_good: bool) -> None:
    assert is_yaml_value(value) is is_good


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("a: 2020-01-01\n", ["NB553"], id="date"),
        pytest.param("a: {b: [2020-01-01 10:00:00]}\n", ["NB553"], id="time inside"),
        pytest.param("a: '2020-01-01'\n", [], id="quoted date"),
        pytest.param("a: 1e-3\n", ["NB554"], id="1.2 float"),
        pytest.param("a: 1.0e3\n", ["NB554"], id="unsigned exponent"),
        pytest.param("a: 1.0e+3\nb: .5\nc: 1.\nd: -1_000\ne: 0x1F\n", [], id="numbers of both"),
        pytest.param("a: 010\n", ["NB554"], id="octal of 1.1"),
        pytest.param("a: 0o10\n", ["NB554"], id="octal of 1.2"),
        pytest.param("on: 1\n", ["NB554"], id="key"),
        pytest.param("a: No\n", ["NB554"], id="bool of 1.1"),
        pytest.param("a: 12:30\n", ["NB554"], id="sexagesimal"),
        pytest.param("a: &x [yes]\nb: *x\n", ["NB554"], id="alias is said once"),
        pytest.param("a: .nan\n", ["NB556"], id="nan"),
        pytest.param("", [], id="empty"),
    ],
)
def test_check(text: str, codes: list[str]) -> None:
    assert [d.code for d in check_params_text(text)] == codes
