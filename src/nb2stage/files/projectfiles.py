"""What a conversion makes of files that are not its own alone: dvc.yaml, params.yaml, .gitignore, scripts of stages gone.

Each is merged from three sides: what the last conversion wrote (the state), what stands on disk, what is wanted now.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.files.dvcyaml import (
    Base,
    Update,
    cached_outs,
    deps_of,
    fields_of,
    foreign_outs,
    is_untouched,
    merge_dvc_yaml,
    stage_names,
)
from nb2stage.files.gitignore import out_line, update_gitignore, update_outs
from nb2stage.files.paramsyaml import check_params_text, merge_params_yaml
from nb2stage.files.repository import git_top, ignored_by_git
from nb2stage.files.top_plots import merge_top_plots
from nb2stage.files.writer import Conversion
from nb2stage.patterns import Pattern
from nb2stage.planning.pipeline import GeneratedFile
from nb2stage.reading.tags import Role
from nb2stage.records import replace
from nb2stage.texts.yamltext import flow_text

if TYPE_CHECKING:
    from nb2stage.analysis.dataflow import SourceCell
    from nb2stage.conversion import Project
    from nb2stage.planning.pipeline import Param
    from nb2stage.planning.stageplan import StagePlan

# A stage has another name when the scripts have this share of their lines in common, and no other pair comes near.
_ALIKE: Final = 0.6
_CLEARLY: Final = 0.15
_DEFINED: Final = Pattern(r"^(?:async def|def|class) (\w+)", re.MULTILINE)
_IGNORED: Final = ("cache/",)
_COMPILED: Final = "__pycache__/"


class Merged(NamedTuple):
    """The files of a project as they should be, with what the user has made of them."""

    files: list[GeneratedFile]
    gone: list[str]  # files that nothing needs any more
    made: Conversion  # the base of the next merge
    diagnostics: list[Diagnostic]


def merged(
    project: Project,
    notebook: str,
    plans: Sequence[StagePlan],
    params: Sequence[Param],
    scripts: Sequence[GeneratedFile],
    cells: Sequence[SourceCell],
) -> Merged:
    """Merge what a conversion makes with what the user has made of it: scripts, dvc.yaml, params.yaml and the others."""
    merge = ProjectFiles(project, notebook, plans, params, scripts)
    files = [*merge.scripts(), *merge.files(), *merge.requirements(cells)]
    kept = merge.kept_files()
    gone = [path for path in project.state.obsolete(notebook, files) if path not in kept]
    return Merged(files, gone + merge.leftovers, merge.made(), merge.diagnostics)


class ProjectFiles:
    """The files that the conversion of one notebook changes beside its scripts."""

    def __init__(
        self,
        project: Project,
        notebook: str,
        plans: Sequence[StagePlan],
        params: Sequence[Param],
        scripts: Sequence[GeneratedFile],
    ) -> None:
        self.project, self.notebook, self.plans = project, notebook, plans
        self.diagnostics: list[Diagnostic] = []
        self.params = [param for param in params if any(param in plan.params for plan in plans)]
        self.new_scripts = scripts
        self.stages = [plan.dvc_stage() for plan in plans]
        self.names = [plan.name for plan in plans]
        self.top_plots = {path: flags for plan in plans for path, flags in plan.top_plots.items()}
        self.dvc_before = project.text("dvc.yaml")
        self.known = project.state.at("dvc.yaml", self.dvc_before).of(notebook).stages
        self.imports: list[str] = []
        self.ignored_outs: list[str] = []  # their lines in .gitignore
        self.leftovers: list[str] = []  # what DVC wrote into the folders of these outs before
        self.gone = [name for name in self.known if name not in self.names]

    def note(self, code: str, message: str, hint: str, severity: Severity, path: str) -> None:
        """Add a finding about a file."""
        self.diagnostics.append(Diagnostic(code, message, hint, severity, path))

    # -- what was made, for the next time

    def made(self) -> Conversion:
        """The base of the next merge."""
        return Conversion(
            {script.path: script.text for script in self.new_scripts},
            {stage.name: fields_of(stage) for stage in self.stages},
            tuple(sorted(out.path for plan in self.plans for out in (*plan.outs, *plan.metrics, *plan.plots))),
            {param.key: (flow_text(param.value), param.comment) for param in self.params},
            (*self.ignored(), *self.ignored_outs),
            tuple(sorted(self.imports)),
            plots=self.top_plots,
        )

    def ignored(self) -> tuple[str, ...]:
        """The lines of .gitignore: the cache, and what Python writes beside modules that scripts import."""
        stages = {plan.script for plan in self.plans}
        modules = any(script.path not in stages for script in self.new_scripts)
        return (*_IGNORED, _COMPILED) if modules else _IGNORED

    # -- stages that are gone

    def script_of(self, name: str) -> str:
        """The script that a stage had."""
        return str(self.known[name].get("cmd", "")).partition(" ")[2].replace("\\${", "${")

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Old and new name of the stages that were renamed, where the match is clear."""
        texts = {script.path: script.text for script in self.new_scripts}
        old = {name: text for name in self.gone if (text := self.project.state.text(self.script_of(name))) is not None}
        return _matches(old, {plan.name: texts[plan.script] for plan in self.plans if plan.name not in self.known})

    @cached_property
    def kept(self) -> list[str]:
        """The stages that are gone from the notebook and that the user has edited: they are the user's from now on."""
        if self.project.force:
            return []
        there = set(stage_names(self.dvc_before)) if self.gone else set()
        return [name for name in self.gone if name in there and name not in self.renamed and self.is_edited(name)]

    def is_edited(self, name: str) -> bool:
        """Whether the script of a stage or its entry in dvc.yaml is not as we wrote it."""
        text = self.project.text(path := self.script_of(name))
        if text is not None and not self.project.state.is_ours(path, text):
            return True
        return not is_untouched(self.dvc_before or "", name, self.known[name])

    def kept_files(self) -> set[str]:
        """The scripts and modules that stages of the user's need."""
        return {dep.replace("\\${", "${") for name in self.kept for dep in self.known[name].get("deps", ())}

    def mention_gone(self) -> None:
        """Say what happens to stages that the notebook has no more."""
        for old, new in self.renamed.items():
            message = f"stage `{old}` is called `{new}` now: its edits go with it"
            self.note("NB619", message, "", Severity.NOTE, self.notebook)
        for name in self.kept:
            message = f"stage `{name}` is gone from {self.notebook}, but was edited by hand: it is kept, and yours now"
            hint = f"if you do not need it, remove it from dvc.yaml and delete {self.script_of(name)}"
            self.note("NB613", message, hint, Severity.WARNING, "dvc.yaml")
        for name in self.gone:
            folder = f"cache/{name}/"
            if name not in self.kept and (self.project.root / folder).is_dir():
                message = f"{folder} is left of the stage `{name}`, which is gone"
                self.note("NB622", message, "delete it if you do not need it", Severity.NOTE, folder)

    # -- scripts

    def scripts(self) -> list[GeneratedFile]:
        """The scripts and modules, with the paths that they had when their stages had other names or another folder."""
        before = {self.renamed.get(name, name): self.script_of(name) for name in self.known}
        origins = {p.script: before[p.name] for p in self.plans if before.get(p.name, p.script) != p.script}
        known = self.project.state.of(self.notebook).files
        texts = {script.path: script.text for script in self.new_scripts}
        stages = {*before.values(), *(plan.script for plan in self.plans)}
        modules = {path: text for path, text in known.items() if path not in texts and path not in stages}
        fresh = {path: text for path, text in texts.items() if path not in known and path not in stages}
        moved = _matches(modules, fresh)
        origins |= {new: old for old, new in moved.items()}
        if not self.project.force:
            self.scattered({path: text for path, text in modules.items() if path not in moved})
        return [replace(script, origin=origins.get(script.path, "")) for script in self.new_scripts]

    def scattered(self, modules: Mapping[str, str]) -> None:
        """A module that is gone while its definitions are elsewhere must not take hand edits with it."""
        for path, base in modules.items():
            text = self.project.text(path)
            if text is None or self.project.state.is_ours(path, text) or path in self.kept_files():
                continue
            places = {name: script.path for script in self.new_scripts for name in _DEFINED.findall(script.text)}
            if name := next((name for name in _DEFINED.findall(base) if name in places), None):
                message = f"this module was edited by hand, and its `{name}` is in {places[name]} now"
                hint = "make the edit in the notebook, and convert with --force"
                self.note("NB629", message, hint, Severity.ERROR, path)

    # -- requirements.txt

    def requirements(self, cells: Sequence[SourceCell]) -> list[GeneratedFile]:
        """requirements.txt with what the notebook installs and imports; none where nothing is wanted of it."""
        from nb2stage.files.requirements import REQUIREMENTS, installed_by, update_requirements

        installed = installed_by(cells)
        wanted = installed + self.packages(cells, installed)
        if not wanted:
            return []
        text, notes = update_requirements(self.project.text(REQUIREMENTS), wanted, self.notebook)
        self.diagnostics += notes
        return [GeneratedFile(REQUIREMENTS, text)] if text else []

    def packages(self, cells: Sequence[SourceCell], installed: Sequence[str]) -> list[str]:
        """The lines that a requirements.txt lacks for what notebook and scripts import.

        None where there is no such file, unless one comes to be for what the notebook has `installed`.  What was imported at
        the last conversion already and has no line was taken out by the user.
        """
        from nb2stage.files.packages import imported_modules, missing_requirements
        from nb2stage.files.requirements import REQUIREMENTS

        text = self.project.text(REQUIREMENTS)
        if text is None and not installed:
            return []
        root = self.project.root
        trees = [cell.tree for cell in cells if cell.role.role is not Role.SKIP]
        trees += [ast.parse(script.text) for script in self.new_scripts]
        own = {p.stem for p in root.glob("*.py")} | {p.parent.name for p in root.glob("*/__init__.py")}
        own |= {script.path.partition("/")[0] for script in self.new_scripts}
        own |= {PurePosixPath(script.path).stem for script in self.new_scripts}
        self.imports = [module for module in imported_modules(trees) if module not in own]
        before = self.project.state.at(REQUIREMENTS, text).of(self.notebook).imports
        there = "\n".join([text or "", *installed])
        return missing_requirements(there, [module for module in self.imports if module not in before])

    # -- dvc.yaml, params.yaml, .gitignore

    def files(self) -> list[GeneratedFile]:
        """dvc.yaml, params.yaml and .gitignore with what this notebook needs in them."""
        update = self.dvc_yaml()
        files = [GeneratedFile("dvc.yaml", update.text)]
        before = self.project.text("params.yaml")
        if self.params or before is not None:
            files.append(GeneratedFile("params.yaml", self.params_yaml(before, update)))
        files.append(GeneratedFile(".gitignore", self.gitignore(update)))
        return files

    def gitignore(self, update: Update) -> str:
        """.gitignore with the cache, what Python writes beside modules, and the outs of the stages."""
        before, force = self.project.text(".gitignore"), self.project.force
        state = self.project.state.at(".gitignore", before)
        known = state.of(self.notebook).ignored
        text = update_gitignore(before, self.ignored(), () if force else known)
        outs = [out.path for stage in self.stages for out in (*stage.outs, *stage.metrics, *stage.plots) if out.cache]
        if self.dvc_before is not None:  # where the user may have said otherwise
            outs = cached_outs(update.unmarked, self.names)
        outs = [path for path in outs if not path.startswith(("cache/", "../", "/"))]
        self.ignored_outs = [out_line(path) for path in sorted(set(outs) - self.covered(outs))]
        others = {line for name, made in state.notebooks.items() if name != self.notebook for line in made.ignored}
        written = [line for line in known if line.startswith("/")]
        text = update_outs(text, self.ignored_outs, written, others, force)
        if set(self.ignored_outs) <= set(text.splitlines()):
            self.leftovers = self.nested([*outs, *state.of(self.notebook).outs])
        for path in self.leftovers:
            message = "DVC wrote this file beside outs, which the .gitignore of the project names now: it is deleted"
            hint = "run stages that list the folder again once: `dvc repro -f -s STAGE`"
            self.note("NB630", message, hint, Severity.NOTE, path)
        return text

    def covered(self, outs: Sequence[str]) -> set[str]:
        """The outs that git ignores anyway, by a line of the project's that is about more than this path."""
        root = self.project.root
        top = git_top(root)
        if top is None or not outs:
            return set()
        found = set()
        for path, (source, _, pattern) in ignored_by_git(root, outs).items():
            inside = Path(os.path.normpath(root / source)).is_relative_to(top)
            if inside and posixpath.basename(source) == ".gitignore":
                is_own = pattern.rpartition("/")[2] == out_line(path).rpartition("/")[2]
                found |= set() if is_own else {path}
        return found

    def nested(self, outs: Sequence[str]) -> list[str]:
        """What DVC wrote into the folders of the outs before they stood in the project's .gitignore."""
        names: dict[str, set[str]] = {}
        for path in outs:
            folder, name = posixpath.split(path)
            names.setdefault(folder, set()).update((f"/{name}", out_line(name)))
        found = []
        for folder, lines in names.items():
            path = f"{folder}/.gitignore"
            said = {line for line in (self.project.text(path) or "").splitlines() if line} if folder else set()
            if said and said <= lines and not (self.project.root / path).is_symlink():
                found.append(path)
        return sorted(found)

    def dvc_yaml(self) -> Update:
        """dvc.yaml, and findings about stages of the user's that our ones touch."""
        before, force = self.dvc_before, self.project.force
        removed = [name for name in self.gone if name not in self.kept and name not in self.renamed]
        base = Base({} if force else self.known, self.renamed)
        # The plots come first: conflicts that are marked in the stages make the text one that YAML cannot read.
        text = before if before is None else self.with_plots(before)
        update = merge_dvc_yaml(text, self.stages, removed, base, source=self.notebook)
        if before is None:
            text = self.with_plots(update.text)
            update = update._replace(text=text, unmarked=text)
        if before is not None and not force:
            if update.unmarked != before:
                self.foreign(before)
            self.overlaps(before)
            self.vanished(update)
        self.mention_gone()
        for name in update.left_out:
            message = f"stage `{name}` was taken out of dvc.yaml by hand: it stays out"
            self.note("NB623", message, "bring it back with --force", Severity.WARNING, "dvc.yaml")
        for name, field in update.conflicts:
            message = f"`{field}` of the stage `{name}` was edited by hand, and the notebook changes it too"
            self.note("NB618", message, "resolve the conflict that is marked in the file", Severity.ERROR, "dvc.yaml")
        return update

    def with_plots(self, text: str) -> str:
        """A dvc.yaml with the plots that belong to its top level."""
        known = self.project.state.at("dvc.yaml", self.dvc_before).of(self.notebook).plots
        if not known and not self.top_plots:
            return text
        return merge_top_plots(text, self.top_plots, {} if self.project.force else known)

    def foreign(self, before: str) -> None:
        """A stage that somebody else wrote into dvc.yaml is not overwritten."""
        state = self.project.state.at("dvc.yaml", before)
        ours = {stage for conversion in state.notebooks.values() for stage in conversion.stages}
        ours |= set(self.renamed.values()) - set(stage_names(before))
        for name in [name for name in stage_names(before) if name in self.names and name not in ours]:
            self.diagnostics.append(
                Diagnostic(
                    "NB605",
                    f"stage `{name}` is in dvc.yaml already, and nb2stage did not write it",
                    f"give the cells another stage name, `stage:{name}_2`, or overwrite the stage with --force",
                    path="dvc.yaml",
                    stage=name,
                )
            )

    def overlaps(self, before: str) -> None:
        """A stage that is kept must not write what a stage of the notebook writes now."""
        mine = {out.path: s.name for s in self.stages for out in (*s.outs, *s.metrics, *s.plots)}
        for out, name in foreign_outs(before).items():
            if name in self.kept and out in mine:
                message = f"stage `{name}` is gone from {self.notebook}, but was edited by hand, and it writes {out}"
                hint = f"remove it from dvc.yaml, or keep its tag: `{mine[out]}` writes that file now; or use --force"
                self.note("NB624", message, hint, Severity.ERROR, "dvc.yaml")

    def vanished(self, update: Update) -> None:
        """A stage of the user's, or an entry that the user added, must not wait for a file that nobody makes any more."""
        made = foreign_outs(update.unmarked)
        lost = {out for fields in self.known.values() for out in _outs_of(fields)} - set(made)
        for name, deps in deps_of(update.unmarked).items() if lost else ():
            for path in sorted(lost & set(deps)):
                message = f"stage `{name}` reads {path}, which {self.notebook} does not make any more"
                hint = f"take it out of the deps of `{name}`, or keep the name in the notebook; or use --force"
                self.note("NB624", message, hint, Severity.ERROR, "dvc.yaml")

    def params_yaml(self, before: str | None, update: Update) -> str:
        """params.yaml, and what is to be said about values in it."""
        known = self.project.state.at("params.yaml", before).of(self.notebook).params
        text, tuned = merge_params_yaml(before, self.params, known, self.unused(known, update))
        if before is not None:
            self.diagnostics += check_params_text(text)
        values = {param.key: param.value for param in self.params}
        for key in tuned:
            message = f"`{key}` is {flow_text(values[key])} in the notebook now; the tuned value stays"
            self.note("NB557", message, "change it here if you want the new one", Severity.NOTE, "params.yaml")
        return text

    def unused(self, known: Mapping[str, Any], update: Update) -> list[str]:
        """The keys that we wrote and that neither a notebook, nor a stage, nor a hand-edited script reads any more."""
        needed = {param.key for param in self.params}
        others = (made for name, made in self.project.state.notebooks.items() if name != self.notebook)
        needed |= {key for made in others for key in made.params}
        edited = "".join(
            text
            for script in self.new_scripts
            if (text := self.project.text(script.path)) and not self.project.state.is_ours(script.path, text)
        )
        lists = update.unmarked.split()
        return [
            key
            for key in known
            if key not in needed
            and not any(word.strip("'\"") in _prefixes(key) for word in lists)
            and f'"{key.rpartition(".")[2]}"' not in edited
        ]


