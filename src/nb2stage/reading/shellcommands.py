"""`!command {x} $y` -> `subprocess.run(...)`, and the packages that a command installs."""

from __future__ import annotations

import ast
import builtins
import posixpath
import re
import shlex
import warnings
from typing import Any, Final

from nb2stage.diagnostics import Severity
from nb2stage.reading.ipythonparts import ipython_part
from nb2stage.reading.magictable import words_of
from nb2stage.reading.translation import RefusedError, Work
from nb2stage.trees import walk

# -- texts with {x} and $x in them


def quoted(text: str, quote: str = '"') -> str:
    """A text between quotes, double ones by preference."""
    if quote == '"' and '"' in text and "'" not in text:
        quote = "'"
    return quote + _escaped(text, quote) + quote


def _escaped(text: str, quote: str) -> str:
    """The inside of a text between quotes."""
    literal = repr(text)
    inner = literal[1:-1].replace("\\'", "'") if literal[0] == "'" else literal[1:-1]
    return inner.replace(quote, f"\\{quote}")


# Environment variables that nobody binds in Python.
_ENVIRONMENT: Final = r"HOME|PATH|USER|LOGNAME|PWD|OLDPWD|SHELL|LANG|TERM|TMPDIR|TEMP|HOSTNAME|CONDA_\w+|LC_\w+"


def parts_of(work: Work, text: str) -> list[str | tuple[str, str | None]]:
    """The text cut into plain pieces and (expression, conversion) pairs, as IPython's formatter cuts it.

    IPython leaves the *whole* text alone when one of its fields cannot be evaluated: `awk '{print $1}'`.
    """
    formatter: Any = ipython_part("IPython.utils.text").DollarFormatter()
    parts: list[str | tuple[str, str | None]] = []
    try:
        for literal, name, spec, conversion in formatter.parse(text):
            if literal:
                parts.append(literal)
            if name is not None:
                expression = (f"{name}:{spec}" if spec else name).strip()
                if not _evaluates(work, expression) or conversion not in (None, "", "r", "s", "a"):
                    return [text]
                parts.append((expression, conversion or None))
    except (ValueError, IndexError):
        return [text]
    return parts or [""]


def _evaluates(work: Work, expression: str) -> bool:
    """Whether IPython could evaluate a field, as far as can be told without running anything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    inner = {n.id for n in walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner |= {n.arg for n in walk(tree) if isinstance(n, ast.arg)}
    names = {n.id for n in walk(tree) if isinstance(n, ast.Name)} - inner
    if work.names is None:
        return not any(re.fullmatch(_ENVIRONMENT, name) for name in names)
    return all(name in work.names.bound or hasattr(builtins, name) for name in names)


def text_of(work: Work, text: str) -> str:
    """The Python expression of a text with IPython's `{x}` and `$x` in it."""
    parts = parts_of(work, text)
    if all(isinstance(part, str) for part in parts):
        return quoted("".join(part for part in parts if isinstance(part, str)))
    expressions = [part[0] for part in parts if not isinstance(part, str)]
    for quote in ('"', "'"):
        if not any(re.search(rf"[{{}}\\#!\n]|lambda|{quote}", e) for e in expressions):
            pieces = (
                _escaped(p, quote).replace("{", "{{").replace("}", "}}")
                if isinstance(p, str)
                else "{" + p[0] + (f"!{p[1]}" if p[1] else "") + "}"
                for p in parts
            )
            return f"f{quote}{''.join(pieces)}{quote}"
    functions = {"r": "repr", "s": "str", "a": "ascii", None: "format"}
    return " + ".join(quoted(p) if isinstance(p, str) else f"{functions[p[1]]}({p[0]})" for p in parts)


def literal_of(work: Work, text: str, what: str) -> str:
    """A text that must have no field in it."""
    parts = parts_of(work, text)
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    raise RefusedError(f"`{what}` with a variable in it", "write it in plain Python")


# -- shell commands

# What bash and zsh understand and a plain /bin/sh does not, or reads in another way.
NOT_POSIX: Final = (
    r"\[\[|<\(|>\(|<<<|&>|\|&|\$'|\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}|\*\*|\(\(|=\(|\$RANDOM|\becho\b.*(?:\\| -[neE])"
    r"|\b(?:source|pushd|popd|shopt|pipefail|function|declare|typeset|let|read|mapfile|time)\b"
)
_PIP_VALUES: Final = words_of(
    """-c --constraint -i --index-url -t --target --prefix --root --trusted-host
    --proxy --timeout --retries --cache-dir --upgrade-strategy --python --log --platform -n --name -p --channel
    --no-binary --only-binary --progress-bar --index"""
)
# Options that requirements.txt knows too; an index that replaces the usual one is a matter of the machine.
_PIP_LINES: Final = {
    "-r": "-r",
    "--requirement": "-r",
    "-e": "-e",
    "--editable": "-e",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--extra-index-url": "--extra-index-url",
}
_INERT: Final = words_of("list show check freeze help config cache info search debug index inspect --version -V")
_REMOVING: Final = frozenset(("uninstall", "remove", "update", "upgrade"))


