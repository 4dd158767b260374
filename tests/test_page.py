"""The overview page in a real browser: what a person sees, clicks, sorts, filters and selects."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest
from history_samples import MAIN, OLD, commit, many, state
from test_graph import SMALL

from nb2stage.overview.figures import Figures, twins
from nb2stage.overview.history import rows_of
from nb2stage.overview.page import ordered_by_weight, page
from nb2stage.overview.table import overview_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT: Final = 120
MANY: Final = 1000
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DOT: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def sample(folder: Path, count: int = COUNT) -> Path:
    """The page of a made-up history, with a picture for main and one experiment."""
    history = many(count)
    figures = Figures(folder, 0)
    figures.contents = [("image/png", DOT)]
    figures.of = {MAIN: {"report/roc.png": 0, "roc.png": 0}, f"{3:040x}": {"report/roc.png": 0}, f"{4:040x}": {}}
    path = folder / "overview.html"
    path.write_text(page(overview_of(history), "wine", figures, SMALL), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("thousand"), MANY)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless chromium; these tests are skipped where there is none, unless NB2STAGE_BROWSER=required."""
    if CHROMIUM is None and os.environ.get("NB2STAGE_BROWSER") != "required":
        pytest.skip("there is no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, written: Path) -> Iterator[Any]:
    """The page, opened; the plots of the library, which take a second, wait until somebody scrolls to them."""
    yield from visit(browser, written, "window.requestIdleCallback = () => {}")


@pytest.fixture
def drawn(browser: Any, written: Path) -> Iterator[Any]:
    """The page with all its plots."""
    for tab in visit(browser, written):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        yield tab


def visit(browser: Any, path: Path, first: str = "") -> Iterator[Any]:
    """The page in a new tab; a script error or a request to anywhere fails the test."""
    tab = browser.new_page(viewport={"width": 1440, "height": 800})
    tab.add_init_script(first)
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    tab.on(
        "request", lambda one: problems.append(one.url) if not one.url.startswith(("file:", "data:", "blob:")) else None
    )
    tab.goto(path.as_uri(), wait_until="load")
    yield tab
    tab.close()
    assert problems == []


def shown(tab: Any) -> list[str]:
    """The names in the table, from top to bottom."""
    return tab.evaluate(
        "[...document.querySelectorAll('#table tbody tr[data-row] th')].map(e => e.firstChild.textContent)"
    )  # type: ignore[no-any-return]


def heading(tab: Any, title: str) -> Any:
    return tab.locator("#table thead button").filter(has_text=re.compile(rf"^{re.escape(title)}\b"))


def column(tab: Any, title: str) -> list[str]:
    """The cells of a column."""
    return tab.evaluate(  # type: ignore[no-any-return]
        """(title) => {
            const n = [...document.querySelectorAll('#table thead th')].findIndex((e) => e.textContent.startsWith(title));
            return [...document.querySelectorAll('#table tbody tr')].map((e) => e.children[n].textContent);
        }""",
        title,
    )


def search(tab: Any, text: str) -> None:
    tab.fill("#filter", text)
    tab.wait_for_timeout(300)


# -- how it opens ----------------------------------------------------------------------------------------------------


def test_a_thousand_experiments_open_fast_and_small(browser: Any, thousand: Path) -> None:
    assert thousand.stat().st_size < 8_000_000
    times = []
    for _ in range(3):
        for tab in visit(browser, thousand):
            assert len(shown(tab)) == MANY + 3
            assert tab.locator("#parallel .axis").count() == 7
            times.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(times) < 2000, times


def test_all_plots_of_a_thousand_are_drawn(browser: Any, thousand: Path) -> None:
    for tab in visit(browser, thousand):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        points = tab.locator("#scatter .scatterlayer .trace").first.locator("path.point")
        assert points.count() == MANY - 1 + 2  # all but the one with NaN, and two commits
        assert tab.locator("#time .scatterlayer .trace").count() >= 3
        inked = tab.evaluate(
            """() => { const c = document.querySelector('#parallel canvas');
                const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (d.length / 4); }"""
        )
        assert inked > 0.05  # of the canvas lies under a line
        axes = tab.locator("#parallel .axis .name").evaluate_all("all => all.map((e) => e.firstChild.textContent)")
        assert axes == ["rate", "depth", "kind", "seed", "accuracy", "loss", "std"]


def test_it_says_what_it_shows(opened: Any) -> None:
    assert opened.title() == "wine · overview"
    assert f"2 commits · {COUNT} experiments" in opened.inner_text("#summary")
    assert "main: main aaaaaaa" in opened.inner_text("#summary")


# -- the table -------------------------------------------------------------------------------------------------------


def test_sorting_by_a_click(opened: Any) -> None:
    heading(opened, "accuracy").click()
    values = [float(cell.replace("★ ", "")) for cell in column(opened, "accuracy") if cell != "NaN"]
    assert values == sorted(values, reverse=True)
    assert column(opened, "accuracy")[-1] == "NaN"
    assert column(opened, "accuracy")[0].startswith("★")
    heading(opened, "accuracy").click()
    assert float(column(opened, "accuracy")[0]) == min(values)
    assert column(opened, "accuracy")[-1] == "NaN"
    heading(opened, "loss").click()
    assert column(opened, "loss")[0].startswith("★")
    assert opened.locator("#table th[aria-sort=ascending]").inner_text().startswith("loss")


FILTERS: Final[list[tuple[str, Any]]] = [
    ("trial-0012", lambda row: row.name == "trial-0012"),
    ("accuracy>0.9", lambda row: row.metrics["accuracy"] > 0.9),
    ("depth=8 kind=net", lambda row: row.params["train.depth"] == 8 and row.params["train.kind"] == "net"),
    ("train.depth=null", lambda row: row.params["train.depth"] is None),
    ("seed!=1 seed<=2", lambda row: row.params["seed"] != 1 and row.params["seed"] <= 2),
    ("data.csv", lambda row: row.name == "main"),
    ("V1", lambda row: row.name == "v1"),
    ("nothing-like-it", lambda row: False),
]


def test_filtering(opened: Any) -> None:
    for text, expected in FILTERS:
        search(opened, text)
        wanted = [row.name for row in many(COUNT).rows if expected(row)]
        assert len(shown(opened)) == len(wanted), text
        assert opened.inner_text("#count") == f"{len(wanted)} of {COUNT + 3} rows"
        assert opened.locator("#filter.wrong").count() == 0


def test_an_unknown_column_in_the_filter_is_marked(opened: Any) -> None:
    search(opened, "acuracy>0.9")
    assert opened.evaluate("document.querySelector('#filter').classList.contains('wrong')")
    assert len(shown(opened)) == COUNT + 3


def test_selecting_compares(opened: Any) -> None:
    search(opened, "trial-000")
    opened.locator("#table tbody tr").nth(6).click()
    assert opened.locator("#compare-b").evaluate("e => e.selectedOptions[0].textContent.trim()") == "trial-0003"
    assert opened.locator("#compare-a").evaluate("e => e.selectedOptions[0].textContent.trim()").startswith("main")
    opened.locator("#table tbody tr").nth(5).click()
    assert opened.locator("#table tr.selected").count() == 2
    rows = {row.name: row for row in many(COUNT).rows}
    line = opened.locator("#differences tr").filter(has_text="loss").inner_text().split()
    assert line[1:3] == [str(rows["trial-0003"].metrics["loss"]), str(rows["trial-0004"].metrics["loss"])]
    assert float(line[3]) == pytest.approx(float(line[2]) - float(line[1]), abs=1e-9)
    opened.locator("#kinds button[data-kind=selected]").click()
    assert sorted(shown(opened)) == ["trial-0003", "trial-0004"]
    opened.locator("#table tbody tr").first.click()
    opened.locator("#table tbody tr").first.click()
    assert len(shown(opened)) == 10  # none is selected any more: all that fit the filter


def test_columns_can_be_hidden(opened: Any) -> None:
    opened.click("#columns summary")
    opened.get_by_label("accuracy", exact=True).uncheck()
    opened.get_by_label("author", exact=True).check()
    headings = opened.locator("#table thead th").all_inner_texts()
    assert not any(each.startswith("accuracy") for each in headings)
    assert "author" in headings


def test_rows_go_out_as_csv(opened: Any) -> None:
    search(opened, "trial-0003")
    with opened.expect_download() as download:
        opened.click("#export")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("kind,name,revision,message,time,accuracy,loss,cv.std,train.rate")
    row = next(row for row in many(COUNT).rows if row.name == "trial-0003")
    assert lines[1].split(",")[:2] == ["experiment", "trial-0003"]
    assert str(row.metrics["accuracy"]) in lines[1]


def test_the_best_are_on_cards(opened: Any) -> None:
    rows = [row for row in many(COUNT).rows if row.metrics["accuracy"] == row.metrics["accuracy"]]
    best = max(rows, key=lambda row: row.metrics["accuracy"])
    card = opened.locator("#best .card").first
    assert best.name in card.inner_text()
    card.click()
    assert opened.locator("#table tr.selected th").inner_text().startswith(best.name)


# -- the plots -------------------------------------------------------------------------------------------------------


def test_a_range_of_an_axis_filters(drawn: Any) -> None:
    drawn.locator("#parallel").scroll_into_view_if_needed()
    box = drawn.locator("#parallel .axis[data-key='train.depth'] .grip").bounding_box()
    x = box["x"] + box["width"] / 2
    drawn.mouse.move(x, box["y"] + box["height"] - 2)  # the lowest of 2, 4, 8, 16, null
    drawn.mouse.down()
    drawn.mouse.move(x, box["y"] + box["height"] - 40, steps=4)
    drawn.mouse.up()
    twos = [row for row in many(COUNT).rows if row.params["train.depth"] == 2]
    assert len(shown(drawn)) == len([row for row in twos if row.name != "trial-0007"])
    assert drawn.locator("#parallel .range").count() == 1
    drawn.click("#brushed")
    assert len(shown(drawn)) == COUNT + 3
    assert drawn.locator("#parallel .range").count() == 0


def test_an_axis_can_be_moved(opened: Any) -> None:
    opened.locator("#parallel").scroll_into_view_if_needed()
    names = opened.locator("#parallel .axis .name")
    start, end = names.nth(0).bounding_box(), names.nth(2).bounding_box()
    opened.mouse.move(start["x"] + 5, start["y"] + 5)
    opened.mouse.down()
    opened.mouse.move(end["x"] + end["width"] / 2, end["y"] + 5, steps=4)
    opened.mouse.up()
    moved = opened.evaluate(
        "[...document.querySelectorAll('#parallel .axis .name')].map(e => e.firstChild.textContent)"
    )
    assert moved[:3] == ["depth", "kind", "rate"]


def test_a_point_can_be_clicked(drawn: Any) -> None:
    search(drawn, "trial-0003")
    drawn.locator("#scatter").scroll_into_view_if_needed()
    drawn.wait_for_timeout(300)
    point = drawn.locator("#scatter .scatterlayer .trace").first.locator("path.point").bounding_box()
    drawn.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2, steps=3)
    drawn.wait_for_selector("#scatter .hoverlayer .hovertext")
    drawn.mouse.down()
    drawn.mouse.up()
    assert drawn.locator("#table tr.selected th").inner_text().startswith("trial-0003")


