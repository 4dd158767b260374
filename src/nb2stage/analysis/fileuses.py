"""The files that calls read, write, list and remove, by the row of a call and by the texts that it is given."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.notes import FileUse, Mention
from nb2stage.analysis.objects import ATOM, Constants, Obj, Values
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.shellfiles import files_of, files_of_words
from nb2stage.analysis.sqltext import changes_nothing, exported_files
from nb2stage.analysis.vocabulary import MEMMAP, FileMode
from nb2stage.knowledge import Effect
from nb2stage.patterns import Pattern
from nb2stage.trees import walk

# Words of a row and the one use of a file that they mean.
READING: Final[dict[str, FileMode]] = {"reads": "read", "reads-if-there": "read-if-there"}


ONE_FILE: Final[dict[str, FileMode]] = {"globs": "glob", "removes": "remove", "probes": "probe", "mkdirs": "mkdir"}


FILE_ARGUMENTS = frozenset(
    """path_or_buf filepath_or_buffer path fname filename file io f buf excel_writer source where fp uri file_name file_path
    filepath filename_or_obj model_file database fileobj sink dest path_or_paths fn filepath_or_obj handle
    con dotenv_path""".split()  # noqa: SIM905
)


SHELL = frozenset(["system", "popen", "run", "call", "check_call", "check_output", "Popen", "getoutput"])


# What `shutil.make_archive` puts behind the name.
ARCHIVES = {
    "zip": ".zip",
    "tar": ".tar",
    "gztar": ".tar.gz",
    "bztar": ".tar.bz2",
    "xztar": ".tar.xz",
    "zstdtar": ".tar.zst",
}


# What some libraries call the modes of `open`.
MODES = {
    "readonly": "r",
    "denywrite": "r",
    "copyonwrite": "r",
    "update": "r+",
    "append": "a",
    "ostream": "w",
    "w-": "x",
}


# Letters in a mode, and how such a file is used: what is emptied first is written, whatever else is said.
OPENED: Final[tuple[tuple[str, FileMode], ...]] = (("?", "unknown"), ("wx", "write"), ("a", "append"), ("+", "update"))


# The name of a database that is in no file, and the methods of a connection that are given SQL.
MEMORY = ":memory:"


QUERIES = frozenset({"execute", "executemany", "executescript", "sql", "query"})


DATABASE_URL = Pattern(r"(?:sqlite|duckdb)(?:\+\w+)?://(?:/(.*))?$")


LONGEST_PATH = 200


QUOTED = Pattern(r"'([^'\n]+)'|\"([^\"\n]+)\"")


PATH_METHODS: Final[dict[str, FileMode]] = {
    **dict.fromkeys(("read_text", "read_bytes"), "read"),
    **dict.fromkeys(("write_text", "write_bytes"), "write"),
    "unlink": "remove",
    **dict.fromkeys(("rename", "replace", "rmdir"), "unknown"),
    **dict.fromkeys(("exists", "is_file", "is_dir", "stat"), "probe"),
    "mkdir": "mkdir",
    "touch": "append",
    **dict.fromkeys(("glob", "rglob", "iterdir", "walk"), "glob"),
}


# What an open archive gives by the name that it has within: no file of the project.
MEMBERS: Final = frozenset({"read", "open", "getinfo", "getmember", "extractfile"})


def _members(node: ast.expr) -> Iterator[ast.expr]:
    """What a list, a dict or the like is written with, and not what stands in calls and operators."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        for each in node.elts:
            yield from _members(each)
    elif isinstance(node, ast.Dict):
        for each in node.values:
            yield from _members(each)
    elif isinstance(node, ast.Starred):
        yield from _members(node.value)
    else:
        yield node


def _flat(constant: object) -> Iterator[str]:
    """The texts in a constant, of which a tuple has several."""
    if isinstance(constant, tuple):
        for each in constant:
            yield from _flat(each)
    elif constant is not None and not isinstance(constant, bool | int | float | complex):
        yield str(constant)


def _with_suffix(path: object, effect: Effect) -> object:
    """The path at which a file is written that is to have a suffix."""
    text = str(path)
    has = text.endswith(effect.suffix) if effect.suffix_always else bool(posixpath.splitext(text)[1])
    return path if has or isinstance(path, tuple) else text + effect.suffix


