"""report/report.md: what the stage `report` writes of its text cells and of what its cells show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from nb2stage.conversion import Conversion, Project
from nb2stage.files.writer import State
from nb2stage.planning.displays import moved_links
from nb2stage.spine import convert

Cells = list[tuple[str, str]]
DATA: Final = ("import", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': [0.5, 1 / 3]})")


def notebook(cells: Cells) -> bytes:
    """Cells by their tags and source; `md` before the tags makes a cell of text."""
    content: list[dict[str, Any]] = []
    for number, (tags, source) in enumerate(cells):
        kind, *names = ["markdown", *tags.split()[1:]] if tags.split()[:1] == ["md"] else ["code", *tags.split()]
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {"tags": names}, "source": source}
        content.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    return json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def converted(root: Path, cells: Cells, path: str = "nb.ipynb", layout: str = "guideline") -> Conversion:
    return convert(notebook(cells), path, Project(root, State(), layout))


def script(result: Conversion) -> str:
    return next(file.text for file in result.files if file.path.endswith("report.py"))


def run(root: Path, cells: Cells, **options: str) -> tuple[str, str, str]:
    """The report without the heading that each has, what the script of the stage `report` printed, and the script."""
    result = converted(root, cells, **options)
    assert not result.failed, result.diagnostics
    for file in result.files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, encoding="utf-8")
    printed = ""
    for plan in result.stages:
        done = subprocess.run([sys.executable, plan.script], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        printed = done.stdout
    scripts = [str(root / plan.script) for plan in result.stages]
    flakes = subprocess.run([sys.executable, "-m", "pyflakes", *scripts], capture_output=True, text=True, check=False)
    assert flakes.stdout == ""
    report = (root / "report/report.md").read_text(encoding="utf-8")
    return report.removeprefix("# Report\n\n"), printed, script(result)


WHOLE: Final[Cells] = [
    ("md", "# No part of it"),
    DATA,
    ("md report", "# Results\n\nOf $\\alpha$, `\"quoted\"` and ![a picture](images/a.png)."),
    ("report", "df"),
    ("md", 'Said "in between".'),
    (
        "report",
        "calls = []\n"
        "def note(value):\n"
        "    calls.append(value)\n"
        "    print('noted', value)\n"
        "    return value\n"
        "for n in range(2):\n"
        "    note(n)\n"
        "note(df.head(1))",
    ),
    ("report", "from IPython.display import HTML, Markdown, display\ndisplay(df.b, df.query('a > 1'))\nprint('z', end='')"),
    ("report", "Markdown(f'**{len(calls)}** calls')"),
    ("report", "HTML('<b>bold</b>')"),
    ("report", "import matplotlib.pyplot as plt\nplt.plot(df.a)\nplt.show()"),
    ("report", "df.pop('a')\ndf.shape"),
    ("report", "df.a if 'a' in df else None"),
    ("md explore", "A thought."),
    ("report", "wide = pd.DataFrame({'x|y': range(100)}, index=pd.RangeIndex(100, name='row'))\nwide"),
    ("report", "wide[wide.index > 100]"),
    ("", "df.describe()"),
    ("md", "Of the cell above."),
    ("report", "'not shown'"),
    ("md", "# No part of it either"),
]  # fmt: skip
WRITTEN: Final = """\
# Results

Of $\\alpha$, `"quoted"` and ![a picture](../images/a.png).

|  | a | b |
| --- | --- | --- |
| 0 | 1 | 0.500000 |
| 1 | 2 | 0.333333 |

Said "in between".

~~~
noted 0
noted 1
noted    a    b
0  1  0.5
~~~

|  | a | b |
| --- | --- | --- |
| 0 | 1 | 0.5 |

~~~
0    0.500000
1    0.333333
Name: b, dtype: float64
~~~

|  | a | b |
| --- | --- | --- |
| 1 | 2 | 0.333333 |

~~~
z
~~~

**3** calls

<b>bold</b>

![figure_1](figures/figure_1.png)

~~~
(2, 1)
~~~

| row | x\\|y |
| --- | --- |
| 0 | 0 |
| 1 | 1 |
| 2 | 2 |
| 3 | 3 |
| 4 | 4 |
| .. | .. |
| 95 | 95 |
| 96 | 96 |
| 97 | 97 |
| 98 | 98 |
| 99 | 99 |

