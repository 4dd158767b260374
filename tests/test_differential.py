"""The differential check finds what differs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import differential as check
from differential import Options, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

# A converter that carries everything from stage to stage in one pickle, whatever the notebook does.  The edits are
# pairs (old, new) that are made in the scripts: the planted differences.
FAKE_CONVERTER: Final = r'''
import json, sys, textwrap
from pathlib import Path

HEAD = """
import pickle, random, sys
from pathlib import Path
sys.path.insert(0, ".")
if Path({before!r}).is_file():
    values, state, numpy_state = pickle.loads(Path({before!r}).read_bytes())
    globals().update(values)
    random.setstate(state)
    if numpy_state is not None:
        import numpy
        numpy.random.set_state(numpy_state)
"""
AFTER_CELL = """
if "matplotlib.pyplot" in sys.modules:
    sys.modules["matplotlib.pyplot"].close("all")
"""
TAIL = """
import cloudpickle
kept = {}
for name, value in list(globals().items()):
    try:
        cloudpickle.dumps(value)
    except Exception:
        continue
    if not name.startswith("__") and name not in ("values", "state", "numpy_state", "kept"):
        kept[name] = value
numpy_state = sys.modules["numpy"].random.get_state() if "numpy" in sys.modules else None
Path(%r).write_bytes(cloudpickle.dumps((kept, random.getstate(), numpy_state)))
"""

command, notebook = sys.argv[-2:]
edits = json.loads(Path(__file__).with_name("edits.json").read_text())
stages = {}
for cell in json.loads(Path(notebook).read_text())["cells"]:
    tags = cell["metadata"].get("tags", [])
    if cell["cell_type"] == "code" and tags:
        lines = "".join(cell["source"]).split("\n")
        plain = "\n".join("pass  # " + line if line.lstrip().startswith("%") else line for line in lines)
        stages.setdefault(tags[0], []).append(plain + AFTER_CELL)
document, before = {}, ""
for stage, cells in stages.items():
    body = "\n".join(cells)
    for old, new in edits:
        if old == "refuse":
            sys.exit(f"{notebook}:cell 2:1: {new} [train] no\n  hint: none")
        body = body.replace(old, new)
    last = stage == list(stages)[-1]
    text = HEAD.format(before=before) + body + ("" if last else TAIL % f"{stage}.pkl")
    Path(f"{stage}_stage.py").write_text(text)
    document[stage] = {"cmd": f"python {stage}_stage.py", "deps": [f"{stage}_stage.py", "nbdigest.py"]}
    document[stage]["deps"] += [before] if before else []
    document[stage]["outs"] = ["digest.json"] if last else [f"{stage}.pkl"]
    before = f"{stage}.pkl"
Path("dvc.yaml").write_text(json.dumps({"stages": document}))
'''

NOTEBOOK: Final = """
import random
import numpy as np
import pandas as pd
# %%
np.random.seed(3)
frame = pd.DataFrame({"a": np.arange(6), "b": np.random.rand(6)})
# %%
scale = 2.0
def scaled(values):
    return values * scale