def database_files(names: Iterable[object]) -> frozenset[object]:
    """The files of databases that are named by a path or by a URL; those on a server have none."""
    found: set[object] = set()
    for name in names:
        url = DATABASE_URL.match(str(name))
        if url is not None:
            found.add(url[1] or MEMORY)
        elif "://" not in str(name):
            found.add(name)
    return frozenset(found)


OPENERS = frozenset(
    [
        "builtins.open",
        "io.open",
        "gzip.open",
        "gzip.GzipFile",
        "bz2.BZ2File",
        "lzma.LZMAFile",
        "codecs.open",
        "bz2.open",
        "lzma.open",
        "zipfile.ZipFile",
        "tarfile.open",
    ]
)


MEMMAPS = ("numpy.memmap", "numpy.lib.format.open_memmap", "numpy.load")


SHELVES = ("shelve.open", "dbm.open", "dbm.gnu.open", "dbm.ndbm.open", "dbm.dumb.open")


@cache
def calls_in(tree: ast.AST) -> tuple[ast.Call, ...]:
    """All calls in a piece of code."""
    return tuple(node for node in walk(tree) if isinstance(node, ast.Call))


class FileUses:
    """Writes down the files that calls use."""

    def __init__(self, heap: Heap, plain: PlainValues) -> None:
        self.heap = heap
        self.plain = plain

    def apply_files(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> None:
        """Write down the files that a row says a call uses; where none says, the texts that may name one."""
        self.heap.statement.unknown = self.heap.statement.unknown or effect.unknown
        if effect.sets == "logging" or effect.type == "log_handler":
            self.note_log(effect, arguments)
        if not effect.file:
            if receiver & self.heap.databases.keys():
                self.query_database(receiver, arguments, node)
            inside = self.heap.name_of(node) in MEMBERS and any(o.type == "handle" for o in receiver)
            if not effect.cheap and not inside:
                self.mention_files(arguments, node, known=not effect.unknown)
            return
        if effect.file == "file":
            return
        first = arguments[0].constants if arguments else None
        if effect.file == "unknown-file":
            self.run_command(first if self.heap.name_of(node) in SHELL else None, node)
        elif effect.file in ("copies", "moves"):
            modes: tuple[FileMode, ...] = ("read" if effect.file == "copies" else "remove", "write")
            for mode, argument in zip(modes, arguments, strict=False):
                self.use_file(mode, argument.constants, node)
        elif effect.file == "connects":
            self.connect(arguments, node)
        elif effect.file == "opens":
            self.open_as_said(arguments, node, effect.mode)
        elif effect.file in ONE_FILE:
            here = frozenset({"."}) if effect.file == "globs" and not arguments else first
            self.use_file(ONE_FILE[effect.file], here, node, arguments[0].node if arguments else None)
        else:
            self.use_data_file(effect, arguments, node)

    def note_log(self, effect: Effect, arguments: list[Argument]) -> None:
        """`basicConfig(filename="app.log")`, `FileHandler("app.log")`: each stage that logs adds to that file."""
        for place, argument in enumerate(arguments):
            if argument.name == "filename" or (effect.type == "log_handler" and argument.name is None and not place):
                self.heap.log_files |= {posixpath.normpath(str(path)) for path in argument.constants or ()}

    def use_data_file(self, effect: Effect, arguments: list[Argument], node: ast.AST) -> None:
        """`read_csv("a.csv")`, `df.to_csv("b.csv")`, `np.save("c", x)`, `joblib.dump(x, "d")`."""
        plain = [a for a in arguments if a.name is None and not a.star]
        named = [a for a in arguments if a.name in FILE_ARGUMENTS]
        where = named[-1] if named else plain[effect.place] if effect.place < len(plain) else None
        if where is None:
            if effect.default:
                self.use_file(READING[effect.file], frozenset({effect.default}), node)
            return  # `df.to_csv()` gives a string
        if where.constants is None and where.values & self.heap.databases.keys():
            self.change_database(where.values, node)
            return
        if where.constants is None and any(obj.type == "handle" for obj in where.values):
            return  # the `open` has said it
        if effect.file == "appends" and where.constants is None:
            return  # `df.to_sql("t", connection)`, of which nothing is known
        appends = effect.file == "appends" or any(a.name == "mode" and "a" in (a.constants or ()) for a in arguments)
        mode = READING.get(effect.file, "append" if appends else "write")
        paths = where.constants if where.constants is not None else self.heap.given_paths.get(id(where.node))
        if paths is not None and any("://" in str(path) for path in paths):
            paths = database_files(paths)
        if paths is None and mode == "read" and self.read_listed(where.values, node):
            return
        if effect.suffix and paths is not None and not any(a.name == "format" for a in arguments):
            paths = frozenset(_with_suffix(path, effect) for path in paths)
        self.use_file(mode, paths, node, where.node)

    def connect(self, arguments: list[Argument], node: ast.AST) -> None:
        """`sqlite3.connect("shop.db")`, `create_engine("sqlite:///shop.db")`."""
        first = arguments[0].constants if arguments else frozenset({MEMORY})
        paths = database_files(first) if first is not None else None
        if paths != frozenset({MEMORY}) and (paths or paths is None):
            self.use_file("connect", paths, node)
        self.heap.connecting = paths

    def query_database(self, receiver: Values, arguments: list[Argument], node: ast.AST) -> None:
        """`con.execute("insert ...")`: what is no query changes the file of the database."""
        if self.heap.name_of(node) not in QUERIES or not arguments:
            return
        text = arguments[0].constants
        if text is None or not all(isinstance(each, str) and changes_nothing(each) for each in text):
            self.change_database(receiver, node)

    def change_database(self, objects: Values, node: ast.AST) -> None:
        """Something is written through a connection: to its file, or to the connection itself."""
        for obj in sorted(objects & self.heap.databases.keys()):
            paths = self.heap.databases[obj]
            if paths is None or paths - {MEMORY}:
                self.use_file("update", paths, node)
            else:
                self.heap.change(obj)

    def use_file(self, mode: FileMode, where: Constants, node: ast.AST, place: ast.AST | None = None) -> None:
        """Write down the use of a file; `place` is the expression in the call that says which."""
        self.heap.statement.impure = self.heap.statement.impure or where is None or mode not in READING.values()
        if where is None or len(where) != 1:
            place = None
        paths = sorted(str(p) for p in where if not isinstance(p, tuple)) if where is not None else [None]
        ways = self.ways_to(node, len(paths))
        for path in paths:
            if path is not None and mode in READING.values() and posixpath.normpath(path) in self.heap.log_files:
                text = f"each stage adds what it logs to `{path}`, so no stage can read all of it"
                self.heap.find("NB220", node, path, text, "write what is needed later into a file of its own")
            there, imported = self.heap.in_notebook(node), bool(self.heap.loading)
            self.heap.files.append(FileUse(mode, path, self.heap.statement, there, place, ways, imported))
            if path is not None and path.endswith(".py") and mode in ("write", "append", "update"):
                self.heap.written_modules[posixpath.normpath(path)] = None

    def ways_to(self, node: ast.AST, count: int) -> tuple[tuple[int, int, int], ...]:
        """The branches around a use; of several files it may use one only."""
        one_of = self.heap.guesses or (count > 1 and not self.runs_over(count))
        return (*self.heap.ways, (id(node), 0, 2)) if one_of else self.heap.ways

    def runs_over(self, count: int) -> bool:
        """Whether loops around run over so many constants: each of the paths is used, not one of them."""
        products = {1}
        for size in self.heap.each:
            products |= {size * product for product in products}
        return count in products

    def open_file(self, where: Constants, modes: Constants, node: ast.AST, place: ast.AST | None) -> None:
        """`open(path, mode)` and its like."""
        for mode in sorted(MODES.get(str(m), str(m)) for m in modes) if modes else ["?"]:
            kinds = [kind for letters, kind in OPENED if any(letter in mode for letter in letters)]
            self.use_file(kinds[0] if kinds else "read", where, node, place)

    # -- texts that may name a file, in calls of which nobody knows what they do with it

    def mention_files(self, arguments: Iterable[Argument], node: ast.AST, known: bool) -> None:
        """Write down the texts that a call is given; with `known`, tables say what it does, and nothing of files."""
        call = self.heap.name_of(node)
        exported = self.exported(arguments)
        if exported:
            self.use_file("write", exported, node)
        found: dict[tuple[str, str], int] = {}
        for argument in arguments:
            texts = self.texts_of(argument)
            for text in texts:
                found.setdefault((text, argument.name or ""), len(texts))
        for (text, keyword), count in found.items():
            if text in exported:
                continue
            ways = self.ways_to(node, count)
            self.heap.mentions.append(
                Mention(text, self.heap.statement, self.heap.in_notebook(node), ways, call, keyword, known)
            )

    def exported(self, arguments: Iterable[Argument]) -> frozenset[str]:
        """The files that the SQL in a call writes."""
        texts = [str(c) for a in arguments for c in a.constants or () if isinstance(c, str) and "'" in c]
        return frozenset(path for text in texts for path in exported_files(text))

    def texts_of(self, argument: Argument) -> list[str]:
        """The texts in an argument: its own, those in a list or dict, those that it quotes, as SQL does."""
        found: dict[str, None] = {}
        for constant in sorted(argument.constants or (), key=str):
            found |= dict.fromkeys(_flat(constant))
        if argument.constants is None and argument.node is not None:
            for part in _members(argument.node):
                for constant in sorted(self.plain.constant(part) or (), key=str):
                    found |= dict.fromkeys(_flat(constant))
            dicts = {obj for obj in argument.values if obj.type == "dict"}
            for (owner, _), constants in self.heap.parts.items() if dicts else ():
                if owner in dicts:
                    found |= dict.fromkeys(text for each in constants or () for text in _flat(each))
        paths = [text for text in found if 0 < len(text) <= LONGEST_PATH and "\n" not in text]
        quoted = [one or two for text in found for one, two in QUOTED.findall(text)]
        return list(dict.fromkeys([*paths, *quoted]))

    def mention_all(self, tree: ast.AST) -> None:
        """Write down all texts in code that is too much to be followed."""
        for call in calls_in(tree):
            given = [Argument(ATOM, self.plain.constant(a), None, a) for a in call.args]
            given += [Argument(ATOM, self.plain.constant(k.value), k.arg, k.value) for k in call.keywords]
            self.mention_files(given, call, known=False)

    # -- calls that a row cannot say

    def run_command(self, commands: Constants, node: ast.AST) -> None:
        """`subprocess.run("sort a.txt > b.txt", shell=True)`: what the words of the command say, and what they leave open."""
        complete = commands is not None
        for command in sorted(commands or (), key=str):
            found = files_of_words(list(map(str, command))) if isinstance(command, tuple) else files_of(str(command))
            for mode, path in found.uses:
                self.use_file(mode, frozenset({path}), node)
            for word in found.words:
                self.heap.mentions.append(
                    Mention(word, self.heap.statement, node, self.ways_to(node, 1), "", "", False)
                )
            complete = complete and found.complete
        if not complete:
            self.use_file("command", None, node)

    def call_make_archive(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`shutil.make_archive("out", "zip", "folder")` reads the folder and writes `out.zip`."""
        named = {a.name: a.constants for a in arguments if a.name}
        places = ("base_name", "format", "root_dir", "base_dir")
        given = named | {place: a.constants for place, a in zip(places, arguments, strict=False) if a.name is None}
        names, formats = given.get("base_name"), given.get("format")
        if names is None or formats is None:
            self.use_file("write", None, node)
        else:
            written = {f"{name}{ARCHIVES.get(str(kind), '')}" for name in names for kind in formats}
            self.use_file("write", frozenset(written), node)
        folders = given.get("root_dir", given.get("base_dir", frozenset({"."})))
        self.use_file("glob", folders, node)
        return ATOM

    def call_copytree(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`shutil.copytree("from", "to")`."""
        modes: tuple[FileMode, ...] = ("glob", "write")
        for mode, argument in zip(modes, arguments, strict=False):
            self.use_file(mode, argument.constants, node)
        return ATOM

    def call_memmap(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`np.memmap(path, dtype, mode)`: an array that is the file."""
        place = 1 if path.endswith("open_memmap") else 2
        plain = [a for a in arguments if a.name is None]
        said = [a for a in arguments if a.name in ("mode", "mmap_mode")] or plain[place : place + 1]
        mode = said[0].constants if said else frozenset({"r+"})
        if path == "numpy.load" and (not said or said[0].name is None or mode == frozenset({None})):
            return None
        named = [a for a in arguments if a.name in FILE_ARGUMENTS]
        first = (named or arguments or [Argument(ATOM, None, None, None)])[0]
        self.open_file(first.constants, mode, node, first.node)
        made = self.heap.make(node, "memmap", type="ndarray")
        made.mark = MEMMAP
        return frozenset({made})

    def call_shelf(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`shelve.open(path)`: which files that are is up to the machine."""
        said = [a for a in arguments if a.name == "flag"] or arguments[1:2]
        opened = arguments[0].constants if arguments else None
        stages = {stage for name in opened or {None} for stage in self.heap.shelves.get(name, ())}
        for name in opened or {None}:
            self.heap.shelves.setdefault(name, set()).add(self.heap.statement.stage)
        reads = bool(said) and said[0].constants == frozenset({"r"})
        self.use_file("read" if reads or stages - {self.heap.statement.stage} else "write", None, node)
        return frozenset({self.heap.make(node, "handle", type="handle")})

    def call_open(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`open` and what is opened as it is."""
        self.open_as_said(arguments, node, "r")
        return frozenset({self.heap.make(node, "handle", type="handle")})

    def open_as_said(self, arguments: list[Argument], node: ast.AST, otherwise: str) -> None:
        """Open the file that the first argument names, as the second one or `mode` says."""
        mode: Constants = frozenset({otherwise})
        if len(arguments) > 1 and arguments[1].name is None:
            mode = arguments[1].constants
        for argument in arguments:
            if argument.name == "mode":
                mode = argument.constants
        named = [a for a in arguments if a.name in FILE_ARGUMENTS]
        first = (named or arguments or [Argument(ATOM, None, None, None)])[0]
        if first.constants is None and any(obj.type in ("handle", "buffer") for obj in first.values):
            return  # `zipfile.ZipFile(io.BytesIO(data))`
        self.open_file(first.constants, mode, node, first.node)

    def path_method(self, obj: Obj, node: ast.Call, func: ast.Attribute, arguments: list[Argument]) -> Values:
        """A method of a `pathlib.Path`."""
        name = func.attr
        where = self.plain.constant(func.value)
        made = func.value  # `Path("a.txt").read_text()`
        place = made.args[0] if isinstance(made, ast.Call) and len(made.args) == 1 and not made.keywords else None
        if where is None and self.reads_only(name, arguments) and self.read_listed(frozenset({obj}), node):
            return frozenset({self.heap.make(node, "handle", type="handle")}) if name == "open" else ATOM
        if name == "open":
            self.open_file(where, arguments[0].constants if arguments else frozenset({"r"}), node, place)
            return frozenset({self.heap.make(node, "handle", type="handle")})
        mode = PATH_METHODS.get(name)
        if mode is not None:
            if name == "write_text" and where is not None and len(where) == 1:
                self.use_file(mode, where, node, place)
                self.note_written(str(*where), arguments[0].constants if arguments else None)
            elif name in ("rename", "replace"):
                self.use_file("remove", where, node)
                self.use_file("write", arguments[0].constants if arguments else None, node)
            else:
                self.use_file(mode, where, node, place)
            return frozenset({self.listing(node, where)}) if mode == "glob" else ATOM
        return frozenset({self.heap.make(node, "path", type="path")})

    def reads_only(self, name: str, arguments: list[Argument]) -> bool:
        """Whether a method of a path reads the file, or asks about it."""
        how = arguments[0].constants if arguments else frozenset({"r"})
        return PATH_METHODS.get(name) in ("read", "probe") or (
            name == "open" and how in (frozenset({"r"}), frozenset({"rb"}))
        )

    def listing(self, node: ast.AST, where: Constants) -> Obj:
        """What `Path("data").glob("*.csv")` gives: paths of which the folder is known."""
        made, member = self.heap.make(node, "result", type="list"), self.heap.make(node, "member", type="path")
        if where is not None:
            self.heap.listed[member] = frozenset(map(str, where))
        self.heap.hold(made, frozenset({member}))
        return made

    def read_listed(self, values: Values, node: ast.AST) -> bool:
        """A file is read that a listing gave: any of the folder may be it.  Whether that is so."""
        folders = frozenset(folder for obj in values for folder in self.heap.listed.get(obj, ()))
        if folders and all(obj in self.heap.listed for obj in values):
            self.use_file("glob", folders, node)
            return True
        return False

    def note_written(self, path: str, texts: Constants) -> None:
        """A file is written whole: `%%writefile helpers.py` writes a module that the notebook may import."""
        if path.endswith(".py") and texts is not None and len(texts) == 1:
            self.heap.written_modules[posixpath.normpath(path)] = str(*texts)


# Calls that the tables cannot say; None means that the table says the rest.
FILE_CALLS: Final[dict[str, Callable[[FileUses, str, list[Argument], ast.AST], Values | None]]] = {
    **dict.fromkeys(OPENERS, FileUses.call_open),
    **dict.fromkeys(MEMMAPS, FileUses.call_memmap),
    **dict.fromkeys(SHELVES, FileUses.call_shelf),
    "shutil.make_archive": FileUses.call_make_archive,
    "shutil.copytree": FileUses.call_copytree,
}
