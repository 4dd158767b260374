"""A command such as `%time x = f()` -> the Python that does the same in a script, None for nothing."""

from __future__ import annotations

import ast
import re
import shlex
from functools import partial
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Severity
from nb2stage.reading.magictable import CELL_MAGICS, EXTENSIONS, LINE_MAGICS, Verdict
from nb2stage.reading.shellcommands import (
    capture,
    literal_of,
    only_packages,
    parts_of,
    quoted,
    shell_arguments,
    system,
    text_of,
)
from nb2stage.reading.translation import LONE_SEMICOLON, RefusedError, Work, parse
from nb2stage.trees import walk

if TYPE_CHECKING:
    from collections.abc import Callable


def code_of(work: Work, command: str, assigned: bool) -> str | None:
    """The Python of one command, None for nothing."""
    if command.startswith("!!"):
        return capture(work, command[2:]) if assigned else system(work, command[2:], assigned)
    if command.startswith("!"):
        return system(work, command[1:], assigned)
    if command.startswith("?"):
        return None
    if LONE_SEMICOLON.fullmatch(command):
        return None
    if not command.startswith("%"):
        name = command[1:].split(" ")[0]
        hint = f"write the call out: `{name}(...)`" if name else "correct the line"
        raise RefusedError(f"`{command:.60}` is IPython's auto-call syntax", hint, "NB305")
    if command.startswith("%%"):
        name = command[2:].split(" ")[0]
        hint = f"move the line to the very top of the cell, above comments too, or write `%{name}`"
        raise RefusedError(f"`%%{name}` stands below other lines: IPython refuses it there", hint, "NB306")
    return _line_magic(work, command[1:].lstrip(), assigned)


def _line_magic(work: Work, command: str, assigned: bool) -> str | None:
    """The Python of a line magic, None for nothing."""
    name, _, args = command.partition(" ")
    magic = LINE_MAGICS.get(name)
    if magic is None:
        if name in CELL_MAGICS:
            raise RefusedError(f"`%{name}` is a magic for a whole cell", f"write `%%{name}` as the first line", "NB306")
        raise unknown_magic(f"%{name}")
    if magic.verdict is Verdict.REFUSED:
        raise RefusedError(f"`%{name}` has no faithful form in a script", magic.hint)
    translate = TRANSLATORS.get(name)
    return translate(work, args, assigned) if translate is not None else None


def unknown_magic(name: str) -> RefusedError:
    """The refusal of a magic that comes from somewhere else."""
    hint = "write in plain Python what it does, or put it into a cell tagged `skip`"
    return RefusedError(f"`{name}` is no magic of IPython's own: what it does is unknown", hint, "NB301")


# -- the magics: (work, arguments, assigned) -> Python, or None for nothing


def _pip(work: Work, args: str, assigned: bool, *, tool: str) -> str | None:
    if not only_packages(work, f"{tool} {args}"):
        hint = "run it in a terminal, or write it as a command: `!...`"
        raise RefusedError(f"`%{tool} {args:.40}` does more than install packages", hint)
    return None


def _alias(work: Work, args: str, assigned: bool, *, command: str) -> str | None:
    """IPython's shell aliases: `%mkdir out`.  Those that only show something are dropped."""
    shows = command in ("ls", "cat")
    if assigned or (shows and not re.search(r"[>|;&]", args)):
        return None
    if command == "ls":
        raise RefusedError("IPython's `%ls` adds options and colours of its own", f"write `!ls {args}`")
    return f"subprocess.run({shell_arguments(work, f'{command} {args}')})"


def without_options(args: str, name: str) -> str:
    """The arguments of `%prun` without the options that say how its report looks."""
    return re.sub(r"^\s*(-q(?!\S)\s*|-[sl]\s*\S+\s*)*", "", args).strip() if name == "prun" else args.strip()


def _statement(work: Work, args: str, assigned: bool, *, name: str) -> str | None:
    """`%time x = f()`: the statement itself, in the same namespace."""
    text = without_options(args, name)
    if re.match(r"--?[a-zA-Z]", text):
        raise RefusedError(f"`%{name}` with an option", f"delete `%{name}` and its options, and keep the statement")
    if not text:
        return None
    if text[0] in "%!":
        return code_of(work, text, assigned)
    try:
        body = parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"the statement of `%{name}` is not valid Python: {getattr(error, 'msg', error)}"
        raise RefusedError(message, f"delete `%{name}`, and correct the statement", "NB120") from None
    simple = len(body) == 1 and isinstance(body[0], ast.Expr)
    if assigned and (not simple or text.endswith(";") or name != "time"):
        raise RefusedError(
            f"the value of `%{name} {text:.40}` cannot be told", "write the assignment without the magic"
        )
    if assigned and "#" in text:
        return ast.unparse(body[0])
    if not simple:
        work.timed[work.line] = f"%{name}"
    return text


