"""`StagePlan` -> the text of its script: the user's own lines, and a few plain ones to load and save.

A script is: a line that says where it comes from; the imports that it uses; parameters; what is loaded; what other cells
define; the cells of the stage as they stand; what is saved.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from nb2stage.boundaries import DEFINITIONS, IMPORTS, Transfer
from nb2stage.dataflow import SourceCell, literal, outside_functions
from nb2stage.definitions import FOLDER, DefinitionsModule
from nb2stage.objects import Statement
from nb2stage.planning import CacheFile, Planner, StagePlan, normal
from nb2stage.scopes import free_names
from nb2stage.tags import directive_lines

STATE_CALLS = {
    "<numpy random state>": ("numpy", "random.get_state()", "random.set_state({})"),
    "<random state>": ("random", "getstate()", "setstate({})"),
    "<torch random state>": ("torch", "get_rng_state()", "set_rng_state({})"),
}
# Imports that do nothing but bind: unused, they are left out.
INERT_ROOTS = frozenset(
    [
        "numpy",
        "pandas",
        "matplotlib",
        "scipy",
        "seaborn",
        "statsmodels",
        "joblib",
        "IPython",
        "tqdm",
        "torch",
        "sklearn",
        "mpl_toolkits",
        "patsy",
        "plotly",
        "xgboost",
        "lightgbm",
        "catboost",
        "PIL",
        "cv2",
        "requests",
        "yaml",
        "bs4",
        "nltk",
        "spacy",
        "networkx",
        "sympy",
        "numba",
        "tensorflow",
        "keras",
    ]
)
# What shows nothing worth printing when it ends a cell.
SILENT_CALLS = re.compile(
    r"^(set_|add_|fit$|show$|close$|print$|display$|info$|seed$|append$|extend$|update$|remove$|"
    r"insert$|sort$|plot|hist|bar|scatter|boxplot|legend|grid|tight_layout|x?y?label|title|savefig|"
    r"to_csv|to_pickle|to_json|to_excel|to_parquet|dump$|save|makedirs$|mkdir$|write)"
)
LINE = 88


@dataclass
class Header:
    """The import lines of a script, gathered."""

    modules: dict[str, set[str | None]] = field(default_factory=dict)  # module -> aliases (None: no alias)
    members: dict[str, set[tuple[str, str | None]]] = field(default_factory=dict)  # module -> (name, alias)

    def add(self, text: str) -> None:
        """Add one import statement."""
        node = ast.parse(text).body[0]
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.setdefault(alias.name, set()).add(alias.asname)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.members.setdefault("." * node.level + (node.module or ""), set()).add((alias.name, alias.asname))

    def lines(self, local: Iterable[str]) -> list[str]:
        """Sorted as isort sorts: the standard library, other people's packages, modules beside the notebook."""
        sections: list[list[str]] = [[], [], []]
        local = set(local)
        plain = [
            (m, f"import {m}" + (f" as {a}" if a and a != m else ""))
            for m in self.modules
            for a in sorted(self.modules[m], key=str)
        ]
        froms = [(m, _from_line(m, members)) for m, members in self.members.items()]
        for module, line in sorted(plain, key=lambda p: (p[0].lower(), p[1])) + sorted(
            froms, key=lambda p: p[0].lower()
        ):
            root = module.split(".")[0]
            if module == "__future__":
                continue
            section = 2 if root in local or module.startswith(".") else 0 if root in sys.stdlib_module_names else 1
            sections[section].append(line)
        result: list[str] = []
        if "__future__" in self.members:
            result += [_from_line("__future__", self.members["__future__"]), ""]
        for lines in sections:
            if lines:
                result += [*lines, ""]
        return result[:-1]


def _from_line(module: str, members: set[tuple[str, str | None]]) -> str:
    names = [n + (f" as {a}" if a and a != n else "") for n, a in sorted(members, key=lambda m: (m[0], str(m[1])))]
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


