"""The tables of magics: what becomes of each in a script, and what the code is that it is given.

A new magic is a line here; one that is translated has a function in `linemagics` or `cellmagics` too.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from nb2stage.records import dataclass


def words_of(text: str) -> frozenset[str]:
    """The words of a table."""
    return frozenset(text.split())


class Verdict(Enum):
    """What becomes of a magic in a script."""

    TRANSLATED = "translated"
    DROPPED = "dropped"
    REFUSED = "refused"


class Code(Enum):
    """What the code given to a magic is: is it Python, does it run in the user's namespace, do its bindings survive?"""

    NONE = "no Python that runs here"
    READS = "Python in the user's namespace, and its bindings are lost"
    BINDS = "Python in the user's namespace, and its bindings survive"


@dataclass(frozen=True)
class Magic:
    """A row of the tables: the verdict on a magic, and what the code that it is given is."""

    verdict: Verdict
    hint: str = ""
    code: Code = Code.NONE


# Extensions that add magics or a display, and change nothing else.
EXTENSIONS: Final = words_of(
    """autoreload storemagic sql tensorboard line_profiler memory_profiler watermark lab_black nb_black jupyter_black
    blackcellmagic rpy2.ipython Cython cython dotenv google.colab.data_table version_information heat scalene snakeviz
    pycodestyle_magic jupyter_ai jupyter_ai_magics nb_mypy google.cloud.bigquery bigquery_magics sqlite wurlitzer
    ipytest pyinstrument filprofiler jupyternotify tikzmagic oct2py.ipython gvmagic autotime ipyparallel"""
)


def _refused(hint: str, code: Code = Code.NONE) -> Magic:
    return Magic(Verdict.REFUSED, hint, code)


def _all(magic: Magic, *names: str) -> dict[str, Magic]:
    """One row for several magics."""
    return dict.fromkeys(names, magic)


_DROPPED: Final = Magic(Verdict.DROPPED)
_TRANSLATED: Final = Magic(Verdict.TRANSLATED)

_STORE_HINT: Final = "write the value with `joblib.dump` and read it with `joblib.load`"
_SQL_HINT: Final = "write `pd.read_sql(query, connection)`, with the connection made in the same stage"
_R_HINT: Final = "put the R code in a script, call it with `!Rscript script.R`, and exchange files"
_PROFILE_HINT: Final = "delete the magic, and keep the statement if later cells use what it does"

# In the order: of IPython, of ipykernel, of extensions.
_SHOWING: Final = (
    *words_of(
        """autoawait automagic bookmark colors dhist dirs doctest_mode gui killbgscripts logoff logon logstart logstate
        logstop lsmagic magic matplotlib page pastebin pdb pdef pdoc pfile pinfo pinfo2 pprint psearch psource pycat
        quickref recall rep rehashx tb unalias unload_ext who who_ls whos xmode"""
    ),
    *words_of("clear cls connect_info qtconsole autosave subshell less more man"),
    *words_of("autoreload watermark version_information tensorboard tensorflow_version autotime wurlitzer"),
)

LINE_MAGICS: Final[dict[str, Magic]] = {
    # What shows something or serves the session only.
    **_all(_DROPPED, *_SHOWING),
    # What is dropped unless an option or argument makes it do more.
    **_all(_DROPPED, *words_of("autocall config hist history load_ext reload_ext precision")),
    "timeit": Magic(Verdict.DROPPED, code=Code.READS),
    "debug": Magic(Verdict.DROPPED, code=Code.BINDS),
    # Statements.
    **_all(Magic(Verdict.TRANSLATED, code=Code.BINDS), "time", "prun"),
    # Shell aliases, packages, the process.
    **_all(_TRANSLATED, *words_of("cat cp mkdir mv rm rmdir ls ldir lf lk ll lx")),
    **_all(_TRANSLATED, *words_of("pip conda mamba micromamba uv")),
    **_all(_TRANSLATED, *words_of("cd pwd env set_env sx system aimport")),
    # What binds, deletes or runs something that cannot be seen.
    "alias": _refused("write the command itself where the alias is used: `!command`"),
    "alias_magic": _refused("use the magic by its own name"),
    "code_wrap": _refused("write the code around the cells out"),
    "ed": _refused("delete the line, and write the code into a cell"),
    "edit": _refused("delete the line, and write the code into a cell"),
    "load": _refused("run the cell once: `%load` replaces itself by the text of the file"),
    "loadpy": _refused("run the cell once: `%loadpy` replaces itself by the text of the file"),
    "macro": _refused("write the code as a function"),
    "notebook": _refused("delete the line: it writes the history of the session"),
    "popd": _refused("write `os.chdir(...)`, or better, paths from the folder of the notebook"),
    "pushd": _refused("write `os.chdir(...)`, or better, paths from the folder of the notebook"),
    "rerun": _refused("repeat the code, or make it a function"),
    "reset": _refused("delete the line: each stage begins with the names that it reads, and no others"),
    "reset_selective": _refused("write `del name`"),
    "run": _refused(
        "import what you need from the file, or run it as a command of its own: `!python script.py`",
        code=Code.BINDS,
    ),
    "save": _refused("delete the line: it writes the history of the session"),
    "sc": _refused("write `name = !command`"),
    "xdel": _refused("write `del name`"),
    # Of well-known extensions.
    "store": _refused(_STORE_HINT),
    "sql": _refused(_SQL_HINT),
    "R": _refused(_R_HINT),
    "Rpush": _refused(_R_HINT),
    "Rpull": _refused(_R_HINT),
    "Rget": _refused(_R_HINT),
    "dotenv": _TRANSLATED,
    "pylab": _TRANSLATED,
    "lprun": _refused(_PROFILE_HINT, code=Code.READS),
    "mprun": _refused(_PROFILE_HINT, code=Code.READS),
    "memit": _refused(_PROFILE_HINT, code=Code.READS),
    "snakeviz": _refused(_PROFILE_HINT, code=Code.READS),
    "bigquery": _refused("write `bigquery.Client().query(sql).to_dataframe()`"),
}


CELL_MAGICS: Final[dict[str, Magic]] = {
    **_all(Magic(Verdict.TRANSLATED, code=Code.BINDS), "time", "prun", "capture"),
    "timeit": Magic(Verdict.DROPPED, code=Code.READS),
    # What shows something.
    **_all(_DROPPED, *words_of("HTML SVG html javascript js latex markdown svg")),
    # Programs, commands and files.
    **_all(_TRANSLATED, *words_of("bash sh perl ruby python python2 python3 pypy script")),
    **_all(_TRANSLATED, *words_of("! sx system writefile file")),
    "debug": _refused("delete the line, and keep the cell", code=Code.BINDS),
    "code_wrap": _refused("write the code around the cells out"),
    # Of well-known extensions.
    "sql": _refused(_SQL_HINT),
    "bigquery": _refused("write `df = bigquery.Client().query(sql).to_dataframe()`"),
    "R": _refused(_R_HINT),
    "cython": _refused("put the code in a .pyx file, and build it as a package or with `pyximport`"),
    "memit": _refused(_PROFILE_HINT, code=Code.READS),
    "mprun": _refused(_PROFILE_HINT, code=Code.READS),
    "snakeviz": _refused(_PROFILE_HINT, code=Code.READS),
    "spark": _refused("connect with `SparkSession.builder.remote(...)` in plain Python"),
    "julia": _refused("put the Julia code in a script, and exchange files"),
    "ipytest": _refused("tag the cell `skip`, or move the tests to a file"),
}