def _prefixes(key: str) -> list[str]:
    """`a.b.c` as DVC may name it: itself and the groups around it."""
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _matches(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Which text has become which, where that is clear: alike, and no other pair comes near."""
    if not old or not new:
        return {}
    import difflib

    scores = {
        (a, b): difflib.SequenceMatcher(None, _body(one), _body(two), autojunk=False).ratio()
        for a, one in old.items()
        for b, two in new.items()
    }
    result = {}
    for (a, b), score in scores.items():
        others = [other for pair, other in scores.items() if (pair[0] == a) != (pair[1] == b)]
        if score >= _ALIKE and all(score >= other + _CLEARLY for other in others):
            result[a] = b
    return result


def _body(script: str) -> list[str]:
    """The lines of a script that the notebook's cells gave it: without imports and what loads and saves."""
    ours = ("import ", "from ", "# from ", "# for ", "params = ")
    lines = [line.strip() for line in script.split("\n")[1:]]
    return [line for line in lines if line and not line.startswith(ours) and "cache/" not in line]


def _outs_of(fields: Mapping[str, Any]) -> list[str]:
    entries = [entry for field in ("outs", "metrics", "plots") for entry in fields.get(field) or ()]
    return [str(next(iter(e)) if isinstance(e, dict) else e).replace("\\${", "${") for e in entries]