class ScriptWriter:
    """Writes the script of one stage."""

    def __init__(self, planner: Planner, plan: StagePlan) -> None:
        self.planner, self.plan = planner, plan
        self.program = planner.program
        self.own = plan.data.statements
        self.repeats = sorted(plan.data.repeats, key=lambda s: s.position)
        self.header = Header()
        self.helper = ""
        self.states: list[str] = []  # lines that give definitions the state they had
        self.names_bound = {n for s in self.program.statements for n in s.binds} | {
            n.id for c in self.program.cells for n in ast.walk(c.tree) if isinstance(n, ast.Name)
        }
        self.ordered = self.has_import_order()
        self.hoisted: set[Statement] = set()
        self.simple_figures = self.are_figures_simple()
        self.figure_count = 0
        self.figure_folder_made = False
        self.moved = {s for m in plan.definitions for s in m.statements if isinstance(s.node, DEFINITIONS)}
        self.repeats = [s for s in self.repeats if s not in self.moved and not self.only_for_modules(s)]
        self.dropped_definitions = self.unused_definitions() | {s for s in self.own if s in self.moved}

    def only_for_modules(self, statement: Statement) -> bool:
        """Whether a statement would be repeated only because a definition in a module needs it: a constant."""
        inside = any(statement in m.statements for m in self.plan.definitions)
        names = {n for s in [*self.own, *self.repeats] if s not in self.moved and s is not statement for n in s.reads}
        return inside and not (statement.binds & names)

    # -- the whole

    def text(self) -> str:
        """The script."""
        name = PurePosixPath(self.planner.path).name
        intro = f'"""Stage `{self.plan.name}` of {name}. Edit the notebook and run `nb2stage convert {name}`."""'
        self.collect_imports()
        params = self.params()
        repeats = self.repeated(late=False)
        loads = self.loads()
        late = self.repeated(late=True)
        cells = [text for cell in self.plan.cells if (text := self.cell(cell))]
        saves = self.saves()
        folders = self.folders()
        figures = self.figure_helper()
        backend = self.backend()
        future = self.header.members.pop("__future__", None)
        blocks = [
            intro,
            _from_line("__future__", future) if future else "",
            self.search_path(),
            "\n".join(self.header.lines(self.local_roots())),
            backend,
            params,
            *figures,
            *repeats,
            self.helper,
            loads,
            *late,
            "\n".join(self.states),
            folders,
            *cells,
            saves,
        ]
        return _join_blocks([b for b in blocks if b])

    def search_path(self) -> str:
        """A script finds modules beside itself, the notebook found those beside the notebook."""
        if not self.plan.local_modules and not self.plan.definitions:
            return ""
        return 'import sys\n\nsys.path.insert(0, ".")  # for the modules beside the notebook'

    def local_roots(self) -> set[str]:
        return {PurePosixPath(m).name.removesuffix(".py") for m in self.plan.local_modules} | {FOLDER}

    # -- imports

    def has_import_order(self) -> bool:
        """Whether the order of imports among other statements matters: `sys.path.insert` before `import mine`."""
        domains = {d for s in [*self.own, *self.repeats] for d in s.sets}
        return any(d in ("environ", "syspath") or d.startswith("library ") for d in domains)

    def used_names(self) -> set[str]:
        """All global names that the script's own lines look up: not what only a module that it imports needs."""
        used: set[str] = set(self.plan.data.by_name)
        for statement in [*self.own, *self.repeats]:
            if statement in self.dropped_definitions:
                continue
            used |= statement.reads.keys() & _mentioned(statement.node) if self.moved else statement.reads.keys()
            for part in ast.walk(statement.node):
                if isinstance(part, DEFINITIONS):
                    used |= free_names(part)
        return used

    def collect_imports(self) -> None:
        """Decide which imports stand at the top; the others stay where they are."""
        used = self.used_names()
        touched = {p for s in [*self.own, *self.repeats] for p in s.imports if not isinstance(s.node, IMPORTS)}
        ever_used = {n for s in self.program.statements for n in s.reads} | {
            n
            for s in self.program.statements
            for part in ast.walk(s.node)
            if isinstance(part, DEFINITIONS)
            for n in free_names(part)
        }
        last = self.own[-1].position if self.own else 0
        for statement in self.program.statements:
            node = statement.node
            if not isinstance(node, IMPORTS):
                continue
            mine = statement.stage == self.plan.data.index or statement in self.plan.data.repeats
            if any(alias.name == "*" for alias in node.names):
                continue
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                effect_only = name not in ever_used and self.has_effect(node, alias) and statement.position <= last
                if not effect_only and not (mine and name in used and self.is_touched(node, alias, touched)):
                    continue
                if self.can_hoist(statement, name):
                    self.header.add(_import_text(node, alias))
                    self.hoisted.add(statement)
            if mine and self.can_hoist_all(statement):
                self.hoisted.add(statement)
        self.add_submodules(touched)
        for module in self.plan.definitions:
            for name in sorted(module.names & used):
                if any(name in s.binds for s in self.moved):
                    self.header.add(f"from {module.name} import {name}")

    def has_effect(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
        module = alias.name if isinstance(node, ast.Import) else (node.module or "")
        if module.startswith("sklearn.experimental") or module == "__future__":
            return True
        root = module.split(".")[0]
        return root not in INERT_ROOTS and root not in sys.stdlib_module_names

    def is_touched(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, touched: set[str]) -> bool:
        """Of `import a.b` and `import a.c` only what the stage uses."""
        if isinstance(node, ast.ImportFrom) or alias.asname or "." not in alias.name:
            return True
        root = alias.name.split(".")[0] + "."
        dotted = {
            a.name
            for s in self.program.statements
            if isinstance(s.node, ast.Import)
            for a in s.node.names
            if a.name.startswith(root) and not a.asname
        }
        used = {d for d in dotted if any((t + ".").startswith(d + ".") for t in touched)}
        return alias.name in used or not used

    def add_submodules(self, touched: set[str]) -> None:
        """`sklearn.datasets.load_iris()` after `import sklearn` works only where some cell imports the submodule."""
        roots = {m for m, aliases in self.header.modules.items() if None in aliases and "." not in m}
        known: set[str] = set()
        for statement in self.program.statements:
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.module and "." in node.module:
                known.add(node.module)
            elif isinstance(node, ast.ImportFrom) and node.module:
                known |= {f"{node.module}.{a.name}" for a in node.names if a.name.islower()}
            elif isinstance(node, ast.Import):
                known |= {a.name for a in node.names if "." in a.name}
        for module in known:
            if module.split(".")[0] in roots and any((t + ".").startswith(module + ".") for t in touched):
                self.header.add(f"import {module}")

    def can_hoist(self, statement: Statement, name: str) -> bool:
        """An import may stand at the top where nothing else binds its name and no setting must come first."""
        if self.ordered:
            return statement in self.plan.data.repeats and not self.settings_before(statement)
        others = [s for s in self.program.statements if name in s.binds and s is not statement]
        return all(isinstance(s.node, IMPORTS) and _same_import(s.node, statement.node, name) for s in others)

    def settings_before(self, statement: Statement) -> bool:
        return any(s.sets and s.position < statement.position for s in [*self.own, *self.repeats])

    def can_hoist_all(self, statement: Statement) -> bool:
        node = statement.node
        assert isinstance(node, ast.Import | ast.ImportFrom)
        return all(self.can_hoist(statement, a.asname or a.name.split(".")[0]) for a in node.names)

    def module(self, name: str, alias: str = "") -> str:
        """Import a module for our own lines; the name to use it by, which is not one of the user's."""
        text = f"import {name}" + (f" as {alias}" if alias else "")
        wanted = alias or name
        if self.is_free(wanted, text):
            self.header.add(text)
            return wanted
        other = f"{name.replace('.', '_')}_"
        self.header.add(f"import {name} as {other}")
        return other

    def member(self, module: str, name: str) -> str:
        text = f"from {module} import {name}"
        if self.is_free(name, text):
            self.header.add(text)
            return name
        self.header.add(f"from {module} import {name} as {name}_")
        return f"{name}_"

    def is_free(self, name: str, text: str) -> bool:
        node = ast.parse(text).body[0]
        binders = [s for s in self.program.statements if name in s.binds]
        if any(not isinstance(s.node, IMPORTS) or not _same_import(s.node, node, name) for s in binders):
            return False
        return bool(binders) or name not in self.names_bound or name in ("Path", "json", "joblib")

    def fresh(self, name: str) -> str:
        """A name that the notebook does not use."""
        while name in self.names_bound:
            name += "_"
        return name

    # -- parameters, loads, saves

    def params(self) -> str:
        if not self.plan.params:
            return ""
        yaml, path, params = self.member("ruamel.yaml", "YAML"), self.member("pathlib", "Path"), self.fresh("params")
        lines = [f'{params} = {yaml}(typ="safe").load({path}("params.yaml"))']
        for param in self.plan.params:
            access = params + "".join(f'["{part}"]' for part in param.key.split("."))
            lines.append(f"{param.name} = {self.restored(param.name, access)}")
        return "\n".join(lines)

    def restored(self, name: str, access: str) -> str:
        """A tuple comes back from YAML as a list."""
        for statement in self.plan.data.repeats:
            if statement.param and name in statement.binds:
                assert isinstance(statement.node, ast.Assign | ast.AnnAssign)
                assert statement.node.value is not None
                if isinstance(literal(statement.node.value), tuple):
                    return f"tuple({access})"
        return access

    def loads(self) -> str:
        lines: list[str] = []
        for file in sorted(self.plan.loads, key=lambda f: f.transfer.stage):
            comment = f"# from {file.source}"
            if comment not in lines:
                lines.append(comment)
            lines.append(self.load(file, file.consumers[self.plan.name]))
        return "\n".join(lines)

    def load(self, file: CacheFile, names: list[str]) -> str:
        """The lines that bring back what a stage takes of one cache file."""
        transfer = file.transfer
        if transfer.kind == "pandas":
            return f'{names[0]} = {self.module("pandas", "pd")}.read_pickle("{file.path}")'
        if self.program.boundaries.holds_formula(transfer) and transfer.kind in ("pickle", "cloudpickle"):
            value = f'{self.load_helper()}("{file.path}")'
        else:
            value = self.load_value(transfer.kind, file.path)
        if transfer.optional:
            return f"globals().update({value})"
        if transfer.names == [names[0]]:
            return self.restore(transfer, names[0], value)
        plain = all(self.is_plain(transfer, n) for n in transfer.names)
        if plain and names == transfer.names:
            return f"{', '.join(names)} = {value}"
        if plain and len(names) == 1:
            return f"{names[0]} = {value}[{transfer.names.index(names[0])}]"
        shared = self.fresh(f"from_{file.source.replace('-', '_')}")
        lines = [f"{shared} = {value}"]
        for name in names:
            line = self.restore(transfer, name, f"{shared}[{transfer.names.index(name)}]")
            if line:
                lines.append(line)
        return "\n".join(lines)

    def load_helper(self) -> str:
        """A function to load with: statsmodels looks for what a formula names two calls up."""
        name = self.fresh("load")
        pickle, path = self.module("pickle"), self.member("pathlib", "Path")
        self.helper = (
            f"def {name}(path):\n"
            "    # in a function, since a model looks for the names of its formula two calls up\n"
            f"    return {pickle}.loads({path}(path).read_bytes())"
        )
        return name

    def is_plain(self, transfer: Transfer, name: str) -> bool:
        return name not in STATE_CALLS and self.program.boundaries.state_of(transfer, name) is None

    def restore(self, transfer: Transfer, name: str, value: str) -> str:
        """The line that gives a name its value; the state of a definition waits until the definition stands."""
        if name in STATE_CALLS:
            module, _, setter = STATE_CALLS[name]
            return f"{self.module_of(module)}.{setter.format(value)}"
        state = self.program.boundaries.state_of(transfer, name)
        if state is None:
            return f"{name} = {value}"
        self.states.append(f"for attribute, state in {value}.items():\n    setattr({name}, attribute, state)")
        return ""

    def load_value(self, kind: str, path: str) -> str:
        if kind in ("pickle", "cloudpickle"):
            return f'{self.module("pickle")}.loads({self.member("pathlib", "Path")}("{path}").read_bytes())'
        if kind in STATE_CALLS:
            return self.load_value("pickle", path)
        return f'{self.module("joblib")}.load("{path}")'

    def module_of(self, name: str) -> str:
        return self.module("numpy", "np") if name == "numpy" else self.module(name)

    def saves(self) -> str:
        blocks: list[str] = []
        by_readers: dict[tuple[str, ...], list[CacheFile]] = {}
        for file in self.plan.saves:
            by_readers.setdefault(tuple(file.consumers), []).append(file)
        order = {name: n for n, name in enumerate(self.planner.names)}
        made = (
            f'{self.member("pathlib", "Path")}("cache/{self.plan.name}").mkdir(parents=True, exist_ok=True)'
            if self.plan.saves
            else ""
        )
        for readers, files in sorted(by_readers.items(), key=lambda item: [order[n] for n in item[0]]):
            lines = [f"# for {', '.join(readers)}"]
            if made:
                lines.append(made)
                made = ""
            blocks.append("\n".join([*lines, *(self.save(file) for file in files)]))
        if self.plan.metric_names:
            blocks.append(self.save_metrics())
        return "\n".join(blocks)

    def save(self, file: CacheFile) -> str:
        transfer = file.transfer
        if transfer.kind == "pandas":
            return f'{self.module("pandas", "pd")}.to_pickle({transfer.names[0]}, "{file.path}")'
        if transfer.optional:
            names = ", ".join(f'"{n}"' for n in transfer.names)
            value = f"{{k: v for k, v in globals().items() if k in ({names},)}}"
        elif len(transfer.names) == 1:
            value = self.saved_value(transfer, transfer.names[0])
        else:
            value = "(" + ", ".join(self.saved_value(transfer, name) for name in transfer.names) + ")"
        if transfer.kind != "joblib":
            module = self.module("cloudpickle" if transfer.kind == "cloudpickle" else "pickle")
            return f'{self.member("pathlib", "Path")}("{file.path}").write_bytes({module}.dumps({value}))'
        return f'{self.module("joblib")}.dump({value}, "{file.path}")'

    def saved_value(self, transfer: Transfer, name: str) -> str:
        """What is written for a name: its value; of a definition, the state that it has gathered."""
        if name in STATE_CALLS:
            module, getter, _ = STATE_CALLS[name]
            return f"{self.module_of(module)}.{getter}"
        state = self.program.boundaries.state_of(transfer, name)
        if state is None:
            return name
        if isinstance(next(iter(self.program.boundaries.exits[transfer.stage][name].sites)).node, ast.ClassDef):
            return f"{{k: v for k, v in vars({name}).items() if k in {tuple(state)!r}}}"
        return f'{{"__defaults__": {name}.__defaults__, "__kwdefaults__": {name}.__kwdefaults__, **vars({name})}}'

    def save_metrics(self) -> str:
        path, json, real = self.plan.metrics_file, self.module("json"), self.member("numbers", "Real")
        names = ", ".join(f'"{n}"' for n in self.plan.metric_names)
        metrics = self.fresh("metrics")
        numbers = f"{metrics} = {{n: globals().get(n) for n in ({names},)}}"
        only = f"{{n: v for n, v in {metrics}.items() if isinstance(v, ({real}, dict))}}"
        make = ""
        if "/" in path:
            make = (
                f'{self.member("pathlib", "Path")}("{PurePosixPath(path).parent}").mkdir(parents=True, exist_ok=True)\n'
            )
        return (
            f'{numbers}\n{make}with open("{path}", "w") as file:\n'
            f"    {json}.dump({only}, file, indent=2, default=lambda v: v.item())"
        )

    def folders(self) -> str:
        """The folders of the files that the stage writes: another stage may have made them in the notebook."""
        wanted: list[str] = []
        for use in self.plan.writes:
            folder = str(PurePosixPath(normal(use.path or "")).parent)
            own = any((d + "/").startswith(folder + "/") for d in self.plan.made_dirs)
            if folder != "." and not own and folder not in wanted and not folder.startswith(".."):
                wanted.append(folder)
        if not wanted:
            return ""
        path = self.member("pathlib", "Path")
        return "\n".join(f'{path}("{folder}").mkdir(parents=True, exist_ok=True)' for folder in sorted(wanted))

    # -- what other cells define

    def repeated(self, late: bool) -> list[str]:
        """Statements of other cells that this stage repeats, with their comments."""
        blocks: list[str] = []
        previous: Statement | None = None
        for statement in self.repeats:
            node = statement.node
            if (statement in self.plan.data.late) != late:
                continue
            if statement.param or (isinstance(node, IMPORTS) and statement in self.hoisted):
                continue
            cell = next(c for c in self.program.cells if c.index == statement.cell)
            text = ast.unparse(node) if isinstance(node, IMPORTS) else statement_text(cell, statement)
            adjacent = previous is not None and previous.cell == statement.cell and not isinstance(node, DEFINITIONS)
            if blocks and adjacent and previous is not None and not isinstance(previous.node, DEFINITIONS):
                blocks[-1] += "\n" + text
            else:
                blocks.append(text)
            previous = statement
        return blocks

    def unused_definitions(self) -> set[Statement]:
        """Functions and classes of this stage's cells that only other stages use."""
        mine = [s for s in self.own if isinstance(s.node, DEFINITIONS) and not s.changes]
        if not mine:
            return set()
        unused = set(mine)
        roots = {n for s in self.own if s not in unused for n in s.reads}
        roots |= {n for file in self.plan.saves for n in file.transfer.names}
        roots |= {n for s in self.repeats for n in s.reads}
        elsewhere = {
            name
            for p in self.planner.stages
            if p is not self.plan
            for s, names in p.data.repeats.items()
            for name in (names | s.binds)
            if s in unused
        }
        changed = True
        while changed:
            changed = False
            for statement in sorted(unused, key=lambda s: s.position):
                assert isinstance(statement.node, DEFINITIONS)
                if statement.node.name in roots or statement.node.name not in elsewhere:
                    unused.discard(statement)
                    roots |= set(statement.reads) | free_names(statement.node)
                    changed = True
        return unused

    # -- cells

    def cell(self, cell: SourceCell) -> str:
        """The cell's own lines, without imports that stand at the top and lines that mean nothing in a script."""
        edits = Edits(cell.python.text)
        for line in cell.python.dropped | directive_lines(cell.role.cell.source):
            edits.drop_line(line)
        for statement in cell.statements:
            if statement.hidden:
                continue
            if statement in self.hoisted or statement in self.dropped_definitions:
                edits.remove(statement.node, comments=isinstance(statement.node, DEFINITIONS))
        self.show(cell, edits)
        text = edits.text()
        return text if _has_code(text) else ""

    def show(self, cell: SourceCell, edits: Edits) -> None:
        """What a notebook shows, a script prints; figures become files."""
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "display":
                if not any("display" in s.binds for s in self.program.statements) and not node.keywords:
                    edits.replace(node.func, "print")
                elif not any("display" in s.binds for s in self.program.statements):
                    self.header.add("from IPython.display import display")
        for statement in cell.statements:
            for node in outside_functions(statement.node):
                if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
                    edits.run_awaited(node, self.module("asyncio"))
        plotting = [s for s in cell.statements if s.plots]
        shows = [s for s in cell.statements if _is_show(s.node)]
        last = cell.statements[-1] if cell.statements else None
        if last is not None and self.prints(cell, last):
            assert isinstance(last.node, ast.Expr)
            edits.wrap(last.node.value, "print(", ")")
        if not plotting or not self.plan.figures:
            return
        if self.simple_figures:
            code = self.figure_lines()
            if shows:
                edits.replace(shows[0].node, code)
            else:
                edits.append(code)
        elif not shows or shows[-1] is not last:
            edits.append(f"{self.pyplot()}.show()")

    def prints(self, cell: SourceCell, last: Statement) -> bool:
        """Whether the value of a cell's last line is worth a `print`."""
        node = last.node
        if not isinstance(node, ast.Expr) or last.plots or last.sets or last.seeds or last.changes:
            return False
        if isinstance(node.value, ast.Constant | ast.Await | ast.Yield) or self.is_bound("print"):
            return False
        line = cell.python.text.split("\n")[(node.end_lineno or node.lineno) - 1].encode()
        if line[node.end_col_offset or 0 :].decode().strip().startswith(";"):
            return False
        if isinstance(node.value, ast.Call):
            func = node.value.func
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            return not SILENT_CALLS.match(name) and self.gives_value(name)
        if isinstance(node.value, ast.Name):
            var = self.program.interpreter.state.get(node.value.id)
            return not any(obj.type == "matplotlib" for obj in var.values)
        return not isinstance(node.value, ast.List | ast.Tuple) or not last.plots

    def is_bound(self, name: str) -> bool:
        return any(name in s.binds for s in self.program.statements)

    def gives_value(self, name: str) -> bool:
        """A function of the notebook without a `return` of a value shows nothing."""
        for statement in self.program.statements:
            if isinstance(statement.node, ast.FunctionDef) and statement.node.name == name:
                return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(statement.node))
        return True

    # -- figures

    def are_figures_simple(self) -> bool:
        """Whether each cell that plots leaves exactly one figure, made by its own top-level lines."""
        for cell in self.plan.cells:
            plotting = [s for s in cell.statements if s.plots]
            if not plotting:
                continue
            figures = sum(s.figures for s in plotting)
            nested = any(
                isinstance(n, ast.Call) and _is_show(ast.Expr(n))
                for s in cell.statements
                for n in ast.walk(s.node)
                if not _is_show(s.node)
            )
            shows = [s for s in cell.statements if _is_show(s.node)]
            drawn_after = shows and any(
                s.plots and not _is_show(s.node) and s.position > shows[0].position for s in cell.statements
            )
            drawing = [s for s in plotting if not _is_show(s.node)]
            if any(isinstance(n, ast.Attribute) and n.attr in ("close", "clf") for n in ast.walk(cell.tree)):
                return False
            if figures > 1 or nested or len(shows) > 1 or drawn_after or not drawing:
                return False
            if any(s.plots_unsure for s in drawing) or not (figures or any(s.draws_current for s in drawing)):
                return False
            if figures and drawing[0].figures == 0:
                return False
        # A function or module that shows figures itself needs `plt.show` to save them.
        return not any(
            "show" in {n.attr for n in ast.walk(s.node) if isinstance(n, ast.Attribute)} for s in self.repeats
        )

    def figure_lines(self) -> str:
        """Save and close pyplot's current figure."""
        self.figure_count += 1
        plt, path, lines = self.pyplot(), self.member("pathlib", "Path"), []
        if not self.figure_folder_made:
            self.figure_folder_made = True
            lines.append(f'{path}("{self.plan.figures}").mkdir(parents=True, exist_ok=True)')
        lines.append(f'{plt}.savefig("{self.plan.figures}/figure_{self.figure_count}.png")')
        lines.append(f"{plt}.close()")
        return "\n".join(lines)

    def figure_helper(self) -> list[str]:
        """`plt.show` that saves: for stages whose figures come from loops, functions or several to a cell."""
        if not self.plan.figures or self.simple_figures:
            return []
        plt, path, count = self.pyplot(), self.member("pathlib", "Path"), self.member("itertools", "count")
        numbers, name = self.fresh("figure_numbers"), self.fresh("save_figures")
        return [
            f'{path}("{self.plan.figures}").mkdir(parents=True, exist_ok=True)\n{numbers} = {count}(1)',
            f'def {name}(*_, **__):\n    """Save and close the open figures, as a notebook shows and closes them."""\n'
            f"    for number in {plt}.get_fignums():\n"
            f'        {plt}.figure(number).savefig(f"{self.plan.figures}/figure_{{next({numbers})}}.png")\n'
            f'    {plt}.close("all")',
            f"{plt}.show = {name}",
        ]

    def pyplot(self) -> str:
        return self.module("matplotlib.pyplot", "plt")

    def backend(self) -> str:
        """Scripts open no windows."""
        uses = self.plan.figures or any(
            m.split(".")[0] in ("matplotlib", "seaborn") for m in [*self.header.modules, *self.header.members]
        )
        if not uses:
            return ""
        return f'{self.module("matplotlib")}.use("agg")'


