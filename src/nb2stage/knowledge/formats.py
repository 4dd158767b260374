"""The formats of cache files: one row for each, which says all that there is to say about it.

A row says which values the format serves, how its files end, and the calls that a script saves and loads with, by which
`verify` reads them too.  To add a format, add a row: the first one that serves what a file holds is taken.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

Trait = Literal["single", "tensors", "gradients", "by value", "byte order", "one NaN", "nested"]
_CONTAINERS: Final = frozenset({"list", "dict", "tuple", "set"})


class Contents(NamedTuple):
    """What is known of the contents of a file.

    `types` are those of the values that it is written for, `parts` those of all that these hold, themselves included; in
    `parts` is `?` where it holds something else than a library's values.  `traits`: `single` is the value of one name as
    it is, `by value` a function that another script does not find by its name, `byte order` an array of a foreign one,
    `one NaN` numbers that dicts and sets find by identity,
    `nested` something that may hold itself, to any depth.
    """

    types: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    traits: frozenset[Trait] = frozenset()

    @property
    def are_plain(self) -> bool:
        """Whether these are numbers and texts, or lists and the like of them: any pickler keeps such."""
        return self.parts <= _CONTAINERS and not self.traits & {"by value", "one NaN", "nested"}

    @property
    def are_whole(self) -> bool:
        """Whether functions and classes are in the file themselves, not by their names."""
        return "by value" in self.traits or ("byte order" in self.traits and "single" not in self.traits)


class Format(NamedTuple):
    """One format.  In its calls `module`, `value` and `file` stand for what a script has for these."""

    name: str
    suffix: str
    module: str
    save: str
    load: str
    alias: str = ""  # by which scripts import the module
    opened: bool = False  # whether `load` takes an open file, not its path, and `save` gives the bytes for it
    wanted: frozenset[Trait] = frozenset()  # traits without which it does not serve
    barred: frozenset[Trait] = frozenset()  # traits with which it does not
    types: frozenset[str] = frozenset()  # of values that it serves; empty for all
    parts: frozenset[str] = frozenset()  # of all that these may hold; empty for all
    asked: str = ""  # the setting without which it serves nothing
    keeper: tuple[str, str] = ("", "")  # a module that scripts share and its function, which save what is the same then
    value: str = ""  # which part of what is loaded is the value

    def serves(self, contents: Contents) -> bool:
        """Whether files with these contents are written in this format."""
        if not self.wanted <= contents.traits or self.barred & contents.traits:
            return False
        types, parts = contents.types, contents.parts
        return bool(not self.types or (types and types <= self.types)) and bool(
            not self.parts or (parts and parts <= self.parts)
        )

    def reader(self) -> dict[str, str]:
        """How `verify` reads a file: a module, and an expression with `module` and `file` or `path` in it."""
        source = "file" if self.opened else "path"
        return {"module": self.module, "load": self.load.format(module="module", file=source) + self.value}


def _traits(*names: Trait) -> frozenset[Trait]:
    return frozenset(names)


TORCH: Final = Format(
    "torch", ".pt", "torch", "{module}.save({value}, {file})", "{module}.load({file}, weights_only=False)"
)
PANDAS: Final = Format(
    "pandas", ".pkl", "pandas", "{module}.to_pickle({value}, {file})", "{module}.read_pickle({file})", "pd"
)
PANDAS_ARRAYS: Final = PANDAS._replace(save="{module}.to_pickle({value}, {file}, protocol=4)")
PICKLE: Final = Format("pickle", ".pkl", "pickle", "{module}.dumps({value})", "{module}.load({file})", opened=True)

JOBLIB: Final = Format("joblib", ".joblib", "joblib", "{module}.dump({value}, {file})", "{module}.load({file})")

FORMATS: Final[tuple[Format, ...]] = (
    Format(
        "parquet",
        ".parquet",
        "pandas",
        "",
        "{module}.read_parquet({file})",
        "pd",
        wanted=_traits("single"),
        barred=_traits("one NaN", "byte order"),
        types=frozenset({"frame"}),
        asked="frames",
        keeper=("saved_frames", "save_frame"),
    ),
    Format(
        "npy",
        ".npy",
        "numpy",
        "",
        "{module}.load({file})",
        "np",
        wanted=_traits("single"),
        barred=_traits("one NaN"),
        types=frozenset({"ndarray"}),
        parts=frozenset({"ndarray"}),
        asked="arrays",
        keeper=("saved_arrays", "save_array"),
    ),
    PANDAS._replace(wanted=_traits("single"), types=frozenset({"frame", "series"})),
    TORCH._replace(name="torch gradients", wanted=_traits("gradients"), value="[0]"),
    TORCH._replace(wanted=_traits("tensors")),
    # It keeps functions without a name, where pickle keeps only names.
    PICKLE._replace(name="cloudpickle", wanted=_traits("by value")),
    # joblib turns the bytes round.
    PANDAS._replace(wanted=_traits("single", "byte order")),
    PICKLE._replace(name="cloudpickle", wanted=_traits("byte order")),
    # It writes each array once more for each place that holds it, and makes each NaN anew.
    JOBLIB._replace(
        wanted=_traits("single"),
        barred=_traits("one NaN"),
        parts=frozenset({"ndarray", "sklearn"}),
    ),
    PICKLE,
)


# What the settings of a project may ask for, beside the defaults.
CHOICES: Final = {each.asked: each.name for each in FORMATS if each.asked}


def format_of(contents: Contents, asked: Collection[str] = ()) -> Format:
    """The format of a file with these contents; `asked` are the settings by which more formats serve."""
    return next(each for each in FORMATS if each.serves(contents) and (not each.asked or each.asked in asked))
