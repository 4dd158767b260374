"""The packages stand in the order that docs/development.md gives: each imports from those above it only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "src" / "nb2stage"
ORDER: Final = ["knowledge", "reading", "analysis", "planning", "scripts", "files", "runs", "overview"]


def test_the_document_has_all_packages_in_this_order() -> None:
    """A package that is added has to be explained."""
    table = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs" / "development.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [name for cell in table for name in re.findall(r"`(\w+)`", cell)]
    there = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert named[: len(ORDER)] == ORDER
    assert there == {*named, "probes"} & {path.name for path in SOURCES.iterdir()}


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_from_those_above_it(package: str) -> None:
    """What is read of a notebook does not depend on how its analysis works, and so on."""
    below = ORDER[ORDER.index(package) + 1 :]
    found = [
        f"{path.name}: {name}"
        for path in (SOURCES / package).glob("*.py")
        for name in re.findall(r"nb2stage\.(\w+)", path.read_text(encoding="utf-8"))
        if name in below
    ]
    assert found == []
