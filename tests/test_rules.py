"""Every rule is explained, and the page that documents them is current."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from nb2stage.cli import main
from nb2stage.console.rulepage import page
from nb2stage.project.configuration import CHECK_CODES
from nb2stage.rules import FIXABLE, GROUPS, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted((ROOT / "src").rglob("*.py"))


def test_the_page_is_current() -> None:
    committed = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert committed == page(), "run `nb2stage rules --markdown > docs/rules.md`"


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--markdown"]) == 0
    assert capsys.readouterr().out == page()


def test_each_rule_has_a_group() -> None:
    assert {code[:3] for code in RULES} == set(GROUPS)
    assert set(CHECK_CODES) | set(FIXABLE) <= set(RULES)


@pytest.mark.parametrize("code", sorted(RULES))
def test_an_explanation_is_made_of_sentences(code: str) -> None:
    rule = RULES[code]
    for text in (rule.why, rule.mend):
        assert text[:1].isupper() or text[:1] == "`"
        assert text.rstrip().endswith(".")


def codes_in_sources() -> Iterator[str]:
    """The codes that some module other than the tables gives."""
    for path in SOURCES:
        if path.name not in ("rules.py", "diagnostics.py"):
            text = path.read_text(encoding="utf-8")
            yield from re.findall(r"NB\d{3}", re.sub(r"^CHECK_CODES.*?^\)", "", text, flags=re.MULTILINE | re.DOTALL))


def test_each_rule_is_found_by_some_code() -> None:
    assert set(RULES) - set(codes_in_sources()) == set()


def test_one_rule_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "nb710"]) == 0
    out = capsys.readouterr().out
    assert RULES["NB710"].title in out
    assert RULES["NB710"].why in out
    assert RULES["NB710"].mend in out
