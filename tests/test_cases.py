"""The cases of `cases/*.txt`: the pipeline gives what the notebook gives, or convert refuses and says what to do.

Each is run as `trials` says.  Those that need other libraries than the tests do are run by `pytest -m libraries`.
`python tests/test_cases.py [-v] [--keep DIR] [WORD ...]` runs the cases, or files, whose names contain a word.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parent))

from case_files import FOLDER, missing, read
from trials import Pool, main

if TYPE_CHECKING:
    from rows import Row

ROWS: Final = [row for path in sorted(FOLDER.glob("*.txt")) for row in read(path)]
_KNOWN: Final = (FOLDER / "known_failing").read_text().splitlines()  # a name, and behind a `#` why
KNOWN_FAILING: Final = {name for line in _KNOWN if (name := line.partition("#")[0].strip())}

try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture(scope="session")
    def cases(request: pytest.FixtureRequest) -> Pool:
        """All collected cases, being tried in the background."""
        tests = [item for item in request.session.items if getattr(item, "originalname", "") == "test_case"]
        rows = [item.callspec.params["row"] for item in tests]
        return Pool(__file__, [row for row in rows if not missing(row)])

    def _cases() -> list[Any]:
        found = []
        for row in ROWS:
            marks = [pytest.mark.xfail(strict=True)] if row.name in KNOWN_FAILING else []
            marks += [pytest.mark.libraries] if row.imports else []
            found.append(pytest.param(row, id=row.name, marks=marks))
        return found

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
    @pytest.mark.parametrize("row", _cases())
    def test_case(row: Row, cases: Pool) -> None:
        """The pipeline gives what the notebook gives, or a refusal that leads on where one will do."""
        if absent := missing(row):
            pytest.skip(f"{', '.join(absent)} not installed")
        outcome = cases.outcome(row.name)
        wrong = outcome.verdict(row)
        assert not wrong, f"{wrong}\n{outcome.detail}\n\n{row.text}"

    def test_names() -> None:
        """They are unique, and what is known to fail is a case."""
        counts = Counter(row.name for row in ROWS)
        assert not [name for name, n in counts.items() if n > 1]
        assert counts.keys() >= KNOWN_FAILING


def by_hand(arguments: list[str]) -> int:
    """Those whose libraries are missing are left out."""
    present = [row for row in ROWS if not missing(row)]
    if left_out := len(ROWS) - len(present):
        sys.stderr.write(f"{left_out} cases need libraries that are not installed\n")
    return main(__file__, present, arguments)


if __name__ == "__main__":
    sys.exit(by_hand(sys.argv[1:]))
