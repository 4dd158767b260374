"""What library calls do, as data: one text file per library in `libraries/`, read when a notebook uses that library.

A file has sections.  `[functions polars]` has rows for functions and classes below a dotted prefix, `[methods frame]` for
methods of values of a type; in both, `*` is every other name.  A row is words, a bar, and the names that it is true of; a
line that begins with a bar goes on with the names of the row above.

    [functions polars]
    fresh:polars.DataFrame reads | read_csv read_parquet
    any:polars                   | *

**The result** is one word: `atom` (a number, a string, None), `fresh` (a new object), `holds` (a new object that keeps its
arguments), `view` (may be, or share memory with, the receiver or first argument), `part` (a member of it), `cell` (what
lies in one of its cells, a number unless it holds objects), `rows` (an iterator over pairs of a label and a row), `any`
(a new object that may hold or be any argument; what an unknown call gives).  A type stands behind a colon,
`fresh:frame`; `same` is the receiver's type.

**What else a call does**, and what is not said does not happen:

| word | meaning |
|---|---|
| `changes` | changes its receiver; a function: its first argument |
| `changes-all` | every argument too |
| `changes:log`, `changes:1` | the argument with that name, or at that place from 0 |
| `keeps`, `keeps-members` | the receiver now holds the arguments, or what an iteration over them gives too |
| `draws`, `draws:random` | from numpy's global random state, or that generator, unless a `random_state` or the like is given |
| `draws-always:random` | from that generator in any case; both may stand several times |
| `seeds:numpy` | sets the state of that generator; may stand several times; `may-seed:torch` only perhaps |
| `by-chance` | makes a generator, which begins by chance where it is given no seed |
| `begins-by-chance` | its result, too, has something of chance unless it is given a seed, or a start `v0` |
| `sets:matplotlib` | makes a setting of the process, in that domain; with `asks` only if an argument is given |
| `registers` | makes a setting that code finds by a name, its first argument: `@register_dataframe_accessor("lab")` |
| `freezes` | gives a function that keeps the values which globals had when it was first called: `@njit` |
| `takes-back` | gives a context that takes back the settings made within it; `takes-back-itself` only those it makes itself |
| `reads`, `writes`, `appends`, `removes`, ... | a file named by the first argument; `second`: by the second one |
| `reads-if-there` | a file that is read where it is there; `default:.env`: that file where no argument names one |
| `opens:r` | opens the file named by the first argument as `mode` or the second one says, or else so |
| `at:2` | the argument that names the file, by place from 0; `second` is `at:1` |
| `suffix:.npy`, `default-suffix:.png` | a written file gets this suffix unless it has it; unless it has any |
| `second` | where no file is named: the result comes from the second argument |
| `handle` | the result is an open file, connection or lock |
| `plots`, `figure` | may draw in the current figure; makes exactly one figure |
| `cheap` | may be repeated in another process with the same result and no cost |
| `cells`, `nested` | the cells of the result may be new lists; it is a list of lists |
| `sql` | the first argument is SQL: names of tables in it that are variables are read; what is no query changes the receiver |
| `process:duckdb.Connection` | it is the method of that name of an object of this type that the process has one of |
| `yields:rdkit.Mol` | an iteration over the result gives new objects of this type |
| `cuts` | a tensor that it gives has no graph: no gradient goes through it |
| `shares` | beside `view`: it certainly shares memory, so it can be made again at any time |
| `itself:ndarray` | the result is the first argument itself where that is an array, or may be one |
| `shares-with:scipy` | it shares memory with the first argument where that is a matrix of scipy's, or may be one |
| `itself-if:n@1=0` | and is the first argument where the argument `n`, at place 1, may be 0 |
| `gives:bins@1` | what is given as `bins`, at place 1, may be part of the result |
| `foreign` | the result may be of any class: what `pickle.load` gives |
| `learns` | the receiver keeps the result as one of its attributes: `km.fit_predict(X)` is `km.labels_` |
| `calls:none`, `calls:given` | which functions it calls of all that it can get at: none, or only its arguments |
| `calls:held` | those too that its receiver was given when it was made: `collate_fn` of a loader |
| `unknown` | stands first: may do anything with what it can reach, but as far as the words behind it say; `draws-none` |

**Other sections**: `[types]` says how values of a type cross into another process: `pickle`, `joblib`, `cloudpickle`,
`torch` (the formats of cache files; `pickle together` where values show what they share), `again WHAT` (by the
statements that made it, which run again), `never WHAT`. `[settings matplotlib]` which things of a library are settings
of the process (`domain | names`), `[noticed]` who notices a domain: packages, `?` for each of which nothing is known,
`.names` of attributes, or `*` for all, which is the default unless the domain is a package of the notebook's,
`[submodules matplotlib]` the modules of a package that its own import does not load, `[attributes]` plain attributes
(in the file of a library those of its values: `atom`, or `part` of what one holds), `[attributes TYPE]` those that are
objects of a type and lie in their owner, `[gradients]` what names of methods, functions and attributes do to gradients,
`[classes numpy]` the type that a class stands for, `[estimators]` traits of estimators by class name, `[constants]`
things that are numbers or texts, `[out]` where functions take the array for their result, `[calls]` which functions
those of a package call, `[saving]` a line that a script runs before it saves values of the library, and the module that
it needs. `packages.txt` has facts of whole packages, `generators.py` the generators of random numbers that a process
has, and how the state of each crosses.
"""

from nb2stage.knowledge.effects import SEED_ARGUMENTS, UNKNOWN, Effect, RowError, parse
from nb2stage.knowledge.generators import BY_KEY, CHOOSE_DEVICE, GENERATORS, generator, looks_like_seeder
from nb2stage.knowledge.tables import Knowledge, distribution, packages

__all__ = [
    "BY_KEY",
    "CHOOSE_DEVICE",
    "GENERATORS",
    "SEED_ARGUMENTS",
    "UNKNOWN",
    "Effect",
    "Knowledge",
    "RowError",
    "distribution",
    "generator",
    "looks_like_seeder",
    "packages",
    "parse",
]
