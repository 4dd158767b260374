"""Settings of the process: which stages notice one that an earlier stage has made, and how it is made there again.

A setting is a call or a store that changes a library or the process itself, by a row of the tables or since nobody knows
the call.  Its statement is repeated in each later stage that could notice; what cannot be repeated is refused.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cached_property

from nb2stage.analysis.crossings import Need, StageData
from nb2stage.analysis.notes import Finding
from nb2stage.analysis.objects import Obj, Statement
from nb2stage.analysis.scopes import ScopeNode
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS, REPEATABLE, Versions
from nb2stage.patterns import Pattern
from nb2stage.trees import walk

# Names of functions that are called for what they do.  They decide only whether it may be assumed that the last line of a
# cell is there for the value that it shows.
_ACTS = Pattern(
    "(set|use|enable|disable|register|config|configure|init|initiali[sz]e|setup|install|activate|seed|load|unload|add|remove|"
    "clear|reset|start|stop|patch|connect|login|require|switch|apply|allow|ignore|extension|output)(?![a-z])",
    re.IGNORECASE,
)


class Settings(Versions):
    """Decides for each stage which settings of earlier ones are made again."""

    def collect_settings(self, stage: StageData) -> None:
        """Settings made before the stage that it could notice are made again."""
        if not stage.statements:
            return
        last = stage.statements[-1].position
        late: set[str] = set()  # domains of which a setting waits for the loads: so do those that follow it
        for statement in self.settings:
            if statement.stage == stage.index or statement.position > last:
                continue
            noticed = {domain for domain in {*statement.sets, *statement.guesses} if self.notices(stage, domain)}
            if not noticed or self.is_made_again(stage, statement):
                continue
            sure = noticed & statement.sets
            if not sure and (domain := min(noticed, default="")):
                call = statement.guesses[domain]
                if self.is_given_data(statement):
                    continue
                if statement.shown and not _ACTS.match(call.rpartition(".")[2]):
                    self.findings.append(Finding("NB249", statement, statement.node, call))
                else:
                    self.refuse_setting(stage, statement, domain, call)
            elif not self.is_outdated(statement, stage) and self.repeatable(statement, setting=True):
                stage.repeats.setdefault(statement, set())
                if sure & late:
                    stage.late_settings.append(statement)
            elif self.can_wait(stage, statement):
                stage.late_settings.append(statement)
                late |= sure
            elif inner := self.lines_within(statement):
                for line in inner:
                    stage.repeats.setdefault(line, set())
            else:
                self.refuse_setting(stage, statement, min(sure))

    def lines_within(self, statement: Statement) -> list[Statement]:
        """The lines of functions that make the settings of a statement, to be repeated by themselves; none if one cannot."""
        if statement not in self._lines_within:
            lines: list[Statement] = []
            for each in statement.inner_settings:
                home = next((s for s in self.statements if any(part is each.node for part in walk(s.node))), None)
                if each.node is None or home is None or not isinstance(home.node, DEFINITIONS):
                    lines = []
                    break
                line = Statement(statement.position, home.cell, each.node, statement.stage)
                line.sets, line.reads, line.imports = {each.domain}, each.reads, set(statement.imports)
                lines += [line] if all(other.node is not each.node for other in lines) else []
            self._lines_within[statement] = lines
        return self._lines_within[statement]

    def refuse_setting(self, stage: StageData, statement: Statement, domain: str, call: str = "") -> None:
        """Write down that a setting cannot be made again; `call` is the one of which nothing is known."""
        self.findings.append(Finding("NB240", statement, statement.node, domain, text=call, hint=str(stage.index)))

    def is_made_again(self, stage: StageData, statement: Statement) -> bool:
        """Whether the stage itself begins with the same line, or one that sets the same to something else."""
        wanted = _what_is_set(statement.node)
        for own in stage.statements:
            if isinstance(own.node, (*IMPORTS, *DEFINITIONS)):
                continue
            if _what_is_set(own.node) == wanted:
                return own.position > statement.position
            if not (own.sets or own.guesses):
                return False
        return False

    def is_given_data(self, statement: Statement) -> bool:
        """Whether a call that stands alone is given something that the notebook has worked out."""
        if not isinstance(statement.node, ast.Expr) or statement.calls:
            return False
        for name, var in statement.reads.items():
            need = Need(name, var.values, var.sites, statement.position)
            if not all(self.repeatable(s) for s in self.history(need, None) if s is not statement):
                return True
        return False

    def can_wait(self, stage: StageData, statement: Statement) -> bool:
        """Whether a setting can be made again behind the loads: what it reads is the same by then."""
        if statement.impure or statement.draws or statement.binds or statement in self.files_of:
            return False
        if not isinstance(statement.node, REPEATABLE) or self.is_outdated(statement, stage):
            return False
        entries = self.entries[stage.index]
        return all(
            name in entries and entries[name].sites == var.sites and not entries[name].unbound
            for name, var in statement.reads.items()
        )

    def is_outdated(self, statement: Statement, stage: StageData) -> bool:
        """Whether a setting holds an object that a stage changed since: made again, it would hold the old one."""
        start = self.start(stage)
        for var in statement.reads.values():
            for obj in self.reach(var.values, start):
                if obj.kind in ("value", "instance") and obj.type not in ("logger", "matplotlib"):
                    changes = [s for s in self.changers.get(obj, ()) if statement.position < s.position < start]
                    if not all(self.repeatable(s) for s in changes):
                        return True
        return False

    # -- who notices

    @cached_property
    def packages(self) -> frozenset[str]:
        """The packages of other people that the notebook imports or uses."""
        roots = {path.partition(".")[0] for s in self.statements for path in s.imports}
        return frozenset(roots - sys.stdlib_module_names - self.heap.opaque_modules - {"", "builtins"})

    def notices(self, stage: StageData, domain: str) -> bool:
        """Whether a stage could notice a setting of a domain."""
        known = self.heap.known
        if domain.startswith("."):
            return domain[1:] in self.words(stage)
        if domain.startswith("state of "):
            return domain.removeprefix("state of ") in self.used(stage)
        name = domain.rpartition(" ")[2]  # of `library X` and `patch X`
        noticing = known.noticed_by(name)
        if noticing is None:
            noticing = (name,) if name in self.packages else ("*",)
        if "*" in noticing:
            return True
        if name == "matplotlib" and self.may_draw(stage):
            return True
        if any(each[1:] in self.words(stage) for each in noticing if each.startswith(".")):
            return True
        packages = {each for each in noticing if not each.startswith(".")}
        used = self.used(stage)
        if packages & used or (packages and used & self.heap.opaque_modules):
            return True
        return "?" in packages and any(each in self.packages and not known.has_table(each) for each in used)

    def may_draw(self, stage: StageData) -> bool:
        """Whether a stage may draw: it has parts of figures, or results of statsmodels, which have methods that draw."""
        if any(s.plots or _reads_type(s, "matplotlib") for s in stage.statements):
            return True
        if not any(_reads_type(s, "statsmodels") for s in stage.statements):
            return False
        return any(s.unknown for s in stage.statements) or any("plot" in word for word in self.words(stage))

    def used(self, stage: StageData) -> set[str]:
        """The packages that a stage uses: those that its code names, and those whose things it is given."""
        if stage.index not in self._used:
            read = frozenset(obj for s in stage.statements for var in s.reads.values() for obj in var.values)
            found = {path.partition(".")[0] for s in stage.statements for path in s.imports}
            found |= {self.package_of(obj) for obj in self.reach(read, self.end(stage.index))}
            self._used[stage.index] = found
        return self._used[stage.index]

    def package_of(self, obj: Obj) -> str:
        """The package that an object belongs to; empty for what the notebook defines, or where it is not known."""
        if obj.type:
            return self.heap.known.home_of_type(obj.type)
        return obj.path.partition(".")[0]

    def words(self, stage: StageData) -> set[str]:
        """The attributes that a stage's code names, and the texts in it: `df.lab`, `getattr(df, "lab")`."""
        if stage.index not in self._words:
            read = frozenset(obj for s in stage.statements for var in s.reads.values() for obj in var.values)
            nodes: list[ast.AST] = [s.node for s in stage.statements]
            nodes += [o.node for o in self.reach(read, self.end(stage.index)) if isinstance(o.node, ScopeNode)]
            found: set[str] = set()
            for part in (part for node in nodes for part in walk(node)):
                if isinstance(part, ast.Attribute):
                    found.add(part.attr)
                elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.add(part.value)
            self._words[stage.index] = found
        return self._words[stage.index]


def _what_is_set(node: ast.stmt) -> str:
    """The statement; of `plt.rcParams["lines.linewidth"] = 3` what stands on the left, which is set to something else."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if isinstance(target, ast.Attribute) or (
        isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
    ):
        return ast.dump(target)
    return ast.dump(node)


def _reads_type(statement: Statement, wanted: str) -> bool:
    return any(obj.type == wanted for var in statement.reads.values() for obj in var.values)