def test_axes_of_the_scatter_are_chosen(drawn: Any) -> None:
    drawn.select_option("#scatter-x", "param:train.kind")
    drawn.select_option("#scatter-y", "metric:loss")
    drawn.wait_for_function("document.querySelector('#scatter .xtick')?.textContent === 'net'")
    assert drawn.locator("#scatter .ytitle").text_content() == "loss"


# -- figures and pipeline --------------------------------------------------------------------------------------------


def test_figures_side_by_side(opened: Any) -> None:
    opened.evaluate("document.querySelector('#compare').scrollIntoView()")
    for name, empty in (
        ("trial-0003", None),
        ("trial-0004", "no such figure here"),
        ("trial-0005", "not in this page"),
    ):
        opened.locator("#compare-b").select_option(label=f"  {name}")
        pictures = opened.locator("#figures figure")
        assert pictures.nth(0).locator("img").evaluate("e => e.naturalWidth") == 1
        if empty:
            assert pictures.count() == 2
            assert empty in pictures.nth(1).inner_text()
            assert opened.inner_text("#figures h3") == "report/roc.png = roc.png"
        else:
            assert "(identical)" in opened.inner_text("#figures h3")
    pictures.nth(0).locator("img").click()
    assert opened.locator("#zoom").evaluate("e => e.open")


