"""Cases from files, `cases/*.txt`: notebooks on which nb2stage went wrong, stopped, or refused needlessly, and their like.

`=== name | same` starts a case; `either` instead says that a refusal will do too, `refuse: words` that it is due, with
these words in it.  What follows up to the first cell is commentary; `# right: JSON` there gives what results.json must
hold.  `%% tag tag` starts a cell with these tags, `%%` one without; the last one writes results.json.  `--- file PATH`
gives a file that lies beside the notebook.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Final

from rows import EITHER, SAME, Row

FOLDER: Final = Path(__file__).parent / "cases"
# What the ordinary tests install.  Cases that import anything else are a group of their own.
USUAL: Final = {
    *sys.stdlib_module_names,
    *("IPython", "PIL", "cloudpickle", "joblib", "matplotlib", "mpl_toolkits", "numpy", "pandas", "patsy", "scipy"),
    *("seaborn", "sklearn", "statsmodels", "tqdm", "yaml"),
}
_KINDS: Final = (
    "import|clean|preprocess|features|split|train|evaluate|report|parameters|setup|metrics|plots|skip|explore|hpo"
)
_CELL: Final = re.compile(rf"%%(?: ?(?:stage:\S+|{_KINDS}))*\s*")


def read(path: Path) -> list[Row]:
    """The cases of one file."""
    parts = re.split(r"^=== ", path.read_text(), flags=re.MULTILINE)[1:]
    return [_case(part, path.stem) for part in parts]


def _case(text: str, group: str) -> Row:
    head, _, body = text.partition("\n")
    name, _, wanted = (part.strip() for part in head.partition("|"))
    said = wanted.removeprefix("refuse:").strip() if wanted.startswith("refuse") else ""
    if not said and wanted not in (SAME, EITHER):
        raise ValueError(head)
    code = re.match(r"NB\d{3}", said)
    row = Row(name, body.strip(), code[0] if code else "NB" if said else wanted, sealed=True, said=said, group=group)
    lines: list[str] = []
    parts: list[tuple[str, list[str]]] = [("", lines)]
    for line in body.split("\n"):
        if _CELL.fullmatch(line) or line.startswith("--- file "):
            lines = []
            parts.append((line, lines))
        else:
            lines.append(line)
    for opening, content in parts:
        source = "\n".join(content)
        if opening.startswith("--- file "):
            row.files[opening.removeprefix("--- file ").strip()] = source.strip("\n") + "\n"
        elif opening:
            row.cells.append((opening[2:].split(), source.strip("\n")))
        elif found := re.search(r"^# right: (.+)", source, re.MULTILINE):
            row.right = json.loads(found[1])
    row.imports = tuple(sorted(_libraries(row)))
    return row


def _libraries(row: Row) -> set[str]:
    """The modules that a case imports and that are neither usual nor its own."""
    own = {Path(part).stem for path in row.files for part in Path(path).parts}
    sources = [source for _, source in row.cells] + [text for path, text in row.files.items() if path.endswith(".py")]
    own |= {Path(found).stem for source in sources for found in re.findall(r"^%%writefile (\S+)", source, re.MULTILINE)}
    names = {name for source in sources for name in _imported(source)}
    return {name for name in names if name.partition(".")[0] not in USUAL | own}


def _imported(source: str) -> set[str]:
    found = set(re.findall(r"^%load_ext (\w+)", source, re.MULTILINE))
    python = "\n".join(line for line in source.split("\n") if not re.match(r"[%!;]|\w+ = !", line))
    try:
        tree = ast.parse(python)
    except SyntaxError:  # a module that is broken on purpose
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def missing(row: Row) -> list[str]:
    """The libraries of a case that are not installed."""
    return sorted({root for name in row.imports if not importlib.util.find_spec(root := name.partition(".")[0])})