# %%
frame["c"] = scaled(frame["b"])
# %%
pairs = {"x": [1, 2], "y": {3, "four"}}
# %%
noise = np.random.rand(3)
# %%
unseeded = random.Random().random()
# %%
model = {"mean": frame["c"].mean(), "noise": noise}
# %%
frame.to_csv("out.csv")
# %%
del scale
"""


def write_notebook(path: Path, text: str) -> Path:
    """A notebook of the code cells of `text`, which `# %%` separates; `# %% tag` gives the next cell a tag."""
    cells = []
    for part in textwrap.dedent(text).strip().split("# %%"):
        tags, _, source = ("", "", part) if part is text.strip() else part.partition("\n")
        if source.strip():
            cells.append(nbformat.v4.new_code_cell(source.strip(), metadata={"tags": tags.split()}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook's own runs, made once for all tests of this module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def judge(tmp_path: Path, cache: Path) -> Callable[..., Outcome]:
    """Compare `NOTEBOOK` with what the fake converter makes of it when its scripts are edited."""

    def run(*edits: tuple[str, str], **options: object) -> Outcome:
        script = tmp_path / "fake" / "convert.py"
        script.parent.mkdir()
        script.write_text(FAKE_CONVERTER, encoding="utf-8")
        (tmp_path / "fake" / "edits.json").write_text(json.dumps(edits), encoding="utf-8")
        path = write_notebook(tmp_path / "nb" / "small.ipynb", "# %%" + NOTEBOOK)
        command = (sys.executable, str(script))
        chosen = {"engine": "direct", "confirm": 1} | options
        return check.compare(path, Options(prepare=True, convert_command=command, cache=cache, **chosen))

    return run


def names(outcome: Outcome) -> set[str]:
    """What came out different."""
    return {difference.what for difference in outcome.differences}


# -- whole runs


def test_a_faithful_pipeline_is_the_same(judge: Callable[..., Outcome]) -> None:
    outcome = judge()
    assert (outcome.status, outcome.reason) == ("same", "")
    assert outcome.names >= 4
    assert outcome.files == 1
    assert set(outcome.left_out) == {"unseeded"}  # deleted names are not there at all


def test_dvc_gives_the_same_as_the_commands_alone(judge: Callable[..., Outcome]) -> None:
    outcome = judge(engine="dvc")
    assert (outcome.status, outcome.reason) == ("same", "")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("scale = 2.0", "scale = 2.5"), {"frame", "model", "out.csv"}),
        (("pairs = ", "frame = frame.iloc[::-1]\npairs = "), {"frame", "out.csv"}),
        (("pairs = ", "frame['a'] = frame['a'].astype('int32')\npairs = "), {"frame"}),
        (("noise = ", "np.random.rand()\nnoise = "), {"noise", "model"}),
        (("[1, 2]", "(1, 2)"), {"pairs"}),
        (('frame.to_csv("out.csv")', "pass"), {"out.csv"}),
    ],
    ids=["constant", "rows", "dtype", "random", "container", "file"],
)
def test_a_planted_difference_is_found(
    judge: Callable[..., Outcome], edit: tuple[str, str], expected: set[str]
) -> None:
    outcome = judge(edit)
    assert outcome.status == "different"
    # reordered rows change the mean in its last bits, or not
    assert names(outcome) - {"model"} == expected - {"model"}


def test_a_difference_is_explained(judge: Callable[..., Outcome]) -> None:
    (found,) = judge(("[1, 2]", "[1, 5]"), explain=True).differences
    one, two = found.place
    assert one.replace("list[2](1, 2)", "list[2](1, 5)") == two


def test_a_refusal_is_told_from_a_failure(judge: Callable[..., Outcome]) -> None:
    outcome = judge(("refuse", "NB203"))
    assert (outcome.status, outcome.codes) == ("refused", ["NB203"])


def test_an_error_without_a_code_is_a_failure(judge: Callable[..., Outcome]) -> None:
    assert judge(("refuse", "sorry")).status == "failed"


def test_a_stage_that_fails_is_a_failure(judge: Callable[..., Outcome]) -> None:
    outcome = judge(("pairs = ", "1 / 0\npairs = "))
    assert outcome.status == "failed"
    assert "ZeroDivisionError" in outcome.reason


def test_undeclared_files_are_told(judge: Callable[..., Outcome]) -> None:
    outcome = judge(strict_deps=True)
    assert (outcome.status, outcome.undeclared) == ("same", ["out.csv"])


def test_a_notebook_that_fails_is_not_counted(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "bad.ipynb", "# %%\n1 / 0")
    outcome = check.compare(path, Options(prepare=True))
    assert (outcome.status, outcome.reason) == ("not runnable", "ZeroDivisionError: division by zero")
    assert check.summary([outcome]) == "0 notebooks: 0 same, 0 refused, 0 failed, 0 different (1 not runnable here)"


def test_what_differs_between_runs_of_the_notebook_does_not_count(
    tmp_path: Path, judge: Callable[..., Outcome]
) -> None:
    """`late` is the same in two runs and another value from the third run on."""
    path = write_notebook(
        tmp_path / "late" / "late.ipynb",
        f"""
        # %%
        from pathlib import Path
        # %%
        a = 1
        # %%
        log = Path({str(tmp_path / "log")!r})
        log.touch()
        # %%
        late = log.write_text(log.read_text() + "x") > 2
        """,
    )
    judge()  # writes the fake converter
    command = (sys.executable, str(tmp_path / "fake" / "convert.py"))
    outcome = check.compare(path, Options(prepare=True, convert_command=command, engine="direct", confirm=1))
    assert (outcome.status, set(outcome.left_out)) == ("same", {"late"})


# -- preparing


def test_a_source_is_split_at_its_statements() -> None:
    source = "# one\na = 1; b = 2\n\n# two\n@deco\ndef f():\n    return 1\n\nif a:\n    b\n# end"
    assert check.split_source(source) == [
        "# one\na = 1; b = 2",
        "# two\n@deco\ndef f():\n    return 1",
        "if a:\n    b\n# end",
    ]
    assert check.split_source("%time x\ny = 1") == ["%time x\ny = 1"]


def test_statements_that_share_a_line_stay_together() -> None:
    source = 'x = """\n"""; y = 1\nz = 2'
    assert check.split_source(source) == ['x = """\n"""; y = 1', "z = 2"]


def test_stages_are_equal_quarters_or_seeded_cuts() -> None:
    assert check.stage_of_each(8, None) == [stage for stage in check.STAGES for _ in range(2)]
    cut = check.stage_of_each(20, 5)
    assert cut == check.stage_of_each(20, 5)
    assert list(dict.fromkeys(cut)) == list(check.STAGES)
    assert cut != check.stage_of_each(20, 6)


def test_prepared_code_is_the_code(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "a.ipynb", "# %%" + NOTEBOOK)
    whole = check.load(path)
    for split in ("never", "always"):
        prepared = check.prepare(whole, split=split)
        assert "\n".join(c.source for c in prepared.cells) == "\n".join(c.source for c in whole.cells)
        assert {tag for c in prepared.cells for tag in c.metadata.tags} == set(check.STAGES)


def test_untagged_cells_give_their_imports_and_definitions(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "a.ipynb",
        """
        # %%
        import os
        print(1)
        try:
            import foo
        except ImportError:
            import bar as foo
        def f(): return os.sep
        # %% train
        x = f()
        # %% explore
        x = 2
        # %% stage:mine hide-input
        y = x
        # %%
        #| stage: report
        z = y
        """,
    )
    cells = [cell.source for cell in check.as_compared(check.load(path)).cells]
    assert cells[1:] == ["x = f()", "y = x", "#| stage: report\nz = y"]
    assert "print" not in cells[0]
    assert "import bar as foo" in cells[0]
    assert "def f()" in cells[0]


def test_names_that_a_source_binds() -> None:
    source = """