REPORT: Final = """\
# Result

| model | score |
|---|---:|
| a | 0.5 |

![the curve](roc.png) and ![gone](gone.png), [data](tables/a.csv), [here](#x)

<script>window.hit = 1</script> <img src=x onerror="window.hit=1"> [click](javascript:window.hit=1)

~~~
plain <b>
~~~
"""


def test_reports_side_by_side_with_their_pictures_and_nothing_that_runs(browser: Any, tmp_path: Path) -> None:
    history = many(4)
    figures = Figures(tmp_path, 0)
    figures.contents = [("image/png", DOT)]
    figures.of = {MAIN: {"report/roc.png": 0}, f"{3:040x}": {"report/roc.png": 0, "other.png": 0}}
    figures.contents.append(("image/png", DOT))
    figures.of[MAIN]["curve.png"] = 1
    figures.twins = {"curve.png": "roc.png"}
    figures.texts = [REPORT, "# Another\n"]
    figures.reports = {MAIN: {"report/report.md": 0}, f"{3:040x}": {"report/report.md": 1}}
    path = tmp_path / "reports.html"
    path.write_text(page(overview_of(history), "wine", figures), encoding="utf-8")
    for tab in visit(browser, path, "window.requestIdleCallback = () => {}"):
        tab.locator("#compare-b").select_option(label="  trial-0003")
        articles = tab.locator("#report article")
        assert articles.count() == 2
        assert articles.nth(0).locator("h1").inner_text() == "Result"
        assert articles.nth(0).locator("td").all_inner_texts() == ["a", "0.5"]
        assert articles.nth(0).locator("img").evaluate("e => e.naturalWidth") == 1
        assert "[gone: not in this page]" in articles.nth(0).inner_text()
        assert articles.nth(0).locator("a").evaluate_all("all => all.map(e => e.getAttribute('href'))") == [
            "report/tables/a.csv",
            "#x",
        ]
        assert articles.nth(1).inner_text().endswith("Another")
        # what a report shows is not shown again
        assert tab.locator("#figures figure").count() == 0
        tab.locator("#compare-b").select_option(label="  trial-0002")
        assert "not in this page" in articles.nth(1).inner_text()
        tab.locator("#compare-b").select_option(index=tab.locator("#compare-a").evaluate("e => e.selectedIndex"))
        assert articles.count() == 1
        assert tab.evaluate("window.hit") is None


