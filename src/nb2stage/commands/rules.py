"""`nb2stage rules`: what the codes of the messages stand for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from nb2stage.console.streams import FINE, USAGE
from nb2stage.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nb2stage.console.streams import Console


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "rules",
        formatter_class=formatter,
        help="what the codes of the messages stand for: `nb2stage rules NB201`",
    )
    parser.set_defaults(run=run)
    parser.add_argument("codes", nargs="*", metavar="CODE", help="all rules when there is none")
    parser.add_argument("--markdown", action="store_true", help="print the page that documents all rules")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print what the codes stand for: all in a line each, some with the reason and the remedy."""
    from nb2stage.console.rulepage import page, text

    codes: Sequence[str] = options.codes
    if options.markdown:
        console.out(page().removesuffix("\n"))
        return FINE
    wanted = [code.upper() for code in codes] or sorted(RULES)
    for code in wanted:
        if code not in RULES:
            console.err(f"nb2stage: there is no rule `{code}`; `nb2stage rules` lists all")
            return USAGE
    console.out("\n".join(text(code) if codes else f"{code}  {RULES[code].title}" for code in wanted))
    return FINE
