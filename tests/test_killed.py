"""A command that is killed at any moment leaves a project that the next command heals.

The command runs in a fork of the tests that dies before its k-th call that opens, renames, removes or makes something in
the project: every state of the disk that a kill can leave is one of these, or one with half of the file just opened.

Every moment instead of every sixth one: `KILL_STEP=1 pytest tests/test_killed.py`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from test_cli import Cells, call, save  # noqa: F401 -- a fixture

from nb2stage.cli import main
from nb2stage.files.writer import PENDING_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

if os.name != "posix":
    pytest.skip("forks", allow_module_level=True)

STEP: Final = int(os.environ.get("KILL_STEP", "6"))
DIED: Final = 9
NOTHING_OPEN: Final = 8
CHANGES: Final = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
CELLS: Final[Cells] = [
    ("parameters", "C = 1\nD = 2"),
    ("", "def double(x):\n    y = x\n    return 2 * y"),
    ("import", "import json\nfrom pathlib import Path\n\nrows = json.loads(Path('data.json').read_text())"),
    ("stage:fit", "# fit it\nb = json.loads(json.dumps(double(rows[0]) * C))\n\nc = b + 1\nprint('end')"),
    ("stage:show", "e = double(c) + D\nfor row in rows:\n    print(row, e)\nprint(len(rows), 'rows')"),
]
FIT, SHOW, SHARED = "data_processing/fit.py", "data_processing/show.py", "definitions/fit_show.py"


def edit(path: str, old: str, new: str) -> None:
    file = Path(path)
    text = file.read_text()
    assert text.count(old) == 1, text
    file.write_text(text.replace(old, new))


def notebook(old: str, new: str) -> None:
    save(Path("a.ipynb"), [(tags, source.replace(old, new)) for tags, source in CELLS])


def other_sides() -> None:
    """Hand edits that no command may lose."""
    edit(FIT, "print('end')", "print('the end')")
    edit(SHARED, "y = x", "y = x + 1")
    edit("params.yaml", "C: 1", "C: 5")
    edit("dvc.yaml", "  show:\n", "  # mine\n  show:\n    desc: mine\n")


def first() -> None:
    for path in ("data_processing", "definitions", ".nb2stage"):
        shutil.rmtree(path)
    for path in ("dvc.yaml", "params.yaml", ".gitignore"):
        Path(path).unlink()


def update() -> None:
    other_sides()
    well = (CELLS[3][0], CELLS[3][1].replace("fit it", "fit it well"))
    save(Path("a.ipynb"), [*CELLS[:3], well, CELLS[4], ("train", "print(b)")])


def conflict() -> None:
    other_sides()
    edit(SHOW, "'rows'", "'mine'")
    edit("dvc.yaml", "cmd: python data_processing/show.py", "cmd: make show")
    cells = [("stage:view" if tags == "stage:show" else tags, source) for tags, source in CELLS]
    for old, new in (("'end'", "'END'"), ("'rows'", "'lines'"), ("y = x", "y = -x")):
        cells = [(tags, source.replace(old, new)) for tags, source in cells]
    save(Path("a.ipynb"), cells)


def renamed() -> None:
    other_sides()
    save(Path("a.ipynb"), [("stage:learn" if tags == "stage:fit" else tags, source) for tags, source in CELLS])


def dropped() -> None:
    edit(FIT, "print('end')", "print('the end')")
    save(Path("a.ipynb"), CELLS[:4])


def two() -> None:
    other_sides()
    notebook("fit it", "fit it well")
    save(Path("b.ipynb"), [("stage:other", "print(1)")])


SCENES: Final[dict[str, tuple[Callable[[], None], list[str]]]] = {
    "convert, the first": (first, ["convert", "a.ipynb"]),
    "convert": (update, ["convert", "a.ipynb"]),
    "convert with conflicts": (conflict, ["convert", "a.ipynb"]),
    "convert, a stage renamed": (renamed, ["convert", "a.ipynb"]),
    "convert, a stage dropped": (dropped, ["convert", "a.ipynb"]),
    "convert, two notebooks": (two, ["convert", "a.ipynb", "b.ipynb"]),
    "convert --force": (conflict, ["convert", "a.ipynb", "--force"]),
    "pull": (other_sides, ["pull", "--yes"]),
    "eject": (other_sides, ["eject"]),
}  # fmt: skip


def tree() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def put_back(files: dict[str, bytes]) -> None:
    for path in Path().iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


class Death:
    """Ends the process before its k-th change of the project, with half of the file that it was writing if `half`."""

    def __init__(self, k: int, half: bool) -> None:
        self.here, self.left, self.half, self.opened = f"{Path.cwd()}/", k, half, ""

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in CHANGES) or not isinstance(arguments[0], str | os.PathLike):
            return
        path = str(Path(arguments[0]).absolute())
        if not path.startswith(self.here) or "__pycache__" in path:
            return
        self.left -= 1
        if self.left == 0:
            if self.half and not self.opened:
                os._exit(NOTHING_OPEN)
            if self.half:
                os.truncate(self.opened, Path(self.opened).stat().st_size // 2)
            os._exit(DIED)
        self.opened = path if writes else ""


def killed(argv: list[str], k: int, half: bool = False) -> int:
    """Run a command that dies before its k-th change of the disk; the exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        sys.addaudithook(Death(k, half).hook)
        main(argv)
    finally:
        os._exit(0)


