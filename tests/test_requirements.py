"""What a notebook installs, and a requirements.txt that is there -> requirements.txt."""

from __future__ import annotations

import pytest

from nb2stage.files.requirements import update_requirements


@pytest.mark.parametrize(
    ("existing", "wanted", "expected"),
    [
        pytest.param(None, ["a", "b>=2"], "a\nb>=2\n", id="a new file"),
        pytest.param(None, ["a", "a"], "a\n", id="twice the same"),
        pytest.param(None, ["A_b.c", "a-b-c"], "A_b.c\n", id="one package in two spellings"),
        pytest.param("# mine\nx==1  # why\n", ["a"], "# mine\nx==1  # why\na\n", id="other lines survive"),
        pytest.param("x==1", ["a"], "x==1\na\n", id="a last line without an end"),
        pytest.param("x==1\r\n", ["a"], "x==1\r\na\r\n", id="the line ends of the file"),
        pytest.param("A-B[extra] >= 2 # why\n", ["a_b"], "A-B[extra] >= 2 # why\n", id="what is there stays"),
        pytest.param("ab\n", ["a"], "ab\na\n", id="a name that begins another"),
        pytest.param("# a\n", ["a"], "# a\na\n", id="a comment is no requirement"),
        pytest.param("a @ git+https://x/a.git\n", ["a"], "a @ git+https://x/a.git\n", id="from a repository"),
        pytest.param(
            None,
            ["git+https://x/a.git", "git+https://x/b.git"],
            "git+https://x/a.git\ngit+https://x/b.git\n",
            id="two repositories",
        ),
        pytest.param(None, ["-e .", "-r more.txt", "./a.whl"], "-e .\n-r more.txt\n./a.whl\n", id="paths"),
        pytest.param("a\n", ["-r requirements.txt"], "a\n", id="the file itself"),
        pytest.param(None, ["-r requirements.txt"], "", id="the file itself, which is not there"),
    ],
)
def test_update(existing: str | None, wanted: list[str], expected: str) -> None:
    text, notes = update_requirements(existing, wanted, "nb.ipynb")
    assert (text, notes) == (expected, [])
    assert update_requirements(text, wanted, "nb.ipynb") == (text, [])


def test_paths_are_relative_to_the_notebook() -> None:
    wanted = [
        "-r ../requirements.txt",
        "-r more.txt",
        "-e ..",
        "../dist/a.whl",
        "-e git+https://x/a.git",
        "-r /abs.txt",
        "a",
    ]
    text, _ = update_requirements(None, wanted, "notebooks/nb.ipynb")
    assert text.split("\n") == [
        "-r notebooks/more.txt",
        "-e .",
        "./dist/a.whl",
        "-e git+https://x/a.git",
        "-r /abs.txt",
        "a",
        "",
    ]


@pytest.mark.parametrize(
    ("there", "wanted", "said"),
    [
        pytest.param("a==1", "a==2", True, id="another version"),
        pytest.param("a", "a==2", True, id="any version, and a pin in the notebook"),
        pytest.param("a==1", "a", False, id="any version in the notebook"),
        pytest.param("a >= 1 # why", "a>=1", False, id="the same in another spelling"),
    ],
)
def test_another_version_is_said(there: str, wanted: str, said: bool) -> None:
    text, notes = update_requirements(there, [wanted], "nb.ipynb")
    assert text == there
    assert [note.code for note in notes] == (["NB309"] if said else [])
