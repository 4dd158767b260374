"""Rules over dvc.yaml and the scripts of its stages."""

from __future__ import annotations

import ast
import posixpath
import shlex
from collections.abc import Iterator
from typing import Any, Final

from nb2stage.checks.code import HOME_HINT, Code, absolute_path, check_code, run_notebooks
from nb2stage.checks.project import Finding, Fix, Snapshot, Stage, child, line_of
from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.writer import read_text
from nb2stage.patterns import Pattern
from nb2stage.texts.yamltext import content_end, insertion, line_end, read_yaml, scalar_text, splice, yaml_nodes

_SCRIPTS: Final = (".py", ".sh", ".bash", ".R", ".r", ".jl", ".pl", ".js", ".m", ".sql")
_SEPARATORS: Final = frozenset({"&&", "||", ";", "|", "&"})
# Programs that take another command, or a script, as their argument.
_WRAPPERS: Final = (
    *("time", "env", "nohup", "exec", "sudo", "nice", "uv", "poetry", "pipenv", "conda", "run"),
    *("if", "then", "elif", "else", "do", "while", "until", "!", "{"),
)
_INTERPRETERS: Final = Pattern(r"^(?:python[\d.]*|pypy[\d.]*|bash|sh|zsh|Rscript|julia|perl|node|accelerate|torchrun)$")
_RUNNERS: Final = frozenset({"papermill", "runipy", "ploomber-engine", "treon"})


def check_pipeline(project: Snapshot) -> Iterator[Finding]:
    """The findings in dvc.yaml and in scripts that no notebook makes."""
    yield from _params_paths(project)
    seen: set[str] = set()
    for stage in project.stages:
        yield from _absolute(stage)
        for command, line in stage.commands:
            for words in _commands(command):
                yield from _runs_notebook(project, stage, words, line)
                script = _script(words)
                if script is None or "${" in script:
                    continue
                path = posixpath.normpath(posixpath.join(stage.wdir, script))
                if (project.root / path).is_file():
                    yield from _missing_dep(stage, path, line)
                    if path.endswith(".py") and path not in seen:
                        seen.add(path)
                        yield from _script_code(project, stage, path)


def _finding(code: str, message: str, hint: str, stage: Stage, line: int, fix: Fix | None = None) -> Finding:
    return Finding(Diagnostic(code, message, hint, path="dvc.yaml", line=line, stage=stage.name), fix)


def _absolute(stage: Stage) -> Iterator[Finding]:
    """Absolute paths in the entries of a stage."""
    entries = [*stage.deps, *((out.path, out.line) for out in stage.outputs)]
    words = [(word, line) for command, line in stage.commands for each in _commands(command) for word in each]
    found = [(path, line) for path, line in entries if path.startswith("/") or absolute_path(path)]
    found += [(path, line) for word, line in words if (path := absolute_path(word)) is not None]
    for path, line in found:
        yield _finding("NB406", f"`{path}` exists on one machine only", HOME_HINT, stage, line)


def _params_paths(project: Snapshot) -> Iterator[Finding]:
    """Absolute paths among the values of params.yaml."""
    text = read_text(project.root, "params.yaml")
    if text is None or not any(mark in text for mark in ("/", "\\")):
        return
    try:
        read_yaml(text, "params.yaml", "NB551")
    except Nb2stageError as error:
        yield from map(Finding, error.diagnostics)
        return
    todo = [yaml_nodes(text)]
    while todo:
        node = todo.pop(0)
        if isinstance(node, tuple):  # a key and its value
            todo.insert(0, node[1])
        elif node is not None and isinstance(node.value, list):
            todo[:0] = node.value
        elif node is not None and (path := absolute_path(str(node.value))) is not None:
            message = f"`{path}` exists on one machine only"
            yield Finding(Diagnostic("NB406", message, HOME_HINT, path="params.yaml", line=line_of(node)))


def _commands(command: str) -> Iterator[list[str]]:
    """The simple commands of a shell command, as words, without assignments and redirections."""
    words: list[str] = []
    for line in command.splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
            lexer.whitespace_split = True
            tokens = list(lexer)
        except ValueError:  # a quotation that ends on another line
            tokens = line.split()
        for token in tokens:
            if token in _SEPARATORS or token in ("(", ")"):
                yield words
                words = []
            else:
                words.append(token)
        if not (tokens and tokens[-1] == "\\"):
            yield words
            words = []
    yield words


def _script(words: list[str]) -> str | None:
    """The script that a simple command runs: `train.py` of `python -u train.py --lr 0.1`, `a/b.py` of `python -m a.b`."""
    rest = list(words)
    is_interpreted = False
    while rest:
        word = rest.pop(0)
        name = posixpath.basename(word)
        if is_interpreted and word == "-m" and rest:
            return rest[0].replace(".", "/") + ".py"
        if is_interpreted and word == "-c":
            return None
        if word.endswith(_SCRIPTS):
            return word
        if _INTERPRETERS.match(name):
            is_interpreted = True
        elif not (is_interpreted or name in _WRAPPERS or word.startswith("-") or "=" in word):
            return None
    return None