def module_text(module: DefinitionsModule, planner: Planner) -> str:
    """The text of a module of definitions."""
    name = PurePosixPath(planner.path).name
    stages = " and ".join(f"`{planner.names[i]}`" for i in sorted(module.stages))
    intro = f'"""Definitions of {name} for {stages}. Edit the notebook and run `nb2stage convert {name}`."""'
    used = {n for s in module.statements for n in s.reads} | {
        n
        for s in module.statements
        for part in ast.walk(s.node)
        if isinstance(part, DEFINITIONS)
        for n in free_names(part)
    }
    header = Header()
    for statement in planner.program.statements:
        if isinstance(statement.node, IMPORTS):
            for alias in statement.node.names:
                if (alias.asname or alias.name.split(".")[0]) in used or (
                    isinstance(statement.node, ast.ImportFrom) and statement.node.module == "__future__"
                ):
                    header.add(_import_text(statement.node, alias))
    for other in planner.modules:
        for each in sorted(other.names & used) if other is not module else ():
            if any(each in s.binds and isinstance(s.node, DEFINITIONS) for s in other.statements):
                header.add(f"from {other.name} import {each}")
    blocks = [intro, "\n".join(header.lines({FOLDER}))]
    for statement in module.statements:
        cell = next(c for c in planner.program.cells if c.index == statement.cell)
        text = statement_text(cell, statement)
        if isinstance(statement.node, ast.Assign) and len(blocks) > 2 and _is_assignment(blocks[-1]):
            blocks[-1] += "\n" + text
        else:
            blocks.append(text)
    return _join_blocks([b for b in blocks if b])