@pytest.fixture
def tied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:  # noqa: F811
    """A converted project."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("data.json").write_text("[1, 2, 3]")
    notebook("", "")
    assert call("convert", "a.ipynb")[0] == 0


@pytest.mark.usefixtures("tied")
@pytest.mark.parametrize("scene", SCENES)
def test_the_same_command_again_gives_what_it_would_have_given(scene: str, call: Any) -> None:  # noqa: F811
    prepare, argv = SCENES[scene]
    prepare()
    before = tree()
    code, _, said = call(*argv)
    assert code in (0, 1), said
    expected = (code, tree())
    k, ways = 1 - STEP, 1
    while ways:
        k, ways = k + STEP, 0
        for half, again in ((False, 0), (True, 0), (False, 3)):
            put_back(before)
            if killed(argv, k, half) != DIED:
                continue
            ways += 1
            if again:  # the healing is killed as well
                killed(argv, again)
            if k % 5 == 2:  # what only looks, looks
                left = tree()
                code, said, _ = call("status")
                assert code in (0, 1, 2)
                assert not said or ("was killed" in said) == Path(PENDING_PATH).exists()
                assert call("convert", "a.ipynb", "--diff")[0] in (0, 1)
                assert tree() == left
            result = call(*argv)
            assert (result[0], tree()) == expected, f"{k} {half} {again} {result[2]}"
    assert k > 9


OTHERS: Final = {"convert": ["pull", "--yes"], "pull": ["convert", "a.ipynb"], "eject": ["convert", "a.ipynb"]}


@pytest.mark.usefixtures("tied")
@pytest.mark.parametrize("name", OTHERS)
def test_another_command_loses_nothing(name: str, call: Any) -> None:  # noqa: F811
    prepare, argv = SCENES[name]
    prepare()
    before = tree()
    for k in range(1, 100, STEP):
        put_back(before)
        if killed(argv, k) != DIED:
            break
        code, _, said = call(*OTHERS[name])
        assert code in (0, 1), said
        assert "print('the end')" in Path(FIT).read_text()
        assert "y = x + 1" in "".join(path.read_text() for path in Path("definitions").glob("*.py"))
        assert "C: 5" in Path("params.yaml").read_text()
        assert "    desc: mine" in Path("dvc.yaml").read_text()
        for path in Path().glob("d*/*.py"):
            compile(path.read_bytes(), path, "exec")
        if code == 0:
            assert not list(Path().rglob("*.tmp"))
            assert not Path(PENDING_PATH).exists()
    assert k > 9


@pytest.mark.usefixtures("tied")
def test_a_file_that_was_changed_after_the_kill_keeps_the_change(call: Any) -> None:  # noqa: F811
    update()
    before = tree()
    for k in range(1, 100, STEP):
        put_back(before)
        if killed(["convert", "a.ipynb"], k) != DIED:
            break
        edit(SHOW, "print(row, e)", "print(e, row)")
        assert call("convert", "a.ipynb")[0] == 0
        assert "print(e, row)" in Path(SHOW).read_text()
        assert "fit it well" in Path(FIT).read_text()
        assert "print('the end')" in Path(FIT).read_text()
        assert not Path(PENDING_PATH).exists()
    assert k > 9
