"""What holds for every test."""

import os
import sys
from pathlib import Path
from typing import Final

import pytest

# `dvc repro` runs `python SCRIPT`, so the python that is found first has to be the one of the tests, as in an activated
# environment: the README calls `.venv/bin/pytest` without activating.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

sys.path.insert(0, str(Path(__file__).parent))
import row_store
import warm

# Most of what these take is other programs: DVC, kernels, interpreters, a browser; or notebooks by the hundred.
SLOW: Final = frozenset(
    {
        *(
            "test_below",
            "test_ci",
            "test_differential",
            "test_examples",
            "test_experiments",
            "test_fuzz",
            "test_gitignore",
        ),
        *("test_init", "test_install", "test_killed", "test_knowledge", "test_knowledge_rows", "test_layouts"),
        *("test_merges", "test_metrics_plots", "test_one_round", "test_page", "test_pictures", "test_precision"),
        *("test_properties", "test_readme", "test_reconversion", "test_reruns", "test_run", "test_same_each_run"),
        *("test_verify", "test_where"),
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Of the rows of `constructs` and `cases`."""
    text = "run notebook and pipeline of each row, also where nothing changed since they passed"
    parser.addoption("--all-rows", action="store_true", help=text)
    parser.addoption(
        "--quick", action="store_true", help="leave out the files that start DVC, kernels or many programs"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite takes all cores, unless `-n` says otherwise; a file or a test alone does not pay for that."""
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.keyword
    alone = config.option.usepdb or config.option.collectonly or "PYTEST_XDIST_WORKER" in os.environ
    if whole and not alone and config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses, config.option.dist = os.cpu_count() or 1, "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    """What the tests start, they start warm; rows that passed are not run again."""
    if config.getoption("--all-rows"):
        os.environ[row_store.ALL_ROWS] = "1"
    row_store.tidy()
    if not config.getoption("collectonly") and (server := warm.start()):
        config.add_cleanup(server.communicate)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--quick`, only what is quick, unless it is named."""
    named = any(collection_path.name in argument for argument in config.args)
    return True if config.getoption("--quick") and collection_path.stem in SLOW and not named else None


@pytest.fixture(autouse=True)
def _cold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks at processes themselves starts fresh ones."""
    if request.node.get_closest_marker("cold"):
        monkeypatch.setenv(warm.COLD, "1")