def _is_assignment(block: str) -> bool:
    return isinstance(ast.parse(block).body[-1], ast.Assign)


class Edits:
    """Changes to the text of one cell, by position; everything else stays as the user wrote it."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.edits: list[tuple[int, int, str]] = []
        self.dropped: set[int] = set()
        self.after = ""
        offsets, total = [], 0
        self.data = text.encode()
        for line in self.data.split(b"\n"):
            offsets.append(total)
            total += len(line) + 1
        self.offsets = offsets

    def span(self, node: ast.AST) -> tuple[int, int]:
        first = node.lineno  # type: ignore[attr-defined]
        column = node.col_offset  # type: ignore[attr-defined]
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            first, column = decorators[0].lineno, decorators[0].col_offset - 1
        end = self.offsets[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return self.offsets[first - 1] + column, end

    def drop_line(self, line: int) -> None:
        """Leave a whole line out."""
        self.dropped.add(line)

    def remove(self, node: ast.stmt, comments: bool = False) -> None:
        """Leave a statement out: its lines with a comment behind it, or its part of a line with `;`; with the
        `comments` directly above it if wanted."""
        start, end = self.span(node)
        line = self.data.count(b"\n", 0, start)
        while comments and line > 0 and self.lines[line - 1].startswith("#"):
            self.drop_line(line)
            line -= 1
        line_start = self.data.rfind(b"\n", 0, start) + 1
        line_end = self.data.find(b"\n", end)
        line_end = len(self.data) if line_end < 0 else line_end
        before, after = self.data[line_start:start], self.data[end:line_end].strip()
        if not before.strip() and (not after or after.startswith(b"#") or after == b";"):
            self.edits.append((line_start, min(line_end + 1, len(self.data)), ""))
        elif after.startswith(b";"):
            stop = end + self.data[end:line_end].index(b";") + 1
            while stop < line_end and self.data[stop : stop + 1] == b" ":
                stop += 1
            self.edits.append((start, stop, ""))
        else:
            begin = self.data.rindex(b";", line_start, start)
            self.edits.append((begin, end, ""))

    def replace(self, node: ast.AST, text: str) -> None:
        """Put other text in the place of a node."""
        start, end = self.span(node)
        self.edits.append((start, end, text))

    def wrap(self, node: ast.AST, before: str, after: str) -> None:
        """Put text around a node; brackets around it belong to it."""
        start, end = self.span(node)
        line_start = self.data.rfind(b"\n", 0, start) + 1
        opened = self.data[line_start:start].count(b"(")
        if opened and not self.data[line_start:start].strip(b" ("):
            start = line_start + self.data[line_start:start].index(b"(")
            closing = re.match(rb"(?:\s*(?:#[^\n]*\n)?\s*\)){%d}" % opened, self.data[end:])
            end += closing.end() if closing else 0
        self.edits += [(start, start, before), (end, end, after)]

    def run_awaited(self, node: ast.Await, asyncio: str) -> None:
        """`await f()` as `asyncio.run(f())`."""
        (start, end), (inner, _) = self.span(node), self.span(node.value)
        self.edits += [(start, inner, f"{asyncio}.run("), (end, end, ")")]

    def append(self, text: str) -> None:
        """Put lines at the end of the cell."""
        self.after = text

    def text(self) -> str:
        """The changed text, without blank lines at either end."""
        for line in self.dropped:
            start = self.offsets[line - 1]
            end = self.offsets[line] if line < len(self.offsets) else len(self.data)
            self.edits.append((start, end, ""))
        data, result, position = self.data, [], 0
        for start, end, replacement in sorted(self.edits, key=lambda e: (e[0], e[1])):
            if start < position:
                continue
            result += [data[position:start], replacement.encode()]
            position = end
        result.append(data[position:])
        lines = [line.rstrip() if not line.strip() else line for line in b"".join(result).decode().split("\n")]
        text = "\n".join(lines).strip("\n")
        text = re.sub(r"\n{4,}", "\n\n\n", text) if '"""' not in text and "'''" not in text else text
        return f"{text}\n{self.after}" if self.after else text


