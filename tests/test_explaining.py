"""How two values differ, in a few words; and that what a digest calls different is never called the same."""

from __future__ import annotations

import copy
import types
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from nb2stage.probes.capturing import sharing
from nb2stage.probes.digests import digest, examined
from nb2stage.probes.explaining import difference

FRAME: Final = pd.DataFrame({"a": [1, 2, 3], "b": [0.1, 0.2, float("nan")], "c": ["x", "y", None]})
FITTED: Final = LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def changed(value: Any, **attributes: Any) -> Any:
    value = copy.deepcopy(value)
    vars(value).update(attributes)
    return value


DIFFERENT: Final = {
    "number": (1, 2, "1 in the notebook, 2 in the pipeline"),
    "type of a number": (1, 1.0, "int in the notebook, float in the pipeline"),
    "truth": (True, 1, "bool in the notebook, int"),
    "sign of zero": (0.0, -0.0, "0.0 in the notebook, -0.0 in the pipeline"),
    "numpy's number": (np.float64(1), 1.0, "numpy.float64 in the notebook, float"),
    "length of a list": ([1], [1, 2], "length 1 in the notebook, 2 in the pipeline"),
    "item of a list": ([1, [2, 3]], [1, [2, 4]], "[1][1]: 3 in the notebook, 4"),
    "key": ({"a": 1}, {"b": 1}, "['a'] only in the notebook, ['b'] only in the pipeline"),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "the keys come in another order"),
    "value of a key": ({"a": {"b": 1}}, {"a": {"b": 2}}, "['a']['b']: 1 in the notebook, 2"),
    "set": ({1, 2}, {1, 3}, "[2] only in the notebook, [3] only in the pipeline"),
    "shape": (FRAME, FRAME.iloc[:2], "shape (3, 3) in the notebook, (2, 3)"),
    "missing column": (FRAME, FRAME.rename(columns={"b": "z"}), ".columns: 1 of 3 values differ"),
    "order of columns": (FRAME, FRAME[["b", "a", "c"]], ".columns: 2 of 3 values differ"),
    "index": (FRAME, FRAME.set_axis([0, 1, 5]), ".index"),
    "dtype of a column": (FRAME, FRAME.astype({"a": "int32"}), "['a']: dtype int64 in the notebook, int32"),
    "one value of a frame": (
        FRAME,
        FRAME.assign(b=[0.1, 0.25, float("nan")]),
        "['b']: 1 of 3 values differ, by up to 0.05",
    ),
    "text of a frame": (FRAME, FRAME.assign(c=["x", "z", None]), "['c']: 1 of 3 values differ"),
    "two columns": (FRAME, FRAME.assign(a=0, b=0.0), "and 1 more of 3 columns"),
    "missing number": (FRAME["b"], FRAME["b"].fillna(0), "1 of 3 values differ"),
    "name of a series": (FRAME["b"], FRAME["b"].rename("z"), "name 'b' in the notebook, 'z'"),
    "categories": (pd.Series(["a"], dtype="category"), pd.Series(pd.Categorical(["a"], ["a", "b"])), ".categories"),
    "order of categories": (
        pd.Series(pd.Categorical(["a"], ordered=True)),
        pd.Series(pd.Categorical(["a"])),
        "ordered=True in the notebook",
    ),
    "time zone": (
        pd.Series(pd.to_datetime(["2020-01-01"])),
        pd.Series(pd.to_datetime(["2020-01-01"], utc=True)),
        "dtype datetime64",
    ),
    "a date": (
        pd.Series(pd.to_datetime(["2020-01-01", None])),
        pd.Series(pd.to_datetime(["2020-01-02", None])),
        "1 of 2 values differ",
    ),
    "a period": (
        pd.Series(pd.period_range("2020", periods=2, freq="M")),
        pd.Series(pd.period_range("2020", periods=2, freq="Q")),
        "dtype period[M] in the notebook",
    ),
    "array": (np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 2], [3, 5]]), "(1, 1)       4.0       5.0"),
    "sign of zero in an array": (np.zeros(9), -np.zeros(9), "9 of 9 values differ"),
    "array of texts": (np.array(["a", "b"]), np.array(["a", "c"]), "1 of 2 values differ"),
    "array of objects": (np.array([1, "a"], object), np.array([1.0, "a"], object), "1 of 2 values differ"),
    "sparse format": (sparse.csr_matrix(np.eye(2)), sparse.csc_matrix(np.eye(2)), "csr_matrix in the notebook"),
    "sparse value": (sparse.csr_matrix(np.eye(2)), sparse.csr_matrix(np.eye(2) * 2), ".data: 2 of 2 values differ"),
    "estimator": (FITTED, changed(FITTED, C=2.0), ".C: 1.0 in the notebook, 2.0"),
    "fitted or not": (FITTED, LogisticRegression(), "only in the notebook"),
    "attribute": (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), ".a: 1 in the notebook, 2"),
    "state of a generator": (np.random.default_rng(1), np.random.default_rng(2), "in the notebook"),
    "state of random numbers": (np.random.RandomState(1), np.random.RandomState(2), "in the notebook"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_values_that_differ(name: str) -> None:
    one, two, how = DIFFERENT[name]
    assert digest(one) != digest(two)
    assert how in difference(one, two)


@pytest.mark.parametrize("name", DIFFERENT)
def test_values_that_are_equal(name: str) -> None:
    for value in DIFFERENT[name][:2]:
        assert difference(value, copy.deepcopy(value)) == ""


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1.0, 1.0 + 1e-9),
        ([1.0, {"a": 2.0}], [1.0, {"a": 2.0 + 1e-9}]),
        (np.array([1.0, np.nan]), np.array([1.0 + 1e-9, np.nan])),
        (FRAME, FRAME.assign(b=FRAME["b"] * (1 + 1e-9))),
        (FITTED, changed(FITTED, C=1.0 + 1e-9)),
    ],
)
def test_a_tolerance(one: Any, two: Any) -> None:
    assert difference(one, two) != ""
    assert difference(one, two, 1e-6) == ""
    assert difference(one, two, 1e-12) != ""


