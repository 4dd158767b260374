"""The random generators of a process: how the state of each is read and set, and which calls look like a seed."""

from __future__ import annotations

from typing import Final

from nb2stage.patterns import Pattern
from nb2stage.records import dataclass


@dataclass(frozen=True)
class Generator:
    """One stream of random numbers that all code of a process shares."""

    name: str  # the word of a row: `seeds:numpy`
    title: str  # what a reader calls it
    module: str = ""  # where its state is read and set; empty where nothing can read it
    get: str = ""
    put: str = ""
    # Packages whose calls may draw from it, beside those of which nothing is known.
    packages: frozenset[str] = frozenset()
    begins: bool = False  # each process begins it in the same state, so that there is no draw without a seed
    still: bool = False  # what draws from it does not move it: only which seed it was given counts
    named: bool = False  # only calls that the tables name draw from it
    hint: str = "seed it again in this stage, before anything is drawn, or put both cells into one stage"

    @property
    def key(self) -> str:
        """The name that its state has beside the variables of a notebook."""
        return f"<{self.title} random state>" if self.title else "<random state>"

    @property
    def file(self) -> str:
        """The stem of the file in which its state crosses."""
        return self.key.strip("<>").replace(" ", "_")

    @property
    def readable(self) -> bool:
        """Whether its state can be read, and so be handed to another process."""
        return bool(self.module)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMPY_USERS: Final = _words(
    "numpy pandas scipy sklearn matplotlib seaborn statsmodels xarray networkx tensorflow keras skimage cv2 "
    "xgboost lightgbm catboost imblearn gensim spacy nltk dask transformers datasets torchvision lightning fastai monai "
    "pytorch_lightning accelerate umap hdbscan shap optuna hyperopt gymnasium gym plotly altair bokeh pyarrow "
    "numba sympy astropy geopandas shapely rdkit librosa pymc arviz emcee patsy cvxpy deap surprise"
)
_TORCH_USERS: Final = _words(
    "torch torchvision torchaudio torchtext transformers lightning pytorch_lightning accelerate fastai monai timm skorch "
    "sentence_transformers diffusers peft datasets gpytorch botorch pyro torch_geometric dgl kornia ignite captum "
    "ultralytics detectron2 stable_baselines3 pytorch_tabnet tabpfn flair allennlp torchmetrics spacy"
)
# Of all these, those that may draw from Python's own generator.
_RANDOM_USERS: Final = (_NUMPY_USERS | _TORCH_USERS | {"random"}) - _words(
    "numpy pandas scipy sklearn statsmodels matplotlib seaborn patsy torch torchmetrics pyarrow xgboost lightgbm cv2"
)

GENERATORS: Final = {
    each.name: each
    for each in [
        Generator("numpy", "numpy", "numpy", "random.get_state()", "random.set_state({})", _NUMPY_USERS),
        Generator("random", "", "random", "getstate()", "setstate({})", _RANDOM_USERS),
        Generator("torch", "torch", "torch", "get_rng_state()", "set_rng_state({})", _TORCH_USERS),
        Generator(
            *("torch.cuda", "torch cuda", "torch", "cuda.get_rng_state_all()", "cuda.set_rng_state_all({})"),
            packages=_TORCH_USERS,
        ),
        Generator(
            *("tensorflow", "TensorFlow"),
            packages=_words(
                "tensorflow keras tensorflow_probability tensorflow_addons tensorflow_datasets tensorflow_hub tf_agents "
                "sonnet keras_tuner kerastuner keras_nlp keras_cv keras_hub autokeras scikeras gpflow spektral deepchem "
                "ktrain stellargraph tensorflow_decision_forests"
            ),
        ),
        # The seed alone, which is all that trainings of Keras and the graphs of TensorFlow depend on.
        Generator("tensorflow.seed", "TensorFlow (seed)", packages=_words("tensorflow keras"), still=True, named=True),
        # What `keras.random` draws from; its layers take their seeds from Python's `random`.
        Generator("keras", "Keras", packages=_words("keras keras_nlp keras_cv keras_hub"), begins=True, named=True),
        Generator("polars", "polars", packages=_words("polars")),
        Generator("dask", "dask", packages=_words("dask")),
        Generator("cv2", "OpenCV", packages=_words("cv2"), begins=True),
        Generator("duckdb", "duckdb", packages=_words("duckdb"), named=True),
        # `np.random` and `random` inside of compiled functions.
        Generator("numba.numpy", "numba", packages=_words("numba"), named=True),
        Generator("numba.random", "numba (random)", packages=_words("numba"), named=True),
        # Its trainings begin it anew with their seed; one that goes on with a model takes it as it stands.
        Generator(
            "xgboost",
            "xgboost",
            packages=_words("xgboost"),
            begins=True,
            named=True,
            hint=("train in one stage; with `seed_per_iteration=True` or `subsample=1` nothing depends on it"),
        ),
    ]
}
BY_KEY: Final = {each.key: each for each in GENERATORS.values() if each.readable}
# Packages that may run on a GPU although the notebook does not name one.
CHOOSE_DEVICE: Final = _words(
    "lightning pytorch_lightning accelerate transformers fastai monai sentence_transformers diffusers ultralytics "
    "skorch stable_baselines3 pytorch_tabnet tabpfn flair"
)

_SEEDER: Final = Pattern(r"(?:^|_)(?:seed|seeds|seeding|reseed|determinism|deterministic|reproducible)(?:_|$)")
_NO_SEEDER: Final = Pattern(r"^_?(?:get|find|generate|make_seeds|load|read|plot|is|has|print|show|check|next|list)_")
_WORD_BEGINS: Final = Pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=seed)(?=all|ing)")


def generator(name: str) -> Generator:
    """The generator of a name; one of a package that no table knows cannot be read."""
    return GENERATORS.get(name) or Generator(name, name, packages=frozenset({name}))


def looks_like_seeder(name: str) -> bool:
    """Whether a function of this name is likely to seed generators: `seed_everything`, `setRNGSeed`."""
    words = _WORD_BEGINS.sub("_", name).lower()
    return bool(_SEEDER.search(words)) and not _NO_SEEDER.search(words) and not name[:1].isupper()
