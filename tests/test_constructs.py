"""Constructs that notebooks use, as whole small notebooks: the pipeline gives what the notebook gives, or is refused.

Each row of `constructs/*.test`, whose language `rows` explains, is run as `trials` says.
`python tests/test_constructs.py [--real] [-v] [WORD ...]` runs rows by hand, by their names or topics; `--real` starts
fresh interpreters.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

from rows import Row, constructs
from trials import Pool, main

ROWS: Final = constructs()
KNOWN_FAILING: Final[frozenset[str]] = frozenset()

try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture(scope="session")
    def pool(request: pytest.FixtureRequest) -> Pool:
        """All collected rows, being tried in the background."""
        tests = [item for item in request.session.items if getattr(item, "originalname", "") == "test_construct"]
        return Pool(__file__, [item.callspec.params["row"] for item in tests])

    def _cases() -> list[Any]:
        failing = [pytest.mark.xfail(strict=True)]
        return [pytest.param(row, id=row.name, marks=failing if row.name in KNOWN_FAILING else []) for row in ROWS]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
    @pytest.mark.parametrize("row", _cases())
    def test_construct(row: Row, pool: Pool) -> None:
        """The pipeline gives what the notebook gives, or the refusal that is due."""
        outcome = pool.outcome(row.name)
        wrong = outcome.verdict(row)
        assert not wrong, f"{wrong}\n{outcome.detail}\n\n{row.text}"

    def test_table() -> None:
        """Names are unique, and what is known to fail is a row."""
        counts = Counter(row.name for row in ROWS)
        assert not [name for name, n in counts.items() if n > 1]
        assert counts.keys() >= KNOWN_FAILING


if __name__ == "__main__":
    sys.exit(main(__file__, ROWS, sys.argv[1:]))