import m
a = 1
for b in []: pass
with m as c: pass
[(d := x) for x in [1]]
def f():
    global e
    e = local = 1
class K:
    inside = 1
g: int = 1
h, *i = 1, 2
"""
    assert check.bound_names(source) == set("abcdeghi")
    assert check.bound_names("%%time\na = 1") == {"a"}
    assert check.bound_names("files = !ls\n%matplotlib inline") == {"files"}


def test_the_digest_cell_takes_no_name_of_the_notebook() -> None:
    source = check.digest_source(["json", "digest", "file", "digests"])
    assert check.bound_names(source) == {"digests_", "file_"}
    assert '"json": digest_(json),' in source


# -- reading what the converter says, and dvc.yaml


def test_codes_of_errors_and_warnings() -> None:
    text = "a.ipynb:cell 2:1:5: NB203 [train] text NB999\n  hint: NB101\na.ipynb: NB405 warning: text\nNB102 note: x"
    assert check.diagnostics_of(text) == (["NB203"], ["NB405", "NB102"])


def test_stages_are_ordered_by_what_they_read() -> None:
    stages = {
        "c": {"cmd": "", "deps": ["out/b.pkl"]},
        "b": {"cmd": "", "deps": ["a.pkl"], "outs": [{"out": {"cache": False}}]},
        "a": {"cmd": "", "outs": ["a.pkl"]},
    }
    assert check.in_order(stages) == ["a", "b", "c"]
    with pytest.raises(check.PipelineError):
        check.in_order({"a": {"cmd": "", "deps": ["x"], "outs": ["y"]}, "b": {"cmd": "", "deps": ["y"], "outs": ["x"]}})


# -- digests

VALUES: Final = """
import datetime, decimal, enum, pathlib, random
import numpy as np, pandas as pd, scipy.sparse
from sklearn.ensemble import RandomForestClassifier
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt

