"""Texts that name a file, in calls of which nobody knows what they do -> uses of files, and questions where that is open.

A path that another stage writes is an edge.  A file that is there and that no stage writes is an input: a dependency too
many runs a stage once more, one too few leaves an old result.  A file that is not there yet must come from somewhere: from
this call, where its name says that it writes and a later stage reads the file.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from typing import Final

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.fileuses import MEMORY, database_files
from nb2stage.analysis.notes import FileUse, Mention
from nb2stage.analysis.objects import Statement
from nb2stage.analysis.vocabulary import FileMode
from nb2stage.patterns import Pattern
from nb2stage.planning.definitions import FOLDER
from nb2stage.planning.messages import Notes
from nb2stage.planning.places import located, spelled
from nb2stage.planning.stageplan import StagePlan, Surroundings, normal
from nb2stage.records import dataclass, field
from nb2stage.trees import walk

_WORD: Final = Pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_READING: Final = (
    "read",
    "load",
    "open",
    "scan",
    "parse",
    "import",
    "fetch",
    "imread",
    "dataset",
    "folder",
)
_WRITING: Final = ("write", "save", "dump", "export", "imwrite", "imsave", "store", "record", "checkpoint")
_KEYWORDS: Final = Pattern(r"path|file|folder|dir|root", re.IGNORECASE)
# Suffixes that no name of a column, a module or a version has.
_SUFFIX: Final = Pattern(
    r"\.(?:csv|tsv|txt|dat|json|jsonl|ndjson|ya?ml|toml|ini|xml|html?|md|tex|log|xlsx?|ods|pdf|docx?|pptx?"
    r"|parquet|feather|arrow|ipc|orc|avro|pkl|pickle|joblib|np[yz]|mat|h5|hdf5?|nc|zarr|grib2?|fits?|sas7bdat|dta|sav"
    r"|db|sqlite3?|duckdb|sql|png|jpe?g|gif|svg|bmp|tiff?|webp|eps|ico|wav|mp3|flac|ogg|mp4|avi|mov|mkv"
    r"|pt|pth|ckpt|safetensors|onnx|keras|pb|tflite|bin|model|cbm|ubj|weights|gguf"
    r"|geojson|shp|gpkg|kml|las|ply|obj|stl|sdf|mol2?|pdb|xyz|cif|smi|fasta|fastq|fa|fq|gbk?|vcf|bed|bam|sam|gff3?|nwk"
    r"|mtx|arff|svmlight|zip|tar|gz|tgz|bz2|xz|zst|7z|lock|cfg|conf|env|pyx?|ipynb|sh|r)$",
    re.IGNORECASE,
)
_PATTERN: Final = Pattern(r"[*?\[]")
_CHANGES: Final = ("write", "append", "update", "connect")


@dataclass
class _Named:
    """A path in one stage: where it is named first, and what the calls that are given it are called."""

    path: str
    text: str  # as the notebook writes it
    plan: StagePlan
    statement: Statement
    node: ast.AST
    ways: tuple[tuple[int, int, int], ...]
    calls: set[str] = field(default_factory=set)
    keyword: bool = False  # given by a keyword that is about files
    positional: bool = False
    known: bool = True

    @property
    def verb(self) -> str:
        """`read` or `write` where the names of all calls say so."""
        verbs = {_verb(call) for call in self.calls}
        return verbs.pop() if len(verbs) == 1 else ""

    def use(self, mode: FileMode) -> FileUse:
        return FileUse(mode, self.path, self.statement, self.node, None, self.ways)


class Mentions:
    """Decides for each text that may name a file what it is."""

    def __init__(
        self, stages: Sequence[StagePlan], uses: Sequence[FileUse], program: Program, around: Surroundings, notes: Notes
    ) -> None:
        self.stages, self.around, self.notes = stages, around, notes
        self.order = {plan.data.index: position for position, plan in enumerate(stages)}
        self.writers: dict[str, set[int]] = defaultdict(set)
        self.readers: dict[str, set[int]] = defaultdict(set)
        for use in uses:
            if use.path is not None and use.statement.stage in self.order:
                place = self.order[use.statement.stage]
                (self.writers if use.mode in _CHANGES else self.readers)[normal(use.path)].add(place)
        roles = [(place, cell.role) for place, plan in enumerate(stages) for cell in plan.cells]
        for place, role in roles:
            for path in role.outs:
                self.writers[path].add(place)
            for path in role.deps:
                self.readers[path].add(place)
        self.declaring = {role.cell.index for _, role in roles if role.deps or role.outs}
        self.own = {"cache", FOLDER, "dvc.lock", *(plan.folder for plan in stages)}
        self.own |= {path for plan in stages for path in (plan.script, plan.figures, plan.pages) if path}
        self.named = self.collect(program.heap.mentions)
        self.by_path: dict[str, list[_Named]] = defaultdict(list)
        for named in self.named:
            self.by_path[named.path].append(named)
        self.repeated: list[tuple[StagePlan, str]] = []  # what a statement reads that the stage repeats
        self.asked: set[str] = set()

    def collect(self, mentions: Iterable[Mention]) -> list[_Named]:
        """What each stage names, in the order of the cells."""
        found: dict[tuple[int, str], _Named] = {}
        repeated: dict[Statement, list[StagePlan]] = defaultdict(list)
        for plan in self.stages:
            for statement in plan.data.repeats:
                repeated[statement].append(plan)
        for mention in sorted(mentions, key=lambda m: m.statement.position):
            path = self.path_of(mention)
            here = [plan for plan in self.stages if plan.data.index == mention.statement.stage]
            for plan in [*here, *repeated[mention.statement]] if path else ():
                key = (self.order[plan.data.index], path)
                named = found.get(key)
                if named is None:
                    named = _Named(path, mention.text, plan, mention.statement, mention.node, mention.ways)
                    found[key] = named
                elif not mention.ways:
                    named.ways = ()
                named.calls.add(mention.call)
                named.keyword = named.keyword or _KEYWORDS.search(mention.keyword) is not None
                named.positional = named.positional or not mention.keyword
                named.known = named.known and mention.known
        return [found[key] for key in sorted(found, key=lambda key: key[0])]

    def path_of(self, mention: Mention) -> str:
        """The path that a text may be; empty where it certainly is none."""
        text = mention.text
        if "://" in text:
            text = str(next(iter(database_files([text])), ""))
        if text == MEMORY or "://" in text or text.strip(" ./\\~") == "" or text != text.strip():
            return ""
        path = normal(located(text, self.around.folder))
        return "" if path in self.own or (path.startswith("cache/") and path not in self.writers) else path

    def uses(self) -> list[FileUse]:
        """The uses that are certain enough."""
        found = []
        for named in self.named:
            mode = self.mode_of(named)
            place = self.order[named.plan.data.index]
            if mode and named.plan.data.index != named.statement.stage:
                self.repeated.append((named.plan, named.path))
            elif mode:
                found.append(named.use(mode))
                if (
                    mode == "read" and named.verb != "read"
                ):  # what it gives may keep the path: `Namespace(path="a.csv")`
                    self.repeated += [(o, named.path) for o in self.stages[place + 1 :] if _gets(o, named.statement)]
                (self.writers if mode == "write" else self.readers)[named.path].add(place)
        return found

    def mode_of(self, named: _Named) -> FileMode | None:
        """How the stage uses the file; None where it does not, as far as is known."""
        path, place = named.path, self.order[named.plan.data.index]
        if _PATTERN.search(path):
            return self.pattern(named)
        writers = self.writers.get(path, set())
        if place in writers or place in self.readers.get(path, ()):
            return None
        made = bool(writers) or path in self.around.known_outs
        if any(writer < place for writer in writers):
            return "write" if named.verb == "write" else "read"
        if not made and self.around.exists(path):
            return self.there(named, place)
        if any(other.startswith(path + "/") for other in self.writers):
            return "glob" if self.is_folder(named) else None
        if writers:
            writer = self.stages[min(writers)].name
            self.ask(named, f"stage `{writer}` writes it later", error=False)
            return None
        return self.missing(named, place)

    def pattern(self, named: _Named) -> FileMode | None:
        """`data/*.csv` is a pattern where files match it."""
        path = named.path
        if "/" not in named.text and not named.text.startswith("*."):
            return None
        return "glob" if any(fnmatch(other, path) for other in self.writers) or self.around.glob(path) else None

    def is_folder(self, named: _Named) -> bool:
        """Whether a word that is the name of a folder means it."""
        return "/" in named.text or named.keyword or (named.verb == "read" and named.positional)

    def there(self, named: _Named, place: int) -> FileMode | None:
        """A file or folder that is there, and that no stage is known to write."""
        if self.around.is_dir(named.path):
            return "glob" if self.is_folder(named) and not named.path.startswith(("/", "..")) else None
        if named.verb == "write":
            if self.used_after(named.path, place):
                return "write"
            self.ask(named, "DVC will not keep it", error=False)
            return None
        if not named.verb and not named.known:
            self.ask(named, "it is taken for an input", error=False)
        return "read"

    def missing(self, named: _Named, place: int) -> FileMode | None:
        """A file that is not there and that no stage is known to write."""
        if named.known and named.verb != "write":
            return None  # `load_sample_image("china.jpg")` brings its own
        others = self.used_after(named.path, place)
        if named.verb == "write" and others:
            return "write"
        if not _SUFFIX.search(named.path):
            return None
        if named.verb == "read":
            return "read"
        if others:
            self.ask(named, f"stage `{self.stages[min(others)].name}` uses it too", error=True)
        else:
            self.ask(named, "DVC will not keep it", error=False)
        return None

    def used_after(self, path: str, place: int) -> set[int]:
        """The later stages that read a file, or name it in a call that does not say that it writes."""
        readers = {reader for reader in self.readers.get(path, ()) if reader > place}
        others = {self.order[o.plan.data.index] for o in self.by_path.get(path, ()) if o.verb != "write"}
        return readers | {other for other in others if other > place}

    def ask(self, named: _Named, what: str, error: bool) -> None:
        """Ask for the file to be declared, once."""
        if named.statement.cell in self.declaring or named.path in self.asked:
            return
        self.asked.add(named.path)
        call = min(named.calls)
        given = f"`{named.path}` is given to `{call}`" if call else f"`{named.path}` stands in this command"
        message = f"{given}, of which nb2stage does not know whether it reads or writes the file: {what}"
        text = spelled(named.path, self.around.folder)
        hint = f"add a first line to the cell: `#| deps: {text}` or `#| outs: {text}`"
        (self.notes.error if error else self.notes.warn)(named.use("read"), "NB416", message, hint)

    # -- texts that no call is given

    def loose(self, uses: Sequence[FileUse]) -> Iterator[tuple[StagePlan, str]]:
        """Files that are there, that code names and that nobody is seen to use: a stage may get the path in a value."""
        used = {normal(use.path) for use in uses if use.path is not None} | set(self.writers) | set(self.readers)
        used |= self.by_path.keys() | self.around.known_outs
        yield from self.repeated
        for plan in self.stages:
            for statement in plan.data.statements:
                for path in sorted(self.literals(statement.node) - used - self.own):
                    if not self.around.exists(path) or self.around.is_dir(path):
                        continue
                    for other in self.stages:
                        if other is plan or _gets(other, statement):
                            yield other, path

    def literals(self, tree: ast.AST) -> set[str]:
        """The texts in code that look like a file."""
        texts = (node.value for node in walk(tree) if isinstance(node, ast.Constant))
        named = (text for text in texts if isinstance(text, str) and len(text) < 200 and _SUFFIX.search(text))
        return {normal(located(text, self.around.folder)) for text in named}


def _gets(plan: StagePlan, statement: Statement) -> bool:
    """Whether a stage gets something that a statement of another stage binds."""
    return statement in plan.data.repeats or bool(statement.binds & plan.data.needs.keys())


def _verb(call: str) -> str:
    """Whether the name of a call says that it reads or writes."""
    words = [word.lower() for word in _WORD.findall(call)]
    for word in words:
        if word.startswith(_WRITING):
            return "write"
        if word.startswith(_READING):
            return "read"
    return "write" if words[:1] == ["to"] else "read" if words[:1] == ["from"] else ""
