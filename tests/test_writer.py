"""The writer: all or none, whole files at any moment, no hand edit lost."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.writer import (
    PENDING_PATH,
    STATE_PATH,
    Conversion,
    State,
    apply_changes,
    plan_changes,
    read_state,
    read_text,
)
from nb2stage.planning.pipeline import GeneratedFile

NOTEBOOK = "explore.ipynb"


def scripts(version: str, names: str = "abc") -> list[GeneratedFile]:
    """A conversion: scripts of some size, and the merged dvc.yaml."""
    body = f"# {version}\n" * 2000
    files = [GeneratedFile(f"steps/{name}.py", body, True, NOTEBOOK) for name in names]
    return [*files, GeneratedFile("dvc.yaml", f"# {version}\n")]


def made(files: list[GeneratedFile]) -> Conversion:
    """What the state remembers of a conversion."""
    scripts = {file.path: file.text for file in files if file.protected}
    return Conversion(scripts, {"b": {"cmd": "x"}, "a": {}}, ("o",), {"k": ("1", "one")}, ("cache/",))


def convert(root: Path, files: list[GeneratedFile], force: bool = False) -> list[str]:
    """What `convert` does with the writer; gives the codes of the findings."""
    state = read_state(root)
    new = state.with_conversion(NOTEBOOK, made(files))
    everything = [*files, GeneratedFile(STATE_PATH, new.to_text())]
    changes, findings = plan_changes(root, everything, state.obsolete(NOTEBOOK, files), state, force)
    if not any(finding.forbids_writing for finding in findings):
        apply_changes(root, changes)
    return [finding.code for finding in findings]


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_first_run_creates_second_run_touches_nothing(tmp_path: Path) -> None:
    assert convert(tmp_path, scripts("1")) == []
    assert set(tree(tmp_path)) == {"steps/a.py", "steps/b.py", "steps/c.py", "dvc.yaml", STATE_PATH}
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert convert(tmp_path, scripts("1")) == []
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_diff_is_unified_and_printable(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\r\n\xff")
    (change,), _ = plan_changes(tmp_path, [GeneratedFile("a", "y\n")], [], State())
    assert change.kind == "update"
    assert change.diff().splitlines() == [
        "--- a/a", "+++ b/a", "@@ -1,2 +1 @@", "-x", "-\\udcff", "\\ No newline at end of file", "+y",
    ]  # fmt: skip


ONE, TWO = scripts("1")[0].text, scripts("2")[0].text


@pytest.mark.parametrize(
    ("on_disk", "codes", "result"),
    [
        pytest.param(ONE, [], TWO, id="as generated"),
        pytest.param(ONE.replace("\n", "\r\n"), [], TWO, id="as generated, checked out on Windows"),
        pytest.param(None, [], TWO, id="deleted"),
        pytest.param(TWO, [], TWO, id="already what it should be"),
        pytest.param(
            "mine\n", ["NB618"], f"<<<<<<< steps/a.py\nmine\n=======\n{TWO}>>>>>>> explore.ipynb\n", id="other"
        ),
    ],
)
def test_what_stands_on_disk(tmp_path: Path, on_disk: str | None, codes: list[str], result: str) -> None:
    convert(tmp_path, scripts("1"))
    script = tmp_path / "steps/a.py"
    script.unlink() if on_disk is None else script.write_bytes(on_disk.encode())
    assert convert(tmp_path, scripts("2")) == codes
    assert script.read_bytes().decode() == result
    assert read_text(tmp_path, "steps/b.py") == TWO
    assert convert(tmp_path, scripts("2"), force=True) == []
    assert script.read_bytes().decode() == TWO


def test_an_unresolved_conflict_is_refused(tmp_path: Path) -> None:
    convert(tmp_path, scripts("1"))
    (tmp_path / "steps/a.py").write_text("mine\n")
    convert(tmp_path, scripts("2"))
    before = tree(tmp_path)
    assert convert(tmp_path, scripts("3")) == ["NB625"]
    assert tree(tmp_path) == before


def test_message_shows_a_short_diff(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/a.py").write_text("mine\n")
    _, (finding,) = plan_changes(tmp_path, scripts("2"), [], read_state(tmp_path))
    assert "-mine" in finding.message
    assert "--force" in finding.hint
    assert 40 < finding.message.count("\n") < 45


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        pytest.param(b"my own\n", ["NB612"], id="the user's own file"),
        pytest.param(b"\xff\xfe\n", ["NB612"], id="not UTF-8"),
        pytest.param(scripts("1")[0].text.encode(), [], id="identical"),
    ],
)
def test_files_that_we_never_wrote_are_refused(tmp_path: Path, content: bytes, codes: list[str]) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/a.py").write_bytes(content)
    assert convert(tmp_path, scripts("1")) == codes


def test_obsolete_files_go_unless_edited(tmp_path: Path) -> None:
    convert(tmp_path, scripts("1"))
    (tmp_path / "steps/c.py").write_text("mine\n")
    assert convert(tmp_path, scripts("1", "a")) == ["NB613"]
    assert set(tree(tmp_path)) == {"steps/a.py", "steps/c.py", "dvc.yaml", STATE_PATH}


def test_obsolete_files_of_two_notebooks_stay() -> None:
    state = State().with_conversion("x.ipynb", made(scripts("1"))).with_conversion("y.ipynb", made(scripts("1", "b")))
    assert state.obsolete("x.ipynb", scripts("1", "a")) == ["steps/c.py"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("{", ["NB616"], id="not JSON"),
        pytest.param("[]", ["NB616"], id="not a mapping"),
        pytest.param('{"version": 2, "notebooks": {"a": 3}}', ["NB616"], id="wrong shape"),
        pytest.param('{"version": 1, "notebooks": {"a": 3}}', ["NB616"], id="an older version"),
    ],
)
def test_damaged_state_is_an_empty_state(tmp_path: Path, text: str, codes: list[str]) -> None:
    (tmp_path / ".nb2stage").mkdir()
    (tmp_path / STATE_PATH).write_text(text)
    assert convert(tmp_path, scripts("1")) == codes
    assert not read_state(tmp_path).damaged


def test_a_conflict_in_the_state_file_is_read_with_one_side(tmp_path: Path) -> None:
    convert(tmp_path, scripts("1"))
    path = tmp_path / STATE_PATH
    text = path.read_text().replace('     "",\n', '<<<<<<< HEAD\n     "",\n=======\n     "x",\n>>>>>>> b\n')
    path.write_text(text)
    assert not read_state(tmp_path).damaged
    assert convert(tmp_path, scripts("2")) == []
    assert "<<<<" not in path.read_text()


def test_state_of_a_newer_version_stops(tmp_path: Path) -> None:
    (tmp_path / ".nb2stage").mkdir()
    (tmp_path / STATE_PATH).write_text('{"version": 99, "notebooks": {}}')
    with pytest.raises(Nb2stageError, match="NB616"):
        read_state(tmp_path)


def test_state_survives_the_round_trip(tmp_path: Path) -> None:
    state = State().with_conversion(
        "é.ipynb", made([*scripts("1"), GeneratedFile("é.py", "\r\n\udcff", protected=True)])
    )
    (tmp_path / ".nb2stage").mkdir()
    (tmp_path / STATE_PATH).write_bytes(state.to_text().encode("utf-8", "surrogateescape"))
    assert read_state(tmp_path) == state


def obstruct(root: Path, how: str) -> None:
    outside = root.parent / f"{root.name}-outside"
    outside.mkdir()
    actions = {
        "folder for file": lambda: (root / "dvc.yaml").mkdir(),
        "file for folder": lambda: (root / "steps").write_text("x"),
        "link out of the project": lambda: (root / "dvc.yaml").symlink_to(outside / "dvc.yaml"),
        "linked folder out of the project": lambda: (root / "steps").symlink_to(outside),
        "link to itself": lambda: (root / "dvc.yaml").symlink_to(root / "dvc.yaml"),
    }
    actions[how]()


@pytest.mark.parametrize(
    "how",
    [
        "folder for file",
        "file for folder",
        "link out of the project",
        "linked folder out of the project",
        "link to itself",
    ],
)
def test_obstacles_are_refused(tmp_path: Path, how: str) -> None:
    obstruct(tmp_path, how)
    assert set(convert(tmp_path, scripts("1"))) == {"NB614"}
    assert not (tmp_path / STATE_PATH).exists()


@pytest.mark.parametrize("path", ["../x", "/tmp/x", "."], ids=["up", "absolute", "root"])
def test_paths_outside_are_refused(tmp_path: Path, path: str) -> None:
    _, (finding,) = plan_changes(tmp_path, [GeneratedFile(path, "")], [], State())
    assert finding.code == "NB614"


def test_links_inside_the_project_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/dvc.yaml").write_text("old\n")
    (tmp_path / "dvc.yaml").symlink_to("conf/dvc.yaml")
    assert convert(tmp_path, scripts("1")) == []
    assert (tmp_path / "dvc.yaml").is_symlink()
    assert (tmp_path / "conf/dvc.yaml").read_text() == "# 1\n"


def test_mode_is_kept_and_new_files_follow_the_umask(tmp_path: Path) -> None:
    convert(tmp_path, scripts("1"))
    (tmp_path / "steps/a.py").chmod(0o755)
    (tmp_path / "plain").write_text("")
    convert(tmp_path, scripts("2"))
    assert (tmp_path / "steps/a.py").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "steps/b.py").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_change_by_somebody_else_stops(tmp_path: Path) -> None:
    changes, _ = plan_changes(tmp_path, scripts("1"), [], State())
    (tmp_path / "dvc.yaml").write_text("theirs\n")
    with pytest.raises(Nb2stageError, match="meanwhile"):
        apply_changes(tmp_path, changes)
    assert set(tree(tmp_path)) == {"dvc.yaml"}


# One run replaces the journal, three scripts, dvc.yaml and the state, and deletes d.py.
CALLS = range(1, 7)


@pytest.mark.parametrize("k", CALLS)
@pytest.mark.parametrize("is_first", [True, False], ids=["first run", "update"])
def test_failure_at_any_call_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int, is_first: bool
) -> None:
    if not is_first:
        convert(tmp_path, scripts("1", "abcd"))
    before, folders = tree(tmp_path), {p for p in tmp_path.rglob("*") if p.is_dir()}
    real, calls = os.replace, 0

    def failing(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls == k:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(Nb2stageError, match=r"NB615 the file cannot be written: No space left"):
        convert(tmp_path, scripts("2"))
    monkeypatch.undo()
    assert tree(tmp_path) == before
    assert {p for p in tmp_path.rglob("*") if p.is_dir()} == folders
    assert convert(tmp_path, scripts("2")) == []


def test_ctrl_c_rolls_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(tmp_path, scripts("1"))
    before = tree(tmp_path)
    real, calls = os.replace, 0

    def interrupted(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        real(source, target)
        if calls == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path, scripts("2"))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("k", CALLS)
def test_death_at_any_call_is_healed_by_the_next_run(tmp_path: Path, k: int) -> None:
    """The process dies inside the k-th replacement; twice, with another notebook each time; then a run succeeds."""
    convert(tmp_path, scripts("1", "abcd"))
    for version in "23":
        code = (
            "import os, sys; sys.path.insert(0, sys.argv[1]); real, calls = os.replace, [0]\n"
            "def dying(a, b):\n"
            "    calls[0] += 1\n"
            f"    if calls[0] == {k}: os._exit(9)\n"
            "    real(a, b)\n"
            "os.replace = dying\n"
            "from pathlib import Path; from test_writer import convert, scripts\n"
            f"sys.exit(len(convert(Path(sys.argv[2]), scripts('{version}'))))"
        )
        died = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)], check=False)
        assert died.returncode == 9
        assert_whole(tmp_path, "123")
    assert convert(tmp_path, scripts("4")) == []
    assert_healed(tmp_path, "4")


def assert_whole(root: Path, versions: str) -> None:
    whole = {scripts(version)[0].text for version in versions}
    for script in root.glob("steps/*.py"):
        assert script.read_text() in whole
    assert not read_state(root).damaged


def assert_healed(root: Path, version: str) -> None:
    assert set(tree(root)) == {"steps/a.py", "steps/b.py", "steps/c.py", "dvc.yaml", STATE_PATH}
    assert read_text(root, "steps/b.py") == scripts(version)[1].text


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_at_any_moment_leaves_every_file_whole(tmp_path: Path) -> None:
    code = (
        "import sys, itertools; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from test_writer import convert, scripts\n"
        "print('ready', flush=True)\n"
        "for version in itertools.cycle('12'):\n"
        "    assert convert(Path(sys.argv[2]), scripts(version)) == []\n"
    )
    moments = random.Random(7)
    for _ in range(12):
        arguments = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, process.stderr and process.stderr.read()
        assert_whole(tmp_path, "12")
    assert convert(tmp_path, scripts("3")) == []
    assert_healed(tmp_path, "3")
    assert not (tmp_path / PENDING_PATH).exists()