SAVED: Final = [
    ("fig.savefig('out/a.png')\nplt.savefig('report/figures/figure_1.png')\nplt.close()", {"a.png": "figure_1.png"}),
    ("plt.savefig(FIGURES / 'a.png', dpi=80)\nplt.savefig('r/figure_1.svg')\nplt.close()", {"a.png": "figure_1.svg"}),
    ("plt.savefig('a.png')\nplt.close()\nplt.savefig('r/figure_1.png')\nplt.close()", {}),
    ("f.savefig('a.png')\ng.savefig('b.png')\nplt.savefig('r/figure_1.png')\nplt.close()", {}),
    ("plt.savefig(name)\nplt.savefig('r/figure_1.png')\nplt.close()", {}),
    ("no python", {}),
]


@pytest.mark.parametrize(("script", "expected"), SAVED)
def test_a_figure_that_is_saved_and_shown_is_one_picture(script: str, expected: dict[str, str]) -> None:
    assert twins(script) == expected


def test_names_of_axes_do_not_lie_on_each_other(browser: Any, written: Path) -> None:
    """In a narrow window, where the plot is scrolled; and the page itself never is, sideways."""
    for tab in visit(browser, written, "window.requestIdleCallback = () => {}"):
        for width in (1440, 700, 390):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.wait_for_timeout(300)
            boxes = tab.evaluate(
                "[...document.querySelectorAll('#parallel .name')].map(e => e.getBoundingClientRect())"
                ".map(box => [box.left, box.right])"
            )
            assert len(boxes) > 3
            assert all(left[1] < right[0] for left, right in pairwise(boxes)), width
            assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_dark_where_the_reader_wants_it_dark(browser: Any, written: Path) -> None:
    """All that has a text on it: what is written can be read, in plots too."""
    grounds = (
        "['body', '.panel', '.card', 'thead th', 'tbody tr', 'select', 'input', '#parallel', '#stage pre']"
        ".map(e => getComputedStyle(document.querySelector(e)).backgroundColor)"
    )
    for tab in visit(browser, written):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        light = tab.evaluate(grounds)
        tab.emulate_media(color_scheme="dark")
        tab.wait_for_function("document.querySelector('#scatter .main-svg').style.background.includes('23, 30, 40')")
        for before, after in zip(light, tab.evaluate(grounds), strict=True):
            numbers = [int(n) for n in re.findall(r"\d+", after)]
            assert numbers == [0, 0, 0, 0] or max(numbers[:3]) < 100, (before, after)
        card = tab.evaluate("getComputedStyle(document.querySelector('#picture .card')).fill")
        assert max(int(n) for n in re.findall(r"\d+", card)) < 100


def test_a_star_means_the_best_and_nothing_else(drawn: Any) -> None:
    assert drawn.evaluate("JSON.stringify(document.querySelector('#scatter').data)").count('"star"') == 0
    assert "★" not in drawn.inner_text("#plots")


