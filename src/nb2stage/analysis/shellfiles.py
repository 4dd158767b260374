"""A shell command -> the files that it reads and writes, as far as its words say so."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from nb2stage.analysis.vocabulary import FileMode
from nb2stage.patterns import Pattern


class ShellFiles(NamedTuple):
    """The uses of files, as (mode, path); words that may be files; and whether that is all that the command does."""

    uses: list[tuple[FileMode, str]]
    words: list[str]
    complete: bool


_OPERATORS: Final = frozenset({"|", "||", "&&", ";", "&", "(", ")", "|&"})
_REDIRECTS: Final[dict[str, FileMode]] = {
    ">": "write",
    ">|": "write",
    "&>": "write",
    ">&": "write",
    ">>": "append",
    "&>>": "append",
    "<": "read",
}
# Programs whose arguments are no files; that list folders; that read all their arguments, or all but the first.
_SILENT: Final = frozenset(
    """echo printf true false date pwd whoami sleep export set env seq which nvidia-smi uname hostname free df lscpu
    nproc""".split()  # noqa: SIM905
)
_LISTING: Final = frozenset({"ls", "du", "find", "tree"})
_READING: Final = frozenset(
    "cat head tail wc sort cut nl md5sum sha1sum sha256sum file less more od xxd tac rev strings diff cmp zcat".split()  # noqa: SIM905
)
_FILTERS: Final = frozenset({"grep", "egrep", "fgrep", "sed", "awk", "jq"})
# Options with which a program does something else: it writes a file, reads its pattern from one, runs a program.
_ODD: Final = {
    "sort": Pattern(r"-o|--output"),
    "sed": Pattern(r"-\w*[ief]|--in-place|--expression|--file"),
    "awk": Pattern(r"-[fiv]|--"),
    "find": Pattern(r"-exec|-delete|-fprint|-ok"),
    **dict.fromkeys(("grep", "egrep", "fgrep"), Pattern(r"-\w*[efrR]|--file|--regexp|--recursive")),
    "jq": Pattern(r"-f|--from-file|--arg"),
}
_UNKNOWN: Final = Pattern(r"[$`{}]|^~")
_PATTERN: Final = Pattern(r"[*?\[]")


def files_of(command: str) -> ShellFiles:
    """What a command line reads and writes."""
    found = ShellFiles([], [], True)
    complete = True
    for line in command.replace("\\\n", " ").split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            lexer.commenters = ""
            tokens = list(lexer)
        except ValueError:
            return ShellFiles(found.uses, found.words, False)
        if "<<" in tokens:  # what follows is text
            complete = _segments(tokens[: tokens.index("<<")], found) and complete
            complete = _segments(["cat", *tokens[tokens.index("<<") + 2 :]], found) and complete
            break
        complete = _segments(tokens, found) and complete
    return ShellFiles(found.uses, found.words, complete)


def files_of_words(words: Sequence[str]) -> ShellFiles:
    """What a program reads and writes that is started without a shell."""
    found = ShellFiles([], [], True)
    return ShellFiles(found.uses, found.words, _program(list(words), found))


def _segments(tokens: list[str], found: ShellFiles) -> bool:
    """The simple commands of a line."""
    complete = True
    words: list[str] = []
    rest = iter([*tokens, ";"])
    for token in rest:
        if token in _OPERATORS:
            complete = _program(words, found) and complete
            words = []
        elif token in _REDIRECTS:
            target = next(rest, ";")
            if words and words[-1] in ("1", "2"):
                words.pop()
            if target in _OPERATORS or _UNKNOWN.search(target):
                complete = False
            elif not target.startswith("/dev/") and not (token == ">&" and target.isdigit()):
                found.uses.append((_REDIRECTS[token], target))
        else:
            words.append(token)
    return complete


def _program(words: list[str], found: ShellFiles) -> bool:
    """What one program does with its arguments; whether that is all."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if not words:
        return True
    name, *given = words
    name = posixpath.basename(name)
    options = [word for word in given if word.startswith("-") and len(word) > 1]
    plain = [word for word in given if not word.startswith("-") and not (word.isdigit() and options)]
    if name in _SILENT:
        return True
    if name in _FILTERS:
        program, plain = (plain[:1] or [""])[0], plain[1:]
        if ">" in program and name == "awk":
            return False
    if any(_UNKNOWN.search(word) for word in plain):
        found.words.extend(word for word in plain if not _UNKNOWN.search(word))
        return False
    uses = None if any(_ODD[name].match(option) for option in options if name in _ODD) else _known(name, options, plain)
    if uses is None:
        found.words.extend(plain)
        return False
    found.uses.extend(uses)
    return True


def _known(name: str, options: list[str], plain: list[str]) -> list[tuple[FileMode, str]] | None:
    """The uses of files by a program that is known; None where it is not."""
    if name in _LISTING:
        return [("glob", path) for path in (plain[:1] if name == "find" else plain) or ["."]]
    if name in _READING or name in _FILTERS or (name == "uniq" and len(plain) < 2):
        return [("glob" if _PATTERN.search(path) else "read", path) for path in plain]
    if any(map(_PATTERN.search, plain)):
        return None
    if name == "mkdir":
        return [("mkdir", path) for path in plain]
    if name == "touch" and not options:
        return [("append", path) for path in plain]
    if name == "tee":
        return [("append" if "-a" in options else "write", path) for path in plain]
    if name == "rm" and all(option == "-f" for option in options):
        return [("remove", path) for path in plain]
    if name in ("cp", "mv") and len(plain) == 2 and all(option in ("-f", "-v", "-p") for option in options):
        source, target = plain
        into = target.endswith("/") or not posixpath.splitext(target)[1]
        written = posixpath.join(target, posixpath.basename(source)) if into else target
        # Where the target has no suffix, it may be a folder that is there or a file of that name.
        known = target.endswith("/") or not into
        return [("read" if name == "cp" else "remove", source), ("write", written)] if known else None
    return None