def test_a_tolerance_does_not_cover_another_type_or_text() -> None:
    assert difference(1, 1.0, 0.5) != ""
    assert difference("1.0", "1.1", 0.5) != ""


class Linked:
    """An instance of a class of the notebook's, as far as the digests are concerned."""

    __module__ = "__main__"

    def __init__(self, inner: object) -> None:
        self.inner = inner


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"a": [1], "b": [1]}, []),
        ((lambda x: {"a": x, "b": x})([1]), [["a", "b"]]),
        ((lambda x: {"a": {"k": x}, "b": (x,)})([1]), [["a['k']", "b[0]"]]),
        ((lambda x: {"a": Linked(x), "b": x})(FRAME), [["a.inner", "b"]]),
        ((lambda x: {"a": x, "b": x})("text"), []),
        ((lambda x: {"a": x, "b": x})((1, 2)), []),
    ],
)
def test_what_shares_one_object(values: dict[str, Any], places: list[list[str]]) -> None:
    assert sharing(values) == places


def test_what_a_digest_does_not_cover_is_said() -> None:
    _, doubts = examined({"a": (i for i in range(3))})
    assert doubts == ["the state of a generator"]
    assert examined(FRAME)[1] == []


def test_one_nan_is_as_good_as_another() -> None:
    other = np.array([1, 0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    assert digest(np.array([5e-324, np.nan])) == digest(other)
    assert digest(np.array([1.0, np.nan] * 9)) != digest(np.array([1.0, 2.0] * 9))


def test_addresses_are_no_part_of_a_value() -> None:
    one, two = (types.SimpleNamespace(words="a", _words_id=140000000000000 + i) for i in range(2))
    assert digest(one) == digest(two)
    assert difference(one, two) == ""