# -- notebooks -------------------------------------------------------------------------------------------------------


def _runs_notebook(project: Snapshot, stage: Stage, words: list[str], line: int) -> Iterator[Finding]:
    runner = _runner(words)
    if runner is None:
        return
    notebook = next((word for word in words if word.endswith(".ipynb")), None)
    path = posixpath.normpath(posixpath.join(stage.wdir, notebook)) if notebook is not None else None
    if path is None or not project.is_exploration(path):
        what = f"the notebook `{path}`" if path is not None else "a notebook"
        yield _finding("NB710", f"the stage runs {what} with `{runner}`", _run_hint(project, path), stage, line)


def _run_hint(project: Snapshot, path: str | None) -> str:
    folders = " or ".join(f"{folder}/" for folder in project.settings.check.notebook_folders)
    made = f"make scripts of it with `nb2stage convert {path or 'NOTEBOOK'}`"
    return f"{made}; a notebook for exploration or for a search of parameters belongs in {folders}" if folders else made


def _runner(words: list[str]) -> str | None:
    """What runs a notebook in a simple command."""
    names = [posixpath.basename(word) for word in words]
    # a program stands first, behind wrappers, or behind `-m`
    starts = [i for i in range(len(names)) if i == 0 or names[i - 1] in ("-m", *_WRAPPERS) or "=" in names[i - 1]]
    for start in starts:
        name, *rest = names[start:]
        if name in _RUNNERS:
            return name
        if name == "jupyter" and rest:
            name, *rest = [f"jupyter-{rest[0]}", *rest[1:]]
        name = f"jupyter-{name}" if name == "nbconvert" else name
        if name in ("jupyter-execute", "jupyter-run"):
            return name.replace("-", " ", 1)
        if name == "jupyter-nbconvert" and any(word.startswith("--execute") for word in rest):
            return "jupyter nbconvert --execute"
        if name.startswith("ipython") and any(word.endswith(".ipynb") for word in rest):
            return "ipython"
    return None


# -- scripts ---------------------------------------------------------------------------------------------------------


def _script_code(project: Snapshot, stage: Stage, path: str) -> Iterator[Finding]:
    """The findings in a script that somebody wrote or edited: those in a generated one are found in its notebook."""
    text = read_text(project.root, path)
    if text is None or project.state.is_ours(path, text):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # Python itself says more about it
    yield from map(Finding, check_code([Code(tree, text, path, stage=stage.name)]))
    for node, notebook in run_notebooks(tree):
        if notebook is None or not project.is_exploration(posixpath.normpath(notebook)):
            message = f"the script runs {'a notebook' if notebook is None else f'the notebook `{notebook}`'}"
            hint = _run_hint(project, notebook)
            yield Finding(Diagnostic("NB710", message, hint, path=path, line=node.lineno, stage=stage.name))


def _missing_dep(stage: Stage, script: str, line: int) -> Iterator[Finding]:
    if any(script == dep or script.startswith(dep + "/") for dep, _ in stage.deps):
        return
    dep = posixpath.relpath(script, stage.wdir)
    fix = Fix("dvc.yaml", lambda text: with_dep(text, stage.name, dep))
    yield _finding("NB711", f"`{script}` is not among the deps", f"add `- {dep}` below `deps:`", stage, line, fix)


def with_dep(text: str, stage: str, dep: str) -> str:
    """dvc.yaml with one more dep of a stage; the same text where the file's form does not allow it."""
    node = child(child(yaml_nodes(text), "stages"), stage)
    node = child(node, "do") or node
    if node is None or node.flow_style:
        return text
    deps, command = child(node, "deps"), child(node, "cmd")
    if deps is not None and isinstance(deps.value, list) and deps.value and not deps.flow_style:
        place, lines = deps.value[-1], [f"- {scalar_text(dep)}"]
        column = deps.start_mark.column
    elif deps is None and command is not None:
        column = node.value[0][0].start_mark.column
        place, lines = command, ["deps:", f"- {scalar_text(dep)}"]
    else:
        return text
    new = splice(text, [insertion(text, line_end(text, content_end(text, place)), lines, column)])
    return new if _has_one_more(text, new, stage, dep) else text


def _has_one_more(before: str, after: str, stage: str, dep: str) -> bool:
    """Whether a dep was added to the stage, and nothing else changed."""
    try:
        old, new = read_yaml(before, "dvc.yaml", "NB601"), read_yaml(after, "dvc.yaml", "NB601")
    except Nb2stageError:
        return False

    def without(data: Any) -> tuple[Any, list[Any]]:
        body = data["stages"][stage]
        inner = body.get("do", body)
        rest = {key: value for key, value in inner.items() if key != "deps"}
        outer = {key: value for key, value in body.items() if key != "do"} if "do" in body else {}
        others = {key: value for key, value in data["stages"].items() if key != stage}
        top = {key: value for key, value in data.items() if key != "stages"}
        return (rest, outer, others, top), list(inner.get("deps") or [])

    (old_rest, old_deps), (new_rest, new_deps) = without(old), without(new)
    return bool(old_rest == new_rest and new_deps == [*old_deps, dep])