~~~
Empty DataFrame
Columns: [x|y]
Index: []
~~~
"""


def test_all_that_is_shown_in_its_order(tmp_path: Path) -> None:
    report, printed, text = run(tmp_path, WHOLE)
    assert report == WRITTEN
    assert "2  0.333333\nnoted 0\nnoted 1\nnoted    a    b\n" in printed  # the terminal has it too
    assert (tmp_path / "report/figures/figure_1.png").exists()
    assert "import HTML, Markdown\n" in text  # `display` has become `show`
    stages = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"]
    assert stages["report"]["outs"] == [{"report/report.md": {"cache": False}}]
    assert "outs" in stages["import"]


def test_a_plain_script_where_nothing_is_printed(tmp_path: Path) -> None:
    drawing = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    report, _, text = run(tmp_path, [("report", drawing), ("md", "One."), ("report", drawing)])
    assert report == "![figure_1](figures/figure_1.png)\n\nOne.\n\n![figure_2](figures/figure_2.png)\n"
    assert "def " not in text


def test_shown_text_needs_no_function_that_prints(tmp_path: Path) -> None:
    report, printed, text = run(
        tmp_path, [DATA, ("report", "total = df.a.sum()\ntotal.item()"), ("report", "f'{total} in all'")]
    )
    assert report == "~~~\n3\n~~~\n\n~~~\n3 in all\n~~~\n"
    assert printed == "3\n3 in all\n"
    assert "stdout" not in text


def test_printed_and_shown_text_are_two_blocks(tmp_path: Path) -> None:
    report, printed, _ = run(
        tmp_path, [("report", "print('one')\nprint('two')\nlen('abc')"), ("report", "print('three')")]
    )
    assert report == "~~~\none\ntwo\n~~~\n\n~~~\n3\n~~~\n\n~~~\nthree\n~~~\n"
    assert printed == "one\ntwo\n3\nthree\n"


def test_figures_of_loops_and_functions(tmp_path: Path) -> None:
    loop = "import matplotlib.pyplot as plt\nfor n in range(2):\n    print(n)\n    plt.plot([n])\n    plt.show()"
    report, _, _ = run(tmp_path, [("report", loop)])
    figures = [f"~~~\n{n}\n~~~\n\n![figure_{n + 1}](figures/figure_{n + 1}.png)" for n in range(2)]
    assert report == "\n\n".join(figures) + "\n"


def test_what_prints_itself_is_not_printed(tmp_path: Path) -> None:
    cells = [
        ("train", "import keras\nm = keras.Sequential()\nm.summary()"),
        ("train", "import statsmodels.api as sm\nr = sm.OLS([1, 2, 3], [1, 2, 4]).fit()\nr.summary()"),
        ("train", "import time\ntime.sleep(0)"),
    ]
    result = converted(tmp_path, cells)
    text = next(file.text for file in result.files if file.path.endswith("train.py"))
    assert [line for line in text.split("\n") if line.endswith(("ry()", "(0)", "ry())"))] == [
        "m.summary()", "print(r.summary())", "time.sleep(0)",
    ]  # fmt: skip


def test_a_call_that_gives_nothing_shows_nothing(tmp_path: Path) -> None:
    cells = [("report", "kept = {}\nkept.setdefault('a', 1)"), ("report", "kept.clear()"), ("report", "kept")]
    report, _, _ = run(tmp_path, cells)
    assert report == "~~~\n1\n~~~\n\n~~~\n{}\n~~~\n"


def test_names_of_the_notebooks_own(tmp_path: Path) -> None:
    own = (
        "report, write, table, show, terminal, parts = range(6)\nprint(report, write, table, show, terminal, parts)\ndf"
    )
    report, _, _ = run(tmp_path, [DATA, ("report", own)])
    assert report.startswith("~~~\n0 1 2 3 4 5\n~~~\n\n|  | a | b |\n")


@pytest.mark.parametrize("text", ["# Wines\n\nand more", "Wines\n====="])
def test_a_report_has_one_heading(tmp_path: Path, text: str) -> None:
    """That of the notebook, or else the name of the stage."""
    for cells, heading in (([("report", "print(1)")], "# Report\n"), ([("md report", text)], text)):
        run(tmp_path, [*cells, ("report", "print(2)")])
        report = (tmp_path / "report/report.md").read_text()
        assert report.startswith(heading)
        assert ("# Report" in report) == (heading == "# Report\n")


def test_a_styled_frame(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    report, _, _ = run(tmp_path, [DATA, ("report", "df.style.format('{:.1f}')")])
    assert report.startswith("<table")
    assert "<style" not in report
    assert "\n\n" not in report.rstrip("\n")  # markdown would end the table there
    assert ">0.3<" in report


def test_figures_of_earlier_stages(tmp_path: Path) -> None:
    drawing = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('A [title]')\nplt.show()"
    loop = "import matplotlib.pyplot as plt\nfor n in range(11):\n    plt.plot([n])\n    plt.show()"
    cells = [("import", "n = len('abc')"), ("train", drawing), ("evaluate", loop), ("report", "total = n + len('a')")]
    report, _, text = run(tmp_path, cells)
    assert report.startswith(
        "## Figures of `train`\n\n![A \\[title\\]](../training/train_figures/figure_1.png)\n\n"
        "## Figures of `evaluate`\n\n![figure_1](evaluate_figures/figure_1.png)\n\n![figure_2](evaluate_figures"
    )
    assert report.endswith("![figure_11](evaluate_figures/figure_11.png)\n")
    assert text.count("plt") == text.count("matplotlib") == 0
    stages = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"]
    # The pictures of `train` are known: only their links are in the report.
    assert [dep for dep in stages["report"]["deps"] if "figures" in dep] == ["report/evaluate_figures"]


def test_figures_of_later_stages_are_not_waited_for(tmp_path: Path) -> None:
    drawing = "import matplotlib.pyplot as plt\nplt.plot([n])\nplt.show()"
    result = converted(tmp_path, [("report", "n = len('abc')\nprint(n)"), ("train", drawing)])
    assert "train_figures" not in script(result)


def test_the_flat_layout(tmp_path: Path) -> None:
    drawing = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    report, _, _ = run(tmp_path, [("report", drawing)], layout="flat")
    assert report == "![figure_1](../figures/report/figure_1.png)\n"
    assert (tmp_path / "figures/report/figure_1.png").exists()


TEXTS: Final = {
    "one line": "One line.",
    "quotes": 'a "b" \'c\' """d"""',
    "quote at the end": 'It says "yes"',
    "backslash at the end": "Line\nC:\\",
    "braces and percent": "{a} %s 100 %\n\n| a |\n| - |",
    "not ASCII": "Größe → ∞ 🙂",
    "tabs and trailing blanks": "a  \nb\tc",
}


def test_text_cells_come_out_as_they_are(tmp_path: Path) -> None:
    cells = [("md report", text) for text in TEXTS.values()]
    report, _, _ = run(tmp_path, [*cells, ("report", "n = len('abc')")])
    assert report == "\n\n".join(TEXTS.values()) + "\n"


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([("report", "n = len('abc')")], False),
        ([("report", "n = len('abc')"), ("md", "Behind the last cell.")], False),
        ([("md", "Before the first cell."), ("report", "n = len('abc')")], False),
        ([("evaluate", "print(1)")], False),
        ([("report", "n = 1\nn;")], False),
        ([("md report", "Tagged."), ("report", "n = len('abc')")], True),
        ([("report", "a = len('a')"), ("md", "Between."), ("report", "b = len('b')")], True),
        ([("report", "a = len('a')"), ("", "len('b')"), ("md", "Of both."), ("report", "b = a")], False),
        ([("report", "print(1)")], True),
        ([("report", "n = len('abc')\nn")], True),
    ],
)
def test_there_is_a_report_where_something_is_shown(tmp_path: Path, cells: Cells, shown: bool) -> None:
    result = converted(tmp_path, cells)
    assert not result.failed
    (plan,) = [plan for plan in result.stages if plan.name in ("report", "evaluate")]
    assert bool(plan.report) == shown
    dvc = next(file.text for file in result.files if file.path == "dvc.yaml")
    text = next(file.text for file in result.files if file.path == plan.script)
    assert ("report.md" in dvc, "report.md" in text) == (shown, shown)


def test_a_report_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.md").write_text("mine")
    result = converted(tmp_path, [("report", "print(1)")])
    assert [finding.code for finding in result.diagnostics] == ["NB415"]
    assert "report.md" not in script(result)
    assert "report.md" not in next(file.text for file in result.files if file.path == "dvc.yaml")


def test_a_report_that_a_cell_writes_is_that_cells(tmp_path: Path) -> None:
    result = converted(tmp_path, [("report", "open('report/report.md', 'w').write('mine')\nprint(1)")])
    assert "report = " not in script(result)


def test_a_pasted_picture_is_named(tmp_path: Path) -> None:
    result = converted(tmp_path, [("md report", "![x](attachment:x.png)"), ("report", "print(1)")])
    assert [finding.message for finding in result.diagnostics if finding.code == "NB415"] == [
        "the picture that was pasted into cell 1 is not in report/report.md"
    ]


def test_links_lead_where_they_led() -> None:
    text = '![a](b.png) [c](../d.md#e "title") <img src="f/g.svg" width=10> [h](https://i.org/j) [k](#l) [m](/n)'
    assert moved_links(text, "nb.ipynb") == (
        '![a](../b.png) [c](../../d.md#e "title") <img src="../f/g.svg" width=10> [h](https://i.org/j) [k](#l) [m](/n)'
    )
    assert moved_links("![a](b.png) ![c](../d.png)", "notebooks/nb.ipynb") == "![a](../notebooks/b.png) ![c](../d.png)"


def test_text_changes_no_other_stage(tmp_path: Path) -> None:
    cells: Cells = [DATA, ("md report", "Before."), ("report", "df")]
    one, two = (converted(tmp_path, each) for each in (cells, [cells[0], ("md report", "After."), cells[2]]))
    changed = [a.path for a, b in zip(one.files, two.files, strict=True) if a.text != b.text]
    assert changed == ["report/report.py", ".nb2stage/state.json"]
