"""A cell under `%%name` -> the call around its text, its own Python, or nothing."""

from __future__ import annotations

import re
import shlex
from functools import partial
from typing import TYPE_CHECKING, Final

from nb2stage.reading.linemagics import unknown_magic, warn_timed, without_options
from nb2stage.reading.magictable import CELL_MAGICS, LINE_MAGICS, Verdict, words_of
from nb2stage.reading.shellcommands import NOT_POSIX, literal_of, parts_of, quoted, text_of
from nb2stage.reading.translation import RefusedError, Work, Wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


def cell_outcome(work: Work, name: str, args: str, body: str) -> Wrapped | str | bool:
    """What becomes of a cell under `%%name args`: a text in a call, a block below a header, its Python, or nothing."""
    magic = CELL_MAGICS.get(name)
    if magic is None:
        if name in LINE_MAGICS:
            raise RefusedError(f"`%%{name}` is a magic for one line", f"write `%{name}`", "NB306")
        raise unknown_magic(f"%%{name}")
    if magic.verdict is Verdict.REFUSED:
        raise RefusedError(f"`%%{name}` has no faithful form in a script", magic.hint)
    if name not in TRANSLATORS:
        return False
    outcome = TRANSLATORS[name](work, args)
    if isinstance(outcome, Wrapped) and not body:
        raise RefusedError(f"`%%{name}` has no body: IPython refuses it", "delete the cell", "NB306")
    return outcome


# -- the magics: (work, arguments) -> the call around the body, a header for it, True for Python, False for nothing


def _body(work: Work, args: str, *, name: str) -> bool:
    """`%%time`: the body itself."""
    if without_options(args, name):
        hint = f"write `%%{name}` alone, or delete the line"
        raise RefusedError(f"`%%{name} {args:.40}` does more than run the cell", hint)
    return True


def _capture_cell(work: Work, args: str) -> str | bool:
    """`%%capture out`: nothing where nobody reads `out`."""
    words = args.split()
    names = [word for word in words if not word.startswith("-")]
    options = {word.removeprefix("--no-") for word in words if word.startswith("--no-")}
    if len(names) > 1 or len(names) + len(options) < len(words) or options - {"stdout", "stderr", "display"}:
        raise RefusedError(f"`%%capture {args:.40}` has an option that IPython refuses", "correct the line", "NB306")
    if not names or (work.names is not None and names[0] not in work.names.read):
        return True
    if work.names is not None and f"{names[0]}.outputs" in work.names.read:
        hint = "keep the values themselves in a variable"
        raise RefusedError(f"`{names[0]}.outputs` holds what a notebook displays: a script displays nothing", hint)
    switches = ", ".join(f"{option}=False" for option in ("stdout", "stderr", "display") if option in options)
    return f"with capture_output({switches}) as {names[0]}:"


def _timeit_cell(work: Work, args: str) -> bool:
    if re.match(r"(?:-\w+\s*\d*\s+)*-\w*[ov]", args):
        raise RefusedError("the value of `%%timeit` is another one at each run", "delete the option, or the cell")
    warn_timed(work, "\n".join(work.lines[work.line :]), "%%timeit")
    return False


def _script(work: Work, args: str, *, program: str | None = None) -> Wrapped | bool:
    """`%%bash`: the program reads the body from its standard input, and a failure raises."""
    command = f"{program or ''} {args}".strip()
    try:
        words = shlex.split(command)
    except ValueError:
        raise RefusedError(f"`%%script {command:.40}` has an open quote", "close the quote") from None
    if program is None and not words:
        hint = "write `%%bash` or `%%script program`"
        raise RefusedError("`%%script` names no program: IPython refuses it", hint, "NB306")
    if words[0] in ("false", "true", ":", "echo") and program is None:
        # `%%script echo skipping` is how people switch a cell off.
        if words[0] == "false" and "--no-raise-error" not in words:
            hint = "tag the cell `skip`, or write `%%script false --no-raise-error`"
            raise RefusedError("`%%script false` fails, and the notebook stops there", hint)
        return False
    for word in words[1:]:
        if re.match(r"--(o(ut?)?|e(rr?)?|b(g)?|p(r(oc?)?)?)(=|$)", word):
            hint = "write `subprocess.run(..., capture_output=True)` where its output is needed"
            raise RefusedError(f"`%%{program or 'script'} {word}` binds a variable or runs in the background", hint)
    check = "--no-raise-error" not in words
    words = [word for word in words if word != "--no-raise-error"]
    work.need("subprocess")
    if len(parts_of(work, args)) > 1 or not isinstance(parts_of(work, args)[0], str):
        work.need("shlex")
        argv = f"[{quoted(words[0])}, *shlex.split({text_of(work, args.replace('--no-raise-error', '').strip())})]"
    else:
        argv = "[" + ", ".join(map(quoted, words)) + "]"
    plain = "\n".join(work.lines).isascii()
    encoding = "text=True" if plain else 'encoding="utf-8"'
    return Wrapped(f"subprocess.run({argv}, input=", f", {encoding}{', check=True' if check else ''})")


def _shell_cell(work: Work, args: str) -> Wrapped:
    """`%%sx`: the body as one command of the shell."""
    body = "\n".join(work.lines[work.line :])
    if args:
        raise RefusedError(f"`%%sx {args:.40}` binds a variable", "write `name = !command`")
    literal_of(work, body, "%%sx")
    work.need("subprocess")
    if re.search(NOT_POSIX, body):
        work.need("os")
        return Wrapped("subprocess.run(", ', shell=True, executable=os.environ.get("SHELL"))')
    return Wrapped("subprocess.run(", ", shell=True)")


def _writefile(work: Work, args: str) -> Wrapped:
    """`%%writefile f.py`: the body, byte for byte, with its last line end."""
    append = bool(re.search(r"(^|\s)(-a|--append)(\s|$)", args))
    name = re.sub(r"(^|\s)(-a|--append)(?=\s|$)", " ", args).strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    elif not name or re.search(r"\s", name) or name.startswith("-"):
        raise RefusedError(f"`%%writefile {args:.40}` does not name one file", "write `%%writefile file.py`", "NB306")
    work.need("Path")
    path = f"Path({text_of(work, name)})" + (".expanduser()" if name.startswith("~") else "")
    if append:
        return Wrapped(f'{path}.open("a", encoding="utf-8").write(', ")", exact=True)
    return Wrapped(f"{path}.write_text(", ', encoding="utf-8")', exact=True)


TRANSLATORS: Final[dict[str, Callable[[Work, str], Wrapped | str | bool]]] = {
    **{name: partial(_body, name=name) for name in ("time", "prun")},
    **{name: partial(_script, program=name) for name in words_of("bash sh perl ruby python python2 python3 pypy")},
    **dict.fromkeys(("!", "sx", "system"), _shell_cell),
    **dict.fromkeys(("writefile", "file"), _writefile),
    "capture": _capture_cell,
    "timeit": _timeit_cell,
    "script": _script,
}