class Point:
    def __init__(self, x): self.x, self.twin = x, self
class Slots:
    __slots__ = ("a",)
    def __init__(self): self.a = 1
class Colour(enum.Enum):
    RED = 1

def figure(last):
    fig, ax = plt.subplots()
    ax.plot([1, 2, last])
    ax.scatter([1, 2], [3, 4], c=[5, 6])
    ax.set_title("t")
    return fig

a = np.arange(6.0)
frame = pd.DataFrame({"x": a, "y": list("abcabc")})
values = {
    "int": 1, "true": True, "float": 1.0, "minus": -0.0, "zero": 0.0, "nan": float("nan"), "str": "1", "bytes": b"1",
    "np64": np.float64(1), "np32": np.float32(1), "list": [1], "tuple": (1,), "set": {1, "a", (2, "b")},
    "frozen": frozenset({1, "a", (2, "b")}), "dict": {1: 2, 3: 4}, "dict back": {3: 4, 1: 2},
    "array": a, "array 2d": a.reshape(2, 3), "array int": a.astype(int), "objects": a.astype(object),
    "masked": np.ma.array(a, mask=a > 2), "fields": np.array([(1, 2.0)], dtype="i1,f8"),
    "frame": frame, "frame back": frame[::-1], "frame f4": frame.astype({"x": "f4"}),
    "twice": pd.DataFrame([[1, 2]], columns=["x", "x"]),
    "series": pd.Series(a), "named": pd.Series(a, name="s"), "cat": pd.Series(list("ab"), dtype="category"),
    "dates": pd.date_range("2020", periods=3), "multi": pd.MultiIndex.from_product([[1, 2], ["a"]]),
    "csr": scipy.sparse.csr_matrix(np.eye(2)), "csc": scipy.sparse.csc_matrix(np.eye(2)),
    "random": random.Random(1), "random 2": random.Random(2), "np random": np.random.RandomState(1),
    "np random 2": np.random.RandomState(2), "rng": np.random.default_rng(1), "rng 2": np.random.default_rng(2),
    "model": RandomForestClassifier(3, random_state=0).fit(a[:, None], a > 2),
    "model 2": RandomForestClassifier(3, random_state=1).fit(a[:, None], a > 2),
    "unfitted": RandomForestClassifier(3, random_state=0),
    "point": Point(1), "point 2": Point(2), "slots": Slots(), "enum": Colour.RED, "class": Point, "function": figure,
    "figure": figure(3), "figure 2": figure(4), "module": np, "ufunc": np.sin, "day": datetime.date(2020, 1, 2),
    "path": pathlib.PurePosixPath("a"), "decimal": decimal.Decimal("1.0"), "generator": (x for x in [1]),
}
values["cycle"] = [values["list"]]
values["cycle"].append(values["cycle"])
"""


def digests_in_a_process(folder: Path, hash_seed: str, *, backwards: bool = False) -> dict[str, str]:
    """The digests of `VALUES`, made in a process of its own."""
    check.place_helper(folder, check.DIGEST_MODULE)
    order = "reversed(list(values))" if backwards else "values"
    found = f"found = {{name: digest(values[name]) for name in {order}}}"
    code = f"{VALUES}\nimport json\nfrom nbdigest import digest\n{found}"
    env = check.environment() | {"PYTHONHASHSEED": hash_seed}
    script = folder / "values.py"
    script.write_text(f"{code}\nprint(json.dumps(found))", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_digests_are_stable_and_tell_values_apart(tmp_path: Path) -> None:
    one = digests_in_a_process(tmp_path, "1")
    assert one == digests_in_a_process(tmp_path, "2", backwards=True)
    assert len(set(one.values())) == len(one)
    assert not [name for name, value in one.items() if "!" in value or "undigestable" in value or "0x" in value]


@pytest.fixture(scope="module")
def nbdigest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[..., object]]:
    """The digest module's names."""
    found: dict[str, Callable[..., object]] = {"__file__": str(tmp_path_factory.mktemp("helper") / check.HELPER)}  # type: ignore[dict-item]
    exec(compile(check.DIGEST_MODULE, check.HELPER, "exec"), found)
    return found