def system(work: Work, command: str, assigned: bool) -> str | None:
    """`!command` as a call: a failing command does not raise, as in IPython."""
    if assigned:
        return capture(work, command)
    if not command.strip() or only_packages(work, command):
        return None
    return f"subprocess.run({shell_arguments(work, command)})"


def capture(work: Work, command: str) -> str:
    """`x = !command`: the lines of what it prints, errors among them.

    IPython's list of them has more than a list has (`x.n`, `x.grep("a")`), which matters only where that is used.
    """
    pipes = "text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT"
    lines = f"subprocess.run({shell_arguments(work, command)}, {pipes}).stdout.splitlines()"
    target = work.target.partition(":")[0].strip()
    unpacked = "," in target
    if unpacked or (work.names is not None and target.isidentifier() and target not in work.names.more):
        return lines
    work.need("SList")
    return f"SList({lines})"


def shell_arguments(work: Work, command: str) -> str:
    """The arguments of `subprocess.run` for a command; IPython takes the shell that SHELL names."""
    command = command.strip()
    if command.endswith("&"):
        hint = "start it with `subprocess.Popen(...)`, or delete the `&`"
        raise RefusedError(f"`!{command:.60}` runs in the background: IPython refuses it", hint, "NB303")
    work.need("subprocess")
    text = text_of(work, command)
    if not re.search(NOT_POSIX, command):
        return f"{text}, shell=True"
    work.need("os")
    return f'{text}, shell=True, executable=os.environ.get("SHELL")'


def only_packages(work: Work, command: str) -> bool:
    """Whether a command does nothing but install packages or show them; what it installs is noted down."""
    wanted: list[str] = []
    removes = elsewhere = False
    for segment in re.split(r"\s*(?:&&|;|\|\|)\s*", command.strip()):
        try:
            words = shlex.split(re.sub(r"\s(?:\d?>|&>|\|).*", "", segment))
        except ValueError:
            return False
        found = _package_command(words)
        if found is None:
            return False
        tool, action, args = found
        if action in _INERT and re.search(r"\s\d?>|\|", segment):
            return False
        removes = removes or action in _REMOVING
        if action == "install":
            packages = _requirements(args)
            known = [p for p in packages if not re.search(r"[{$]", p)] if tool == "pip" else []
            elsewhere = elsewhere or known != packages
            wanted += known
    work.requirements += wanted
    shown = f"{command.strip():.60}"
    if elsewhere:
        hint = "list it yourself where your project lists its packages"
        work.report("NB308", f"what `{shown}` installs cannot go to requirements.txt", hint, Severity.NOTE)
    if removes:
        work.report("NB304", f"`{shown}` was left out", "change the environment outside the pipeline", Severity.WARNING)
    return True


def _package_command(words: list[str]) -> tuple[str, str, list[str]] | None:
    """(`pip` or `conda`, action, arguments) of pip, conda and their like."""
    if words[:1] == ["sudo"]:
        words = words[1:]
    python = words and re.fullmatch(r"\{sys\.executable\}|\$sys\.executable|(.*/)?(python|py)[\d.]*(\.exe)?", words[0])
    if python and words[1:2] == ["-m"]:
        words = words[2:]
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    if not words or not re.fullmatch(r"(.*/)?(pip[\d.]*|conda|mamba|micromamba)", words[0]):
        return None
    action = next((i for i, word in enumerate(words[1:], start=1) if not word.startswith("-") or word in _INERT), None)
    if action is None:
        return None
    tool = "pip" if posixpath.basename(words[0]).startswith("pip") else "conda"
    known = words[action] == "install" or words[action] in _INERT or words[action] in _REMOVING
    return (tool, words[action], words[action + 1 :]) if known else None


def _requirements(args: list[str]) -> list[str]:
    """The packages among the arguments of an install command."""
    found: list[str] = []
    rest = iter(args)
    for word in rest:
        option, given, value = word.partition("=")
        if option in _PIP_LINES:
            found.append(f"{_PIP_LINES[option]} {value if given else next(rest, '')}".strip())
        elif word in _PIP_VALUES:
            next(rest, None)
        elif word == "#":
            break
        elif not word.startswith("-"):
            found.append(word)
    return found