def statement_text(cell: SourceCell, statement: Statement) -> str:
    """A top-level statement as it stands in its cell, with the comment lines directly above it."""
    edits = Edits(cell.python.text)
    start, end = edits.span(statement.node)
    data = edits.data
    line_start = data.rfind(b"\n", 0, start) + 1
    text = data[start:end].decode()
    line_end = data.find(b"\n", end)
    behind = data[end : len(data) if line_end < 0 else line_end].decode()
    if behind.strip().startswith("#"):
        text += behind.rstrip()
    above: list[str] = []
    lines = data[:line_start].decode().split("\n")[:-1]
    hidden = directive_lines(cell.role.cell.source) | cell.python.dropped
    while lines and lines[-1].startswith("#") and len(lines) not in hidden:
        above.insert(0, lines.pop())
    return "\n".join([*above, text]) if not data[line_start:start].strip() else text


def _mentioned(node: ast.AST) -> set[str]:
    """The names in a statement, also those in its texts: formulas and queries."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.update(re.findall(r"[^\W\d]\w*", part.value))
    return found


def _is_show(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    func = node.value.func
    return isinstance(func, ast.Attribute) and func.attr == "show" and isinstance(func.value, ast.Name)


def _has_code(text: str) -> bool:
    return any(line.strip() and not line.strip().startswith("#") for line in text.split("\n"))


def _import_text(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    name = alias.name + (f" as {alias.asname}" if alias.asname else "")
    if isinstance(node, ast.Import):
        return f"import {name}"
    return f"from {'.' * node.level}{node.module or ''} import {name}"


def _same_import(one: ast.stmt, two: ast.stmt, name: str) -> bool:
    """Whether two import statements bind a name to the same thing."""
    return bool(_targets(one, name) & _targets(two, name))


def _targets(node: ast.stmt, name: str) -> set[str]:
    if isinstance(node, ast.Import):
        return {
            a.name if a.asname else a.name.split(".")[0]
            for a in node.names
            if (a.asname or a.name.split(".")[0]) == name
        }
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{a.name}" for a in node.names if (a.asname or a.name) == name}
    return set()


def _join_blocks(blocks: Sequence[str]) -> str:
    """Blocks with one blank line between them, two around functions and classes."""
    text = blocks[0]
    for block in blocks[1:]:
        previous_lines = text.split("\n")
        starts_definition = bool(re.match(r"(#[^\n]*\n)*(@|def |class |async def )", block))
        ends_definition = _ends_with_definition(previous_lines)
        text += ("\n\n\n" if starts_definition or ends_definition else "\n\n") + block
    return text.rstrip("\n") + "\n"


def _ends_with_definition(lines: list[str]) -> bool:
    for line in reversed(lines):
        if line and not line[0].isspace() and not line.startswith((")", "]", "}", "#", '"""', "'''")):
            return line.startswith(("def ", "class ", "async def ", "@"))
    return False