def test_equal_object_graphs_have_equal_digests(nbdigest: dict[str, Callable[..., object]]) -> None:
    digest = nbdigest["digest"]
    shared = [1.5, "x"]
    assert digest({"a": shared, "b": shared}) == digest({"a": [1.5, "x"], "b": [1.5, "x"]})
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    assert digest(deep) == digest(deep)


def test_a_digest_changes_nothing(nbdigest: dict[str, Callable[..., object]]) -> None:
    import pickle
    import random

    import numpy as np
    import pandas as pd

    values = [np.random.default_rng(1), pd.DataFrame({"x": [1, None]}), {"a": [1, {2}]}, random.Random(3)]
    state, legacy = random.getstate(), np.random.get_state()[1].tolist()
    before = pickle.dumps(values)
    nbdigest["digest"](values)
    assert pickle.dumps(values) == before
    assert random.getstate() == state
    assert np.random.get_state()[1].tolist() == legacy


FORMULA: Final = """
from functools import cached_property
from ipaddress import ip_network
import pandas as pd
import statsmodels.formula.api as smf
from nbdigest import digest, probe

def doubled(values):
    return 2 * values

class Own:
    @cached_property
    def total(self):
        return 1

def seen(model):
    model.summary()
    return model

rows = pd.DataFrame({"x": range(20), "y": [0, 1, 1, 0] * 5})
model = smf.logit("y ~ doubled(x)", rows).fit(disp=0)
fresh, own = digest(model), Own()
looked, own_looked = digest(seen(model)), own.total and digest(own)
net, net_looked = ip_network("10.0.0.0/8"), ip_network("10.0.0.0/8")
net_looked.broadcast_address
probe(globals(), ["model"], "digests.json", "probed.json")
"""


def test_what_a_library_drops_or_works_out_again_does_not_count(tmp_path: Path) -> None:
    """A model of a formula is loaded with the notebook's names, as a script without `__future__` imports loads it."""
    check.place_helper(tmp_path, check.DIGEST_MODULE)
    script = tmp_path / "script.py"
    load = "import pickle\ndef load(): return pickle.loads(pickle.dumps(model))\ncopy = load()\n"
    more = "[fresh, looked, own_looked, *map(digest, (copy, Own(), net, net_looked))]"
    say = f"import json\nprint(json.dumps({more}))"
    script.write_text(FORMULA + load + say, encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    fresh, looked, own_looked, copied, own, net, net_looked = json.loads(done.stdout.splitlines()[-1])
    pickled = json.loads((tmp_path / "probed.json").read_text())["pickled"]["model"]
    assert fresh == looked
    assert pickled == [copied, copied]
    assert fresh != copied
    assert own != own_looked
    assert net == net_looked


def test_a_hostile_value_raises_nothing(nbdigest: dict[str, Callable[..., object]]) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise ValueError

        def __reduce_ex__(self, version: object) -> str:
            raise TypeError

        def __getattribute__(self, name: str) -> object:
            raise OSError

    assert "Hostile" in str(nbdigest["digest"](Hostile()))


def test_the_digest_module_is_clean_python() -> None:
    done = subprocess.run([sys.executable, "-m", "pyflakes"], input=check.DIGEST_MODULE, text=True, capture_output=True)
    assert done.stdout == ""