def _timeit(work: Work, args: str, assigned: bool) -> str | None:
    options = re.match(r"(?:-[a-zA-Z]\S*\s+(?:\d+\s+)?)*", f"{args.strip()} ")
    given = options[0] if options else ""
    if assigned or re.search(r"-\w*[ov]", given):
        hint = "measure with `time.perf_counter()` where the time itself is needed, or delete the line"
        raise RefusedError("the value of `%timeit` is another one at each run", hint)
    warn_timed(work, args.strip()[len(given) - 1 :] if given.strip() else args, "%timeit")
    return None


def warn_timed(work: Work, statement: str, name: str) -> None:
    """A statement that is timed is left out: say so where it might change something."""
    try:
        changes = any(map(_may_change, walk(parse(statement.strip()))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        changes = True
    if changes:
        hint = f"if the statement changes something that later cells use, write it without `{name}`"
        work.report("NB304", f"`{name}` was left out with its statement", hint, Severity.WARNING)


def _may_change(node: ast.AST) -> bool:
    """Whether a piece of code may change more than the value of a name."""
    stores = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    return stores or isinstance(node, ast.Call | ast.Await | ast.Import | ast.ImportFrom | ast.AugAssign)


def _env(work: Work, args: str, assigned: bool) -> str | None:
    text = args.strip()
    separator = "=" if "=" in text else " "
    name, given, value = text.partition(separator)
    name = literal_of(work, name.strip(), "%env")
    if not given:
        if not assigned:
            return None
        if not name:
            raise RefusedError("`%env` hides values that look secret", "write `dict(os.environ)`")
        work.need("os")
        return f"os.environ[{quoted(name)}]"
    if assigned:
        raise RefusedError("`%env` sets a variable and gives nothing", "write it without the assignment")
    if not name or re.search(r"\s", name):
        raise RefusedError(f"`%env {text:.40}` names no variable: IPython refuses it", "write `%env NAME=value`")
    work.need("os")
    parts = parts_of(work, value.strip())
    strip = ".strip()" if not (isinstance(parts[0], str) and isinstance(parts[-1], str)) else ""
    return f"os.environ[{quoted(name)}] = {text_of(work, value.strip())}{strip}"


def _cd(work: Work, args: str, assigned: bool) -> str | None:
    try:
        words = [w for w in shlex.split(args) if w != "-q"]
    except ValueError:
        words = []
    target = " ".join(words)
    if assigned or not target or target.startswith("-"):
        hint = 'write `os.chdir("folder")`, or better, paths from the folder of the notebook'
        raise RefusedError(f"`%cd {args:.40}` depends on the history of folders", hint)
    work.need("os")
    text = text_of(work, target)
    return f"os.chdir(os.path.expanduser({text}))" if target.startswith("~") else f"os.chdir({text})"


def _pwd(work: Work, args: str, assigned: bool) -> str | None:
    if not assigned:
        return None
    work.need("os")
    return "os.getcwd()"


def _sx(work: Work, args: str, assigned: bool) -> str | None:
    return system(work, args, assigned)


def _config(work: Work, args: str, assigned: bool) -> str | None:
    if re.match(r"\s*InlineBackend\.rc\b", args):
        raise RefusedError(
            "`%config InlineBackend.rc` sets matplotlib's rcParams", "write `plt.rcParams.update({...})`"
        )
    if re.match(r"\s*InlineBackend\.close_figures\s*=\s*(False|0)", args):
        hint = "delete the line, and draw each figure in one cell"
        raise RefusedError("`%config InlineBackend.close_figures` keeps figures open from cell to cell", hint)
    if re.match(r"\s*\w*InteractiveShell\.(autocall|ast_transformers|system_raise_on_error)\b", args):
        raise RefusedError(
            f"`%config {args:.50}` changes how cells run", "delete the line, and write the cells without it"
        )
    return None


def _load_ext(work: Work, args: str, assigned: bool) -> str | None:
    name = args.strip()
    if name == "cudf.pandas":
        raise RefusedError(
            "`%load_ext cudf.pandas` replaces pandas", "write `import cudf.pandas; cudf.pandas.install()`"
        )
    if name not in EXTENSIONS:
        hint = "check that the extension changes no data and no settings; write in plain Python what it does otherwise"
        message = f"the extension {name!r:.60} was left out: assumed that it only adds magics"
        work.report("NB307", message, hint, Severity.WARNING)
    return None


def _dotenv(work: Work, args: str, assigned: bool) -> str | None:
    """`%dotenv -o settings.env`, of python-dotenv: the file may lie in a folder above."""
    if assigned:
        return None
    try:
        words = [word for word in shlex.split(args) if word not in ("-v", "--verbose")]
    except ValueError:
        words = ["-"]
    override = ", override=True" if {"-o", "--override"} & set(words) else ""
    paths = [word for word in words if word not in ("-o", "--override")]
    if len(paths) > 1 or any(path.startswith("-") for path in paths):
        raise RefusedError(f"`%dotenv {args:.40}` cannot be told", "write `load_dotenv(...)`")
    work.need("dotenv")
    place = f"{quoted(paths[0])}, " if paths else ""
    return f"dotenv.load_dotenv(dotenv.find_dotenv({place}usecwd=True){override})"


def _precision(work: Work, args: str, assigned: bool) -> str | None:
    hint = 'write `np.set_printoptions(precision=...)` and `f"{x:.3f}"` where printed numbers go to a file'
    work.report("NB304", "`%precision` was left out: it changes how arrays are printed", hint, Severity.WARNING)
    return None


def _aimport(work: Work, args: str, assigned: bool) -> str | None:
    if assigned:
        return None
    modules = [m.strip() for m in args.split(",") if m.strip() and not m.strip().startswith("-")]
    if not all(re.fullmatch(r"[\w.]+|\w+ as \w+", module) for module in modules):
        raise RefusedError(f"`%aimport {args:.40}` cannot be told", "write `import` in its place")
    return f"import {', '.join(modules)}" if modules else None


def _pylab(work: Work, args: str, assigned: bool) -> str | None:
    """`%pylab inline`: the names of numpy and pyplot, and all that is in them."""
    if assigned:
        return None
    work.imports |= {
        "matplotlib": "import matplotlib",
        "plt": "import matplotlib.pyplot as plt",
        "numpy": "import numpy",
        "np": "import numpy as np",
        "figsize": "from IPython.core.pylabtools import figsize, getfigs",
        "pylab": "from matplotlib import mlab, pylab, pyplot",
    }
    return None if "--no-import-all" in args else "from pylab import *; from numpy import *"


def _writing(work: Work, args: str, assigned: bool, *, name: str) -> str | None:
    """Magics that show something, and write a file with an option."""
    if re.search(r"(^|\s)-\w*f", args):
        raise RefusedError(f"`%{name} -f` writes the history to a file", "delete the line")
    return None


def _autocall(work: Work, args: str, assigned: bool) -> str | None:
    if args.strip() != "0":
        raise RefusedError("`%autocall` makes a call of `f x`", "delete the line, and write the calls out")
    return None


def _gone(work: Work, args: str, assigned: bool, *, name: str) -> str | None:
    """`%debug` without a statement waits for the user; with one it runs the statement."""
    if args.strip():
        hint = "delete the magic, keep the statement"
        raise RefusedError(f"`%{name} {args:.40}` runs its statement in the debugger", hint)
    return None


TRANSLATORS: Final[dict[str, Callable[[Work, str, bool], str | None]]] = {
    **{name: partial(_alias, command=name) for name in ("cat", "cp", "mkdir", "mv", "rm", "rmdir")},
    **{name: partial(_alias, command="ls") for name in ("ls", "ldir", "lf", "lk", "ll", "lx")},
    **{name: partial(_pip, tool=name) for name in ("pip", "conda", "mamba", "micromamba", "uv")},
    **{name: partial(_statement, name=name) for name in ("time", "prun")},
    **{name: partial(_writing, name=name) for name in ("hist", "history")},
    "timeit": _timeit,
    "debug": partial(_gone, name="debug"),
    "cd": _cd,
    "pwd": _pwd,
    "env": _env,
    "set_env": _env,
    "sx": _sx,
    "system": _sx,
    "aimport": _aimport,
    "autocall": _autocall,
    "config": _config,
    "load_ext": _load_ext,
    "reload_ext": _load_ext,
    "precision": _precision,
    "dotenv": _dotenv,
    "pylab": _pylab,
}
