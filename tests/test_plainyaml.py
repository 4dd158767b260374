"""The reader of plain YAML reads what it reads as ruamel.yaml does, to the place of each node, and leaves the rest."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from nb2stage.texts.plainyaml import NotPlainError, plain_nodes, value_of

TEXTS: Final = {
    "a pipeline": """\
stages:
  import:
    cmd: python data_processing/import.py
    deps:
    - data_processing/import.py
    outs:
    - cache/import/df.pkl
  train:
    cmd: python train.py \\${x} ${y}
    params:
    - train.rate
    - other.yaml:
      - depth
    metrics:
    - metrics.json:
        cache: false
    plots:
    - plots/loss.csv:
        x: epoch
        y: loss
        cache: false
""",
    "comments, other indents, blank lines": """\
# what we do
stages:

    one:   # first
      # the command
      cmd: python a.py # runs
      deps:
        - a.py   # itself

        - "b c.py"
      # the end
    'two':
      cmd: 'it''s'
      desc: a#b c
# behind all
""",
    "parameters": """\
seed: 42  # of all
rate: 0.001
tiny: 1.0e-05
name: forest
none: null
yes_no: true
say: yes
text: 'yes'
path: ../data/a.csv
layers: [64, 32]
grid: {depth: [1, 2], rate: 0.1, kind: 'a, b'}
empty: []
nothing: {}
train:
  depth: -3
  more:
    deep: "a: b"
""",
    "a lock": """\
schema: '2.0'
stages:
  one:
    cmd: python a.py
    deps:
    - path: a.py
      hash: md5
      md5: d41d8cd98f00b204e9800998ecf8427e
      size: 0
    outs:
    - path: cache/one
      hash: md5
      md5: 0cc175b9c0f1b6a831c399e269772661.dir
      size: 1
      nfiles: 1
""",
    "no line end": "a: 1\nb:\n- c",
    "nothing but a comment": "# later\n\n",
    "a list": "- a\n- b: 1\n  c: 2\n- [d]\n",
}

# More than plain, or not YAML: each is left to the reader that knows all of it.
OTHERS: Final = {
    "anchor": "a: &x 1\nb: *x\n",
    "merge": "a:\n  <<: 1\n",
    "literal": "a: |\n  text\n",
    "two lines": "a: one\n  two\n",
    "empty value": "a:\nb: 1\n",
    "tag": "a: !x 1\n",
    "document": "---\na: 1\n",
    "date": "a: 2024-01-01\n",
    "sexagesimal": "a: 12:30\n",
    "octal": "a: 010\n",
    "exponent": "a: 1e5\n",
    "infinity": "a: .inf\n",
    "twice": "a: 1\na: 2\n",
    "tab": "a:\t1\n",
    "Windows": "a: 1\r\n",
    "escape": 'a: "\\x41"\n',
    "complex key": "? a\n: 1\n",
    "open": "a: [1,\n  2]\n",
    "unclosed": "a: 'b\n",
    "indented root": "  a: 1\n",
    "deeper": "a: 1\n  b: 2\n",
    "scalar": "text\n",
    "conflict": "<<<<<<< one\na: 1\n=======\n",
}


def described(node: Any) -> Any:
    """All that nb2stage asks of a node."""
    if node is None:
        return None
    marks = [(mark.index, mark.line, mark.column) for mark in (node.start_mark, node.end_mark)]
    value = node.value
    if isinstance(value, list):
        value = [tuple(map(described, item)) if isinstance(item, tuple) else described(item) for item in value]
    return str(node.tag), value, marks, getattr(node, "flow_style", None), getattr(node, "style", None)


def check(text: str) -> bool:
    """Whether a text is plain; if so, it is read as it should be."""
    try:
        root = plain_nodes(text)
    except NotPlainError:
        return False
    reader = YAML(typ="safe", pure=True)
    assert described(root) == described(reader.compose(text)), text
    assert repr(value_of(root)) == repr(reader.load(text)), text
    return True


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_plain(name: str) -> None:
    assert check(TEXTS[name])


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not(name: str) -> None:
    assert not check(OTHERS[name])


@pytest.mark.parametrize("seed", range(8))
def test_whatever_somebody_makes_of_it(seed: int) -> None:
    """Most changes of a character or a line leave something that only the full reader may read, or nobody."""
    rng = random.Random(seed)
    plain = sum(check(changed(rng.choice([*TEXTS.values()]), rng)) for _ in range(400))
    assert plain > 50


PIECES: Final = [*" \n#:-'\"[]{},&*!|>%@`?.~<=\\\t\r", *"aye01_é\u00a0\u2028", "- ", ": ", " #", "\n  ", "1.5", "1e3"]
PIECES_OF_LINES: Final = ["  ", "- ", "a: ", "# x", "'a': b", "x:", "[1, {a: b}]", "no", "..."]


def changed(text: str, rng: random.Random) -> str:
    """The text after a few random edits."""
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        number, at = rng.randrange(len(lines)), rng.randrange(len(text) + 1)
        line = lines[number]
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at] + rng.choice(PIECES) + text[at:]
            continue
        if kind == 1:
            text = text[:at] + text[at + rng.randint(1, 3) :]
            continue
        lines[number : number + 1] = {
            2: [line, line],
            3: [" " * rng.randint(0, 6) + line.lstrip()],
            4: [line, " " * rng.randint(0, 6) + rng.choice(PIECES_OF_LINES)],
            5: [],
        }[kind]
        text = "\n".join(lines)
    return text