def test_stages_show_their_cells(opened: Any) -> None:
    opened.locator("#picture .stage[data-stage=fit]").click()
    said = opened.inner_text("#stage")
    assert "cells 2-3 of n.ipynb" in said
    assert "fit.C = 0.5" in said
    assert "to end" in said
    opened.locator("#picture .stage[data-stage=load]").click()
    assert "df = 1" in opened.inner_text("#stage pre")


def test_what_was_not_run_is_marked_and_counts_for_nothing(browser: Any, tmp_path: Path) -> None:
    history = many(3)
    best = overview_of(history).metrics[0].best[0]
    row = next(row for row in history.rows if row.rev == best)
    row.stale = ["train.rate"]
    path = tmp_path / "stale.html"
    path.write_text(page(overview_of(history), "x"), encoding="utf-8")
    for tab in visit(browser, path):
        assert tab.locator("#table tr .state").inner_text() == "not reproduced"
        assert row.name not in tab.locator("#best .card").first.inner_text()
        search(tab, row.name)
        assert "★" not in column(tab, "accuracy")[0]


# -- texts of others -------------------------------------------------------------------------------------------------


def test_texts_of_others_stay_texts(browser: Any, tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=window.hit=1>\u2028{{<!--STYLE-->"
    log = {MAIN: commit(200, OLD, subject=evil), OLD: commit(100)}
    history = rows_of(
        [
            state(MAIN, {"params.yaml": {evil: evil, "a": 1}}, {"m.json": {evil: 1.0, "b": 2.0}}, {evil: "1"}),
            state(OLD, {"params.yaml": {evil: 2, "a": 2}}, {"m.json": {evil: 2.0, "b": 1.0}}, {evil: "2"}),
        ],
        log,
        {MAIN: [evil]},
        MAIN,
    )
    path = tmp_path / "evil.html"
    path.write_text(page(overview_of(history), evil), encoding="utf-8")
    for tab in visit(browser, path):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        assert tab.evaluate("window.hit") is None
        assert tab.inner_text("#title") == evil.replace("\u2028", "\u2028").strip()
        assert tab.locator("#table tbody tr").count() == 2


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(browser: Any, tmp_path: Path, count: int) -> None:
    for tab in visit(browser, sample(tmp_path, count)):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        assert len(shown(tab)) == count + 3


def test_one_row_without_metrics(browser: Any, tmp_path: Path) -> None:
    history = rows_of([state(MAIN, {"params.yaml": {"a": None}})], {MAIN: commit(1)}, {}, MAIN)
    path = tmp_path / "one.html"
    path.write_text(page(overview_of(history), "one"), encoding="utf-8")
    for tab in visit(browser, path):
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        assert "A and B are the same row" in tab.inner_text("#differences")
        assert tab.locator("#pipeline").is_hidden()


# -- without a browser -----------------------------------------------------------------------------------------------


def test_the_same_history_makes_the_same_page(tmp_path: Path) -> None:
    assert page(overview_of(many(5)), "x") == page(overview_of(many(5)), "x")


def test_nothing_is_loaded_from_elsewhere(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    text = re.sub(r'<script type="(?:text/plain|application/json)".*?</script>', "", text, flags=re.DOTALL)
    addresses = set(re.findall(r"https?://[\w./-]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which nobody visits


def test_numbers_of_the_page(written: Path) -> None:
    found = re.search(r'id="data">(.*?)</script>', written.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    rows = many(COUNT).rows
    assert [row[1] for row in data["rows"]] == [row.name for row in rows]
    keys = [each["key"] for each in data["metrics"]]
    for row, source in zip(data["rows"], rows, strict=True):
        for key, value in zip(keys, row[12], strict=True):
            wanted = source.metrics.get(key)
            assert value == wanted or (value == "NaN" and wanted != wanted)


def test_whose_figures_come_first() -> None:
    history = many(20)
    view = overview_of(history)
    ordered = ordered_by_weight(view, history.rows)
    assert ordered[0].rev == MAIN
    assert ordered[1].rev == view.metrics[0].best[0]
    assert sorted(row.rev for row in ordered) == sorted(row.rev for row in history.rows if row.kind != "workspace")


def test_a_missing_plotly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from nb2stage.diagnostics import Nb2stageError
    from nb2stage.overview import page as module

    real = module.files

    def files(name: str) -> Any:
        if name == "plotly":
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr(module, "files", files)
    with pytest.raises(Nb2stageError, match=re.escape("pip install 'nb2stage[html]'")):
        page(overview_of(many(2)), "x")
