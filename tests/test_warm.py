"""A program that starts warm is what a fresh one would be, and the tests do start warm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # an importing test runner does not do it
import warm

pytestmark = pytest.mark.skipif(not os.environ.get(warm.ADDRESS), reason="nothing starts warm here")

PROGRAM = """
import atexit, os, random, sys
import numpy as np
atexit.register(print, "the end")
print(__name__, __file__, sys.argv, os.getcwd(), sys.path[0], os.environ["WORD"], sys.stdin.read())
print(random.random(), np.random.rand())
print([name for name in vars() if not name.startswith("__")])
print("said", file=sys.stderr)
left = open("left.txt", "w")
left.write("written")
sys.exit(int(sys.argv[1]))
"""


def run(folder: Path, *arguments: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WORD": "word", **more}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "program.py").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize("code", ["0", "3"])
def test_it_is_what_a_fresh_one_is(folder: Path, code: str) -> None:
    found = []
    for cold in ("", "1"):
        done = run(folder, "sub/program.py", code, given="input", **{warm.COLD: cold})
        lines = done.stdout.splitlines()
        found.append((done.returncode, done.stderr, [lines[0], *lines[2:]]))
        assert (folder / "left.txt").read_text() == "written"
    assert found[0] == found[1]
    assert found[0][0] == int(code)


def test_no_two_draw_the_same(folder: Path) -> None:
    drawn = [run(folder, "sub/program.py", "0").stdout.splitlines()[1].split() for _ in range(2)]
    assert all(one != two for one, two in zip(*drawn, strict=True))


def test_it_starts_warm_unless_it_must_not(folder: Path) -> None:
    (folder / "loaded.py").write_text("import sys; print('pandas' in sys.modules)")
    for more, expected in (
        ({}, "True"),
        ({"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}, "True"),
        ({"PYTHONHASHSEED": "1"}, "False"),
        ({"PYTHONWARNINGS": "error"}, "False"),
        ({"PYTHONPATH": str(folder)}, "False"),
        ({"LC_ALL": "C"}, "False"),
        ({warm.COLD: "1"}, "False"),
        ({warm.ADDRESS: str(folder / "none")}, "False"),
    ):
        assert run(folder, "loaded.py", **more).stdout.strip() == expected, more
    assert run(folder, "-c", "import sys; print('pandas' in sys.modules)").stdout.strip() == "False"
    (folder / "matplotlibrc").write_text("")
    assert run(folder, "loaded.py").stdout.strip() == "False"


@pytest.mark.cold
def test_the_mark_starts_fresh_ones(folder: Path) -> None:
    (folder / "loaded.py").write_text("import sys; print('pandas' in sys.modules)")
    assert run(folder, "loaded.py").stdout.strip() == "False"


def test_what_was_raised_is_told_without_the_server(folder: Path) -> None:
    (folder / "wrong.py").write_text("def f():\n    1 / 0\n\n\nf()\n")
    texts = [run(folder, "wrong.py", **{warm.COLD: cold}) for cold in ("", "1")]
    assert texts[0].returncode == texts[1].returncode == 1
    assert "ZeroDivisionError" in texts[0].stderr
    assert "warm.py" not in texts[0].stderr
    assert texts[0].stderr.count("File") == texts[1].stderr.count("File") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_it(folder: Path, number: signal.Signals) -> None:
    text = (
        "import os, time\nopen('pid.tmp', 'w').write(str(os.getpid()))\nos.rename('pid.tmp', 'pid')\ntime.sleep(99)\n"
    )
    (folder / "sleeps.py").write_text(text)
    process = subprocess.Popen([sys.executable, "sleeps.py"], cwd=folder, stderr=subprocess.DEVNULL)
    while not (folder / "pid").exists():
        time.sleep(0.01)
    pid = int((folder / "pid").read_text())
    assert pid != process.pid
    process.send_signal(number)
    assert process.wait(60) == -number
    for _ in range(3000):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.01)
    else:
        pytest.fail("it goes on")


def test_a_closed_file_is_closed(folder: Path) -> None:
    (folder / "prints.py").write_text("import sys\nsys.exit(0 if sys.stdout is None else 5)\n")
    done = subprocess.run(f"{sys.executable} prints.py >&-", shell=True, cwd=folder, check=False)
    assert done.returncode == 0
