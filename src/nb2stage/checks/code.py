"""Rules over Python code: absolute paths, randomness without a seed, data without a version, notebooks run by scripts.

The names of libraries are followed through import statements and no further: these are rules of thumb over single
calls, where `convert` follows values.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic
from nb2stage.knowledge import GENERATORS, Knowledge, looks_like_seeder
from nb2stage.patterns import Pattern
from nb2stage.planning.stageplan import NO_VERSION_HINT, has_version
from nb2stage.texts.wording import column_of
from nb2stage.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HOME_HINT: Final = "put the file into the project, and write its path from the project folder: `data/measured.csv`"
_HOME: Final = Pattern(r"""(?:^|[\s=:'"(])((?:/home/|/Users/|/root/|[A-Za-z]:[\\/]Users[\\/]|~/)[^\s'"]*)""")
# `/a/b` alone may be a route, a key or an XPath; below these folders stand files.  `/dev`, `/proc`, `/etc` and `/usr/bin`
# are the same on every machine.
_ROOTS: Final = Pattern(
    r"^(?:/(?:mnt|media|opt|srv|var|tmp|scratch|workspaces?|content|kaggle|Volumes|dbfs|usr/share|usr/local)/\S"
    r"|/(?:[\w.-]+/)+[\w.-]*\.(?:csv|tsv|txt|json|ya?ml|parquet|feather|pkl|pickle|joblib|npy|npz|h5|hdf5|xlsx?|zip|gz|db"
    r"|sqlite|png|jpe?g|svg|pdf|pth?|onnx)$|[A-Za-z]:[\\/]+\w|\\\\\w+\\)"
)
_URL: Final = Pattern(r"^(?:https?|ftp|s3|gs|gcs|abfss?|hdfs)://", re.IGNORECASE)
_WEB: Final = frozenset({"requests", "httpx", "urllib", "urllib3", "pooch", "wget", "gdown", "aiohttp"})
_READERS: Final = Pattern(
    r"^(?:read_\w+|scan_\w+|load\w*|genfromtxt|fromregex|imread|open|urlopen|urlretrieve|retrieve|download\w*|get|File)$"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAKES_GENERATOR: Final = frozenset(
    [f"numpy.random.{name}" for name in ("default_rng", "RandomState", "PCG64", "MT19937", "Philox", "SFC64")]
    + ["random.Random"]
)
_NO_DRAW: Final = _words(
    "seed setstate getstate set_state get_state default_rng RandomState Generator SeedSequence BitGenerator "
    "PCG64 PCG64DXSM MT19937 Philox SFC64 Random SystemRandom manual_seed set_seed set_rng_state "
    "get_rng_state set_global_generator get_global_generator fork_rng experimental"
)
_TORCH_DRAWS: Final = _words(
    "rand randn randint randperm normal bernoulli multinomial poisson rand_like randn_like randint_like"
)
# What draws from numpy's global generator unless `random_state` is given.
_SKLEARN: Final = _words(
    "train_test_split ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit RepeatedKFold "
    "RepeatedStratifiedKFold resample shuffle RandomForestClassifier RandomForestRegressor "
    "ExtraTreesClassifier ExtraTreesRegressor ExtraTreeClassifier ExtraTreeRegressor DecisionTreeClassifier "
    "DecisionTreeRegressor GradientBoostingClassifier GradientBoostingRegressor BaggingClassifier "
    "BaggingRegressor AdaBoostClassifier AdaBoostRegressor IsolationForest RandomTreesEmbedding MLPClassifier "
    "MLPRegressor SGDClassifier SGDRegressor BernoulliRBM KMeans MiniBatchKMeans BisectingKMeans "
    "GaussianMixture BayesianGaussianMixture TSNE MDS TruncatedSVD FastICA LatentDirichletAllocation "
    "DictionaryLearning MiniBatchDictionaryLearning GaussianRandomProjection SparseRandomProjection "
    "RandomizedSearchCV HalvingRandomSearchCV permutation_importance permutation_test_score RBFSampler "
    "Nystroem RANSACRegressor TheilSenRegressor make_classification make_regression make_blobs make_moons "
    "make_circles make_friedman1 make_friedman2 make_friedman3 make_swiss_roll make_s_curve "
    "make_gaussian_quantiles"
)
_SKLEARN_IF_SHUFFLED: Final = frozenset({"KFold", "StratifiedKFold", "StratifiedGroupKFold"})
_RUNS_NOTEBOOK: Final = frozenset(
    [
        "papermill.execute_notebook",
        "papermill.execute.execute_notebook",
        "nbclient.execute",
        "nbclient.NotebookClient",
        "nbclient.client.NotebookClient",
        "nbconvert.preprocessors.ExecutePreprocessor",
    ]
)


class Code(NamedTuple):
    """A piece of code and where it stands: a whole script, or a cell of a notebook with its stage."""

    tree: ast.Module
    text: str
    path: str
    cell: int | None = None
    stage: str | None = None

    def finding(self, code: str, node: ast.AST, message: str, hint: str) -> Diagnostic:
        """A finding at a node of this code."""
        line, before = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        column = None
        if line is not None and before is not None:
            lines = self.text.split("\n")  # fewer than Python counts where a carriage return stands alone
            column = column_of(lines[line - 1], before) if line <= len(lines) else before + 1
        return Diagnostic(
            code, message, hint, path=self.path, cell=self.cell, line=line, column=column, stage=self.stage
        )


def check_code(codes: Sequence[Code], also_imported: Sequence[ast.Module] = ()) -> list[Diagnostic]:
    """The findings in pieces of code that make up one program, such as the cells of a notebook.

    `also_imported` is code whose imports count too: those of cells without a tag.
    """
    names = _Names(codes, also_imported)
    found: list[Diagnostic] = []
    for code in codes:
        texts = _texts(code.tree)
        found += [code.finding("NB406", node, _absolute_message(path), HOME_HINT) for node, path in texts]
        for node in walk(code.tree):
            if not isinstance(node, ast.Call):
                continue
            path = names.dotted(node.func)
            for finding in (_home(node, path), names.unseeded(node, path), names.unversioned(node, path)):
                if finding is not None:
                    found.append(code.finding(finding[0], node, *finding[1:]))
    return found


def run_notebooks(tree: ast.Module) -> Iterator[tuple[ast.Call, str | None]]:
    """The calls in a script that run a notebook, with the notebook where it is a constant text."""
    names = _Names([Code(tree, "", "")])
    for node in walk(tree):
        if isinstance(node, ast.Call) and names.dotted(node.func) in _RUNS_NOTEBOOK:
            yield node, names.text(node.args[0]) if node.args else None


def absolute_path(text: str) -> str | None:
    """The absolute or home path in a text, where there is one."""
    if (home := _HOME.search(text)) is not None:
        return home[1]
    return text if _ROOTS.match(text) and "\n" not in text and "://" not in text else None


def _absolute_message(path: str) -> str:
    return f"`{path if len(path) < 80 else path[:77] + '...'}` exists on one machine only"


def _texts(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The absolute paths among the texts of a program; texts that are statements, such as docstrings, do not count."""
    aside: set[int] = set()
    for node in walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            aside.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):  # only the beginning of a path can be a root
            aside.update(id(part) for part in node.values[1:])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            aside.add(id(node.right))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            if (path := absolute_path(node.value)) is not None:
                yield node, path


def _seeded(calls: Iterable[str | None]) -> set[str]:
    """The generators that calls seed; a call that looks like a seeder and that no table knows may seed all."""
    known, found = Knowledge(), set[str]()
    for path in calls:
        if path is None:
            continue
        effect = known.function(path)
        found.update((*effect.seeds, *effect.may_seed))
        if effect.unknown and looks_like_seeder(path.rpartition(".")[2]):
            found.update(GENERATORS)
    return found


def _home(node: ast.Call, path: str | None) -> tuple[str, str, str] | None:
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if path in ("pathlib.Path.home", "os.path.expanduser") or attribute == "expanduser":
        return "NB406", "the home folder is another one on each machine", HOME_HINT
    return None


class _Names:
    """What names mean in a program: modules and their members, constant texts, and which generators are seeded."""

    def __init__(self, codes: Sequence[Code], also_imported: Sequence[ast.Module] = ()) -> None:
        nodes = [node for code in codes for node in walk(code.tree)]
        self.imported = _imported([node for tree in also_imported for node in walk(tree)]) | _imported(nodes)
        self.texts = _constant_texts(nodes)
        calls = [self.dotted(node.func) for node in nodes if isinstance(node, ast.Call)]
        self.seeded = _seeded(calls)

    def dotted(self, node: ast.AST) -> str | None:
        """`np.random.rand` as `numpy.random.rand`; None for what does not begin with an imported name."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id)
        if isinstance(node, ast.Attribute) and (base := self.dotted(node.value)) is not None:
            return f"{base}.{node.attr}"
        return None

    def unseeded(self, node: ast.Call, path: str | None) -> tuple[str, str, str] | None:
        """The finding that a call draws random numbers, or makes a generator of them, without a seed."""
        module, _, last = (path or "").rpartition(".")
        root = module.partition(".")[0]
        if path in _MAKES_GENERATOR:
            if not node.keywords and all(isinstance(a, ast.Constant) and a.value is None for a in node.args):
                return _unseeded(f"`{last}` is made without a seed", f"give it a seed: `{last}(42)`")
        elif root in ("numpy", "random", "tensorflow") and module in ("numpy.random", "random", "tensorflow.random"):
            if last not in _NO_DRAW and root not in self.seeded:
                return _unseeded(f"`{path}` draws without a seed", f"seed the generator of `{root}` in the first cell")
        elif module == "torch" and last in _TORCH_DRAWS and "torch" not in self.seeded:
            if not _has(node, "generator"):
                return _unseeded(f"`{path}` draws without a seed", "call `torch.manual_seed(42)` in the first cell")
        elif "numpy" not in self.seeded and not _has(node, "random_state"):
            shuffled = root == "sklearn" and last in _SKLEARN_IF_SHUFFLED and _has(node, "shuffle", constant=True)
            if shuffled or (root == "sklearn" and last in _SKLEARN) or _samples_frame(node, path):
                name = last or "sample"
                return _unseeded(f"`{name}` gives other results each time", f"write `{name}(..., random_state=42)`")
        return None

    def unversioned(self, node: ast.Call, path: str | None) -> tuple[str, str, str] | None:
        """The finding that a call reads data from the network which may change there."""
        module, _, last = (path or "").rpartition(".")
        if last == "fetch_openml" and not (_has(node, "version") or _has(node, "data_id") or len(node.args) > 1):
            return "NB405", "`fetch_openml` reads the newest version there is", "write `fetch_openml(..., version=1)`"
        last = last or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if not _READERS.match(last) or (last == "get" and module.partition(".")[0] not in _WEB):
            return None
        for argument in (*node.args[:1], *(keyword.value for keyword in node.keywords)):
            url = self.text(argument)
            if url is not None and _URL.match(url) and not has_version(url):
                return (
                    "NB405",
                    f"`{url}` is read from the network: a changed file there re-runs nothing",
                    NO_VERSION_HINT,
                )
        return None

    def text(self, node: ast.AST) -> str | None:
        """The constant text of an expression."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self.texts.get(node.id) if isinstance(node, ast.Name) else None


def _imported(nodes: Sequence[ast.AST]) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _constant_texts(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """The names that are bound once, to a text."""
    bound = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    texts = {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name: text for name, text in texts.items() if bound[name] == 1}


def _has(node: ast.Call, name: str, *, constant: object = None) -> bool:
    """Whether a call may have a keyword argument other than None, or with the value of `constant`."""
    for keyword in node.keywords:
        if keyword.arg is None:  # `**options` may hold it
            return True
        if keyword.arg == name:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
            return value is not None if constant is None else value in (constant, ...)
    return False


def _samples_frame(node: ast.Call, path: str | None) -> bool:
    """Whether this is pandas' `df.sample(frac=0.5)`: generators have no such arguments, modules are no frames."""
    return (
        path is None
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sample"
        and any(keyword.arg in ("frac", "n") for keyword in node.keywords)
    )


def _unseeded(message: str, hint: str) -> tuple[str, str, str]:
    return "NB230", message, hint
