"""What library calls do, as data: one line per call, read by the analysis.

A row is a few words. The result: `atom` (a number, a string, None), `fresh` (a new object), `holds` (a new object
that keeps its arguments), `view` (may be, or share memory with, the receiver or first argument), `part` (a member of
it), `rows` (an iterator over pairs of a label and a row), `any` (a new object that may hold or be any argument; what
an unknown call gives). A type behind a colon: `fresh:frame`; `same` is the receiver's type.

What else it does: `changes` its receiver (a function: its first argument), `changes-all` (every argument too),
`keeps` (the receiver now holds the arguments), `keeps-members` (and what an iteration over them gives), `draws`
(from the global random state unless a `random_state` is given), `draws-always:random`, `seeds:numpy`,
`sets:matplotlib` (a setting of the process), `reads` / `writes` / `appends` a file named by its first argument,
`handle` (the result cannot be saved), `plots`, `figure` (makes exactly one figure), `cheap` (may be repeated in
another process with the same result and no cost), `cells` (the cells of the result may be new lists), `nested` (a list
of lists). What is not said does not happen.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass, replace
from functools import cache


@dataclass(frozen=True)
class Effect:
    """A parsed row."""

    result: str = "any"
    type: str = ""
    changes: bool = False
    changes_all: bool = False
    keeps: bool = False
    keeps_members: bool = False  # and what an iteration over the arguments gives
    draws: str = ""  # "" no, "seedable" unless a random state is given, else the generator that is drawn from
    seeds: str = ""
    sets: str = ""
    file: str = ""  # "reads", "writes", "appends"
    handle: bool = False
    plots: int = 0  # 1: exactly one figure, 2: perhaps
    cheap: bool = False
    unknown: bool = False
    copies_type: bool = False
    cells: bool = False  # the result's cells may be new lists or other mutable objects
    nested: bool = False  # a list of lists
    # Which functions it calls: "all" that it can get at, "given" as arguments and no step of an estimator, or "none".
    calls: str = "all"


# An unknown call may return, keep, change and draw from whatever it can reach.
UNKNOWN = Effect(changes=True, changes_all=True, keeps=True, draws="any", unknown=True)

FUNCTIONS: dict[str, str] = {}
METHODS: dict[str, str] = {}
TYPED_METHODS: dict[tuple[str, str], str] = {}


def _rows(table: dict[str, str], row: str, names: str, prefix: str = "") -> None:
    for name in names.split():
        table[prefix + name] = row


def _f(row: str, names: str, prefix: str = "") -> None:
    _rows(FUNCTIONS, row, names, prefix)


def _m(row: str, names: str) -> None:
    _rows(METHODS, row, names)


def _t(types: str, row: str, names: str) -> None:
    for kind in types.split():
        for name in names.split():
            TYPED_METHODS[kind, name] = row


# -- builtins
_f(
    "atom cheap",
    "all any ascii bin bool bytes callable chr complex float format hash hex int isinstance "
    "issubclass len oct ord repr str hasattr print type id breakpoint slice display",
    "builtins.",
)
_f("fresh:list cheap", "range", "builtins.")
_f("holds:list cheap", "list sorted tuple", "builtins.")
_f("holds:set cheap", "set frozenset", "builtins.")
_f("holds:dict cheap", "dict", "builtins.")
_f("atom cheap", "auto", "enum.")
_f("holds:iter cheap", "enumerate zip reversed iter filter map", "builtins.")
_f("fresh:bytearray cheap", "bytearray", "builtins.")
_f("view:ndarray cheap", "memoryview", "builtins.")
_f("part cheap", "max min getattr", "builtins.")
_f("part changes", "next", "builtins.")
_f("part cheap", "sum", "builtins.")
_f("any cheap", "pow abs round divmod", "builtins.")
_f("fresh cheap", "object super", "builtins.")
_f(
    "holds:exception cheap",
    "BaseException Exception ValueError TypeError KeyError IndexError RuntimeError StopIteration "
    "NotImplementedError AssertionError AttributeError ArithmeticError ZeroDivisionError OSError IOError ImportError "
    "FileNotFoundError Warning UserWarning DeprecationWarning FutureWarning RuntimeWarning NameError LookupError "
    "OverflowError PermissionError TimeoutError UnicodeDecodeError ModuleNotFoundError KeyboardInterrupt",
    "builtins.",
)
_f("atom changes keeps", "setattr delattr", "builtins.")
_f("fresh:handle handle file", "open", "builtins.")
_f("holds:dict cheap", "dict.fromkeys", "builtins.")
_f("holds:memoryview", "memoryview", "builtins.")
_f("holds:weakref", "ref proxy WeakValueDictionary WeakKeyDictionary WeakSet", "weakref.")
_f("holds:mappingproxy", "MappingProxyType", "types.")

# -- standard library
_f(
    "atom draws-always:random",
    "betavariate expovariate gammavariate gauss getrandbits lognormvariate "
    "normalvariate paretovariate randbytes randint random randrange triangular uniform vonmisesvariate "
    "weibullvariate",
    "random.",
)
_f("part draws-always:random", "choice", "random.")
_f("holds:list draws-always:random", "choices sample", "random.")
_f("atom changes draws-always:random", "shuffle", "random.")
_f("atom seeds:random", "seed setstate", "random.")
_f("fresh:generator", "Random SystemRandom", "random.")
_f("atom draws-always:random", "getstate", "random.")
_f(
    "holds:partial cheap",
    "partial wraps update_wrapper lru_cache cache cached_property singledispatch total_ordering "
    "partialmethod cmp_to_key",
    "functools.",
)
_f("any", "reduce", "functools.")
_f(
    "fresh cheap",
    "datetime date time timedelta timezone datetime.strptime datetime.fromisoformat date.today",
    "datetime.",
)
_f("atom", "datetime.now datetime.utcnow datetime.today", "datetime.")
_f("atom", "time perf_counter monotonic process_time sleep strftime ctime time_ns perf_counter_ns", "time.")
_f("fresh:pattern cheap", "compile", "re.")
_f("fresh:list cheap", "findall split finditer", "re.")
_f("fresh:match cheap", "match search fullmatch", "re.")
_f("fresh:list globs", "glob iglob", "glob.")
_f("atom cheap", "sub subn escape", "re.")
_f(
    "view cheap",
    "path.join path.basename path.dirname path.abspath path.splitext "
    "path.expanduser path.normpath path.realpath fspath getenv getcwd cpu_count",
    "os.",
)
_f("atom probes", "path.exists path.isfile path.isdir path.getsize path.getmtime stat access", "os.")
_f("atom removes", "remove unlink", "os.")
_f("atom moves", "rename replace", "os.")
_f("atom copies", "copy copy2 copyfile", "shutil.")
_f("atom moves", "move", "shutil.")
_f("fresh:list globs", "listdir walk scandir", "os.")
_f("atom mkdirs", "makedirs mkdir", "os.")
_f("atom sets:environ", "putenv unsetenv environ.setdefault environ.update environ.pop", "os.")
_f("atom cheap", "environ.get", "os.")
_f("atom refuse:chdir", "chdir", "os.")
_f("atom unknown-file", "rmdir removedirs system popen", "os.")
_f("atom unknown-file", "copytree rmtree unpack_archive make_archive", "shutil.")
_f("fresh unknown-file", "run call check_call check_output Popen getoutput getstatusoutput", "subprocess.")
_f("fresh cheap", "Path PurePath PosixPath PurePosixPath WindowsPath", "pathlib.")
_f("any", "loads", "json.")
_f("atom", "dumps", "json.")
_f("any", "load", "json.")
_f("atom", "dump", "json.")
_f("atom", "dump dumps", "pickle.")
_f("any", "load loads", "pickle.")
_f("holds:generator_object", "reader DictReader", "csv.")
_f("holds:csv_writer", "writer DictWriter", "csv.")
_t("csv_writer", "atom changes", "writerow writerows writeheader")
_f("fresh same", "deepcopy", "copy.")
_f("holds same", "copy", "copy.")
_f("holds:dict cheap", "Counter OrderedDict defaultdict", "collections.")
_f("holds cheap", "ChainMap", "collections.")
_f("holds:list cheap", "deque", "collections.")
_f("fresh:class cheap", "namedtuple", "collections.")
_f(
    "holds:iter",
    "chain chain.from_iterable combinations combinations_with_replacement permutations product islice "
    "groupby starmap takewhile dropwhile tee zip_longest accumulate cycle count repeat pairwise compress filterfalse",
    "itertools.",
)
_f(
    "atom cheap",
    "sqrt exp log log2 log10 sin cos tan asin acos atan atan2 sinh cosh tanh floor ceil fabs factorial gcd "
    "pow isnan isinf isfinite isclose hypot degrees radians prod fsum comb perm erf erfc gamma lgamma trunc copysign dist",
    "math.",
)
_f(
    "atom",
    "mean median mode stdev pstdev variance pvariance fmean geometric_mean harmonic_mean quantiles",
    "statistics.",
)
_f("atom", "collect disable enable", "gc.")
_f("atom sets:warnings", "filterwarnings simplefilter resetwarnings", "warnings.")
_f("atom", "warn warn_explicit", "warnings.")
_f("fresh:context cheap", "catch_warnings", "warnings.")
_f("fresh cheap", "cycler concat", "cycler.")
_f("fresh:logger cheap", "getLogger", "logging.")
_f("fresh:log_handler cheap", "StreamHandler NullHandler Formatter", "logging.")
_f("atom sets:logging", "basicConfig disable captureWarnings setLevel", "logging.")
_f("atom", "debug info warning error critical exception log", "logging.")
_f("atom sets:locale", "setlocale", "locale.")
_f("atom sets:decimal", "setcontext", "decimal.")
_f("fresh cheap", "Decimal localcontext", "decimal.")
_f("fresh:decimal_context cheap", "getcontext", "decimal.")
_f("atom sets:environ", "tzset", "time.")
_f("fresh cheap", "Fraction", "fractions.")
_f("atom sets:syspath", "path.insert path.append path.extend", "sys.")
_f("atom sets:recursion", "setrecursionlimit", "sys.")
_f("atom", "getsizeof exit getrecursionlimit", "sys.")
_f("atom", "pprint pformat", "pprint.")
_f("fresh:handle handle connects", "connect", "sqlite3.")
_f("fresh:handle handle", "socket create_connection", "socket.")
_f("fresh:handle handle", "Queue LifoQueue PriorityQueue SimpleQueue", "queue.")
_f("fresh:handle handle", "Lock RLock Thread Event Condition Semaphore Timer", "threading.")
_f("fresh:handle handle", "Pool ThreadPool Process Queue Manager", "multiprocessing.")
_f("fresh:handle handle", "ThreadPoolExecutor ProcessPoolExecutor", "concurrent.futures.")
_f("fresh:handle handle", "NamedTemporaryFile TemporaryFile", "tempfile.")
_f("atom", "TemporaryDirectory mkdtemp mkstemp gettempdir", "tempfile.")
_f("fresh:handle handle", "open", "gzip.")
_f("fresh:buffer cheap", "StringIO BytesIO", "io.")
_f("fresh:callable cheap", "attrgetter itemgetter methodcaller", "operator.")
_f("atom changes keeps-members", "setitem delitem", "operator.")
_f("view changes keeps-members", "iadd iand iconcat ior isub imul itruediv ixor ipow imod", "operator.")
_f("view cheap", "dataclass field abstractmethod contextmanager property staticmethod classmethod", "dataclasses.")
_f("holds cheap", "dataclass field replace asdict astuple fields", "dataclasses.")
_f("view cheap", "contextmanager", "contextlib.")
_f("holds:context cheap", "suppress nullcontext", "contextlib.")
_f("view", "closing", "contextlib.")  # `with closing(x) as y`
_f("holds:context", "ExitStack", "contextlib.")
_f("holds:context changes", "redirect_stdout redirect_stderr", "contextlib.")
_f("atom changes keeps", "heappush heapify", "heapq.")
_f("part changes", "heappop heapreplace heappushpop", "heapq.")
_f("holds:list", "nlargest nsmallest", "heapq.")
_f("holds:generator_object", "merge", "heapq.")
_f("atom changes keeps", "insort insort_left insort_right", "bisect.")
_f("atom", "bisect bisect_left bisect_right", "bisect.")
_f("atom cheap", "dedent indent fill shorten", "textwrap.")
_f("fresh:list cheap", "wrap", "textwrap.")
_f("atom", "urlretrieve", "urllib.request.")
_f("fresh:handle handle", "urlopen", "urllib.request.")
_f("view", "run", "asyncio.")

# -- numpy
_f("fresh:ndarray cheap", "array arange linspace logspace geomspace zeros ones empty full eye identity tri", "numpy.")
_f(
    "fresh:ndarray",
    "zeros_like ones_like empty_like full_like dot matmul inner outer tensordot einsum kron cross vdot "
    "concatenate stack vstack hstack dstack column_stack row_stack block tile repeat append insert delete unique sort "
    "argsort lexsort searchsorted histogram histogram2d histogramdd bincount digitize cumsum cumprod diff gradient "
    "interp convolve correlate where nonzero argwhere flatnonzero meshgrid indices isin in1d intersect1d union1d "
    "setdiff1d exp log log2 log10 log1p expm1 sqrt square abs absolute fabs sign sin cos tan arcsin arccos arctan "
    "arctan2 sinh cosh tanh floor ceil rint round around trunc clip minimum maximum fmin fmax add subtract multiply "
    "divide true_divide floor_divide power mod remainder isnan isinf isfinite isclose logical_and logical_or "
    "logical_not logical_xor greater less equal not_equal corrcoef cov percentile quantile nanpercentile polyfit polyval "
    "roots copy mean_ r_ c_ fromiter fromfunction pad roll triu tril "
    "triu_indices tril_indices diag_indices argpartition partition apply_along_axis select piecewise nan_to_num",
    "numpy.",
)
_f(
    "view:ndarray",
    "frombuffer asarray ascontiguousarray atleast_1d atleast_2d atleast_3d squeeze ravel reshape transpose "
    "expand_dims broadcast_to swapaxes moveaxis rollaxis "
    "asanyarray rot90 flip array_split split hsplit vsplit diag diagonal real imag fliplr flipud",
    "numpy.",
)
_f("view:ndarray", "sliding_window_view as_strided", "numpy.lib.stride_tricks.")
_f("view:ndarray", "array masked_array asarray asanyarray", "numpy.ma.")
_f(
    "fresh:ndarray",
    "hypot degrees radians deg2rad rad2deg cbrt reciprocal sinc exp2 logaddexp logaddexp2 heaviside arcsinh arccosh "
    "arctanh angle unwrap fix copysign signbit nancumsum nancumprod nanprod nanargmax nanargmin nanquantile ediff1d vander "
    "poly polyder polyint polyadd polysub polymul polydiv hanning hamming blackman bartlett kaiser bitwise_and bitwise_or "
    "bitwise_xor invert left_shift right_shift isreal iscomplex isposinf isneginf setxor1d resize histogram_bin_edges "
    "unravel_index ravel_multi_index argmax compress extract trace gcd lcm float_power fmod",
    "numpy.",
)
_f("atom", "allclose array_equal array_equiv ndim size shape isscalar result_type can_cast", "numpy.")
_f(
    "fresh:ndarray",
    "prod sum mean std var median min max amin amax nanmean nanstd nansum nanmin nanmax argmax argmin any all "
    "nanmedian nanvar average ptp count_nonzero cumsum trapz trapezoid",
    "numpy.",
)
# Whether two arrays have one memory is nothing that files keep: who asks must get arrays that do.
_f("atom changes changes-all", "shares_memory may_share_memory", "numpy.")
_f("atom changes", "fill_diagonal put place copyto putmask put_along_axis", "numpy.")
_f("atom sets:numpy", "set_printoptions seterr seterrcall", "numpy.")
_f("fresh:context", "errstate printoptions", "numpy.")
_f("holds:partial cheap", "vectorize frompyfunc", "numpy.")
_f("holds:generator_object", "nditer", "numpy.")
_f("fresh:ndarray reads", "load loadtxt genfromtxt fromfile", "numpy.")
_f("atom writes second", "save savez savez_compressed savetxt", "numpy.")
_f("atom seeds:numpy", "seed set_state", "numpy.random.")
_f("any:generator", "default_rng RandomState Generator", "numpy.random.")  # of a generator: that one
_f("fresh:generator", "SeedSequence PCG64 MT19937 Philox SFC64", "numpy.random.")
_f("fresh draws-always:numpy", "get_state", "numpy.random.")
_f("atom changes draws-always:numpy", "shuffle", "numpy.random.")
_f(
    "fresh:ndarray",
    "norm inv pinv solve lstsq svd eig eigh eigvals eigvalsh det matrix_rank cholesky qr cond matrix_power",
    "numpy.linalg.",
)
_f(
    "fresh cheap",
    "float32 float64 int32 int64 int8 int16 uint8 uint16 uint32 uint64 bool_ str_ dtype iinfo finfo "
    "datetime64 timedelta64 float16 complex64 complex128 intp",
    "numpy.",
)

# -- pandas
_f(
    "fresh:frame reads",
    "read_csv read_table read_excel read_stata read_sas read_spss read_fwf read_orc read_xml",
    "pandas.",
)
_f("fresh:frame cells reads", "read_json read_parquet read_feather", "pandas.")
_f("fresh reads", "read_html read_pickle read_hdf", "pandas.")
_f("fresh:pandas", "read_sql read_sql_query read_sql_table read_clipboard", "pandas.")
_f("holds:frame", "DataFrame", "pandas.")
_f("holds:series", "Series", "pandas.")
_f(
    "fresh:pandas",
    "concat cut qcut "
    "to_datetime to_numeric to_timedelta date_range period_range timedelta_range bdate_range interval_range factorize "
    "isna isnull notna notnull unique value_counts",
    "pandas.",
)
_f(
    "fresh:frame",
    "merge merge_asof merge_ordered get_dummies pivot_table pivot crosstab melt wide_to_long",
    "pandas.",
)
_f("fresh:frame cells", "json_normalize", "pandas.")
_f(
    "fresh:pandas cheap",
    "Timestamp Timedelta Period DateOffset Interval NaT Categorical CategoricalDtype Index "
    "DatetimeIndex MultiIndex.from_product MultiIndex.from_tuples MultiIndex.from_arrays RangeIndex Grouper",
    "pandas.",
)
_f("atom sets:pandas", "set_option reset_option set_eng_float_format options.display.set", "pandas.")
_f("fresh:context", "option_context", "pandas.")
_f("atom", "get_option describe_option show_versions", "pandas.")
_f("atom sets:pandas", "register_matplotlib_converters deregister_matplotlib_converters", "pandas.plotting.")

# -- scikit-learn: functions and estimators are told by the package rule below; here what differs
_f(
    "fresh:ndarray",
    "accuracy_score f1_score precision_score recall_score roc_auc_score log_loss mean_squared_error "
    "mean_absolute_error r2_score root_mean_squared_error median_absolute_error mean_absolute_percentage_error "
    "confusion_matrix roc_curve auc precision_recall_curve "
    "average_precision_score balanced_accuracy_score matthews_corrcoef cohen_kappa_score adjusted_rand_score "
    "adjusted_mutual_info_score normalized_mutual_info_score homogeneity_score completeness_score v_measure_score "
    "calinski_harabasz_score davies_bouldin_score explained_variance_score max_error brier_score_loss det_curve "
    "jaccard_score hamming_loss zero_one_loss hinge_loss pairwise_distances euclidean_distances pairwise.cosine_similarity "
    "fowlkes_mallows_score rand_score mutual_info_score precision_recall_fscore_support",
    "sklearn.metrics.",
)
_f("atom", "classification_report", "sklearn.metrics.")
_f(
    "fresh:bunch",
    "load_iris load_wine load_breast_cancer load_digits load_diabetes load_linnerud load_files "
    "fetch_california_housing fetch_20newsgroups fetch_openml fetch_covtype fetch_olivetti_faces fetch_lfw_people "
    "load_sample_image load_sample_images",
    "sklearn.datasets.",
)
_f(
    "fresh:ndarray draws",
    "make_classification make_regression make_blobs make_moons make_circles make_s_curve make_swiss_roll "
    "make_friedman1 make_friedman2 make_friedman3 make_gaussian_quantiles make_hastie_10_2 make_low_rank_matrix "
    "make_multilabel_classification make_sparse_coded_signal make_sparse_spd_matrix make_sparse_uncorrelated make_spd_matrix "
    "make_biclusters make_checkerboard",
    "sklearn.datasets.",
)
_f("fresh draws slices", "train_test_split", "sklearn.model_selection.")
_f("fresh draws", "shuffle resample", "sklearn.utils.")
_f("atom sets:sklearn", "set_config", "sklearn.")
_f("fresh:context", "config_context", "sklearn.")
_f("fresh:sklearn", "clone", "sklearn.base.")
_f("holds:partial cheap", "available_if", "sklearn.utils.metaestimators.")
_f("fresh:ndarray draws", "cross_val_score cross_val_predict permutation_test_score", "sklearn.model_selection.")
_f("holds draws", "cross_validate learning_curve validation_curve", "sklearn.model_selection.")

# -- matplotlib and friends
_f("fresh:matplotlib figure", "subplots figure subplot_mosaic", "matplotlib.pyplot.")
_f("atom", "close ion ioff isinteractive get_fignums clf cla pause draw get_cmap colormaps", "matplotlib.pyplot.")
_f("fresh cheap", "figaspect fignum_exists get_figlabels get_backend cycler", "matplotlib.pyplot.")
_f("atom writes plots", "savefig", "matplotlib.pyplot.")
_f("atom plots", "show", "matplotlib.pyplot.")
_f("any:matplotlib changes plots", "colorbar clabel sci delaxes", "matplotlib.pyplot.")
_f("any:matplotlib changes", "setp", "matplotlib.pyplot.")
_f("any:matplotlib changes", "setp", "matplotlib.artist.")
_f("atom sets:matplotlib", "style.use rc rcdefaults rc_file set_cmap xkcd switch_backend", "matplotlib.pyplot.")
_f("atom sets:matplotlib", "rcParams.update", "matplotlib.pyplot.")
_f("atom sets:matplotlib", "rc use rcdefaults rc_file style.use rcParams.update", "matplotlib.")
_f("fresh:context", "style.context rc_context", "matplotlib.pyplot.")
_f("fresh:context", "rc_context", "matplotlib.")
_f("fresh:ndarray reads", "imread", "matplotlib.pyplot.")
_f("atom writes", "imsave", "matplotlib.pyplot.")
_f("atom writes", "imsave", "matplotlib.image.")
_f("fresh:ndarray reads", "imread", "matplotlib.image.")
_f(
    "atom sets:matplotlib",
    "set set_theme set_style set_context set_palette set_color_codes reset_defaults reset_orig despine_",
    "seaborn.",
)
_f("fresh:frame", "load_dataset", "seaborn.")
# These shift points by numpy's global state; what others draw for their error bars comes from a generator of their own.
_f("any:matplotlib plots draws-always:numpy", "stripplot catplot regplot lmplot", "seaborn.")
_f("any:matplotlib plots draws", "jointplot pairplot", "seaborn.")
_f(
    "fresh cheap",
    "color_palette husl_palette hls_palette light_palette dark_palette cubehelix_palette diverging_palette blend_palette "
    "mpl_palette xkcd_palette crayon_palette axes_style plotting_context desaturate saturate set_hls_values "
    "get_dataset_names get_data_home",
    "seaborn.",
)

# -- scipy: what differs from the package rule below.  What a minimized function returns, the result holds all the same.
_f("fresh:scipy", "minimize minimize_scalar root root_scalar linprog", "scipy.optimize.")
_f("fresh:ndarray", "curve_fit fsolve nnls linear_sum_assignment", "scipy.optimize.")
_f("fresh:scipy draws", "differential_evolution dual_annealing basinhopping quadratic_assignment", "scipy.optimize.")
_f("fresh:ndarray draws", "kmeans kmeans2", "scipy.cluster.vq.")
_f(
    "fresh:scipy",
    "ttest_ind ttest_1samp ttest_rel mannwhitneyu wilcoxon chi2_contingency pearsonr spearmanr kendalltau f_oneway "
    "kruskal shapiro ks_2samp kstest anderson normaltest levene bartlett linregress skew kurtosis iqr sem describe "
    "percentileofscore probplot trim_mean fisher_exact binomtest friedmanchisquare gmean hmean entropy moment variation",
    "scipy.stats.",
)
_f("fresh", "zscore boxcox rankdata mode binned_statistic", "scipy.stats.")
_f("any:scipy draws", "random rand linalg.onenormest linalg.expm_multiply", "scipy.sparse.")
_f("any:scipy draws", "linalg.clarkson_woodruff_transform spatial.transform.Rotation.random", "scipy.")

# -- other libraries
_f("fresh", "get post put patch delete head options request", "requests.")
_f("fresh reads", "load", "joblib.")
_f("atom writes second", "dump", "joblib.")
_f("fresh reads", "safe_load_file", "yaml.")
_f("any", "safe_load load full_load", "yaml.")
_f("atom", "safe_dump dump", "yaml.")
_f("atom seeds:torch", "manual_seed random.manual_seed cuda.manual_seed cuda.manual_seed_all set_rng_state", "torch.")
_f(
    "atom sets:torch",
    "set_default_dtype set_default_device set_num_threads set_printoptions set_grad_enabled "
    "use_deterministic_algorithms set_float32_matmul_precision",
    "torch.",
)
_f("fresh:torch reads", "load", "torch.")
_f("atom writes second", "save", "torch.")
_f("fresh:context", "no_grad inference_mode enable_grad", "torch.")
_f(
    "view cheap",
    "tqdm trange tqdm_notebook auto.tqdm notebook.tqdm std.tqdm autonotebook.tqdm auto.trange notebook.trange",
    "tqdm.",
)
_f("atom cheap", "display.display display.clear_output", "IPython.")
_f("fresh cheap", "display.HTML display.Markdown display.Image display.Math display.SVG", "IPython.")
_f("fresh:pandas", "get_rdataset", "statsmodels.api.datasets.")
_f("view cheap", "add_constant", "statsmodels.api.")
_f("fresh:ndarray", "add_constant", "statsmodels.tools.")

# What a function of a well-kept numerical library does that no row above names: it changes no argument, it may return
# one of them or keep it, and it draws from numpy's global state unless told otherwise only where the word says so.
PACKAGES: dict[str, str] = {
    "numpy": "any:ndarray",
    "numpy.random": "fresh:ndarray draws-always:numpy",
    "pandas": "any:pandas",
    "numpy.fft": "fresh:ndarray",
    "scipy": "any:scipy",
    "scipy.signal": "fresh:ndarray",
    "scipy.ndimage": "fresh:ndarray",
    "scipy.fft": "fresh:ndarray",
    "scipy.fftpack": "fresh:ndarray",
    "scipy.special": "fresh:ndarray",
    "scipy.integrate": "fresh:scipy",
    "scipy.cluster.hierarchy": "fresh:ndarray",
    "scipy.spatial.distance": "fresh:ndarray",
    "scipy.stats": "holds:scipy draws",
    "sklearn": "holds:sklearn draws",
    "statsmodels": "any:statsmodels draws",
    "matplotlib.pyplot": "any:matplotlib plots",
    "matplotlib": "holds:matplotlib",
    "mpl_toolkits": "holds:matplotlib",
    "seaborn": "any:matplotlib plots",
    "seaborn.objects": "holds:matplotlib",
    "patsy": "any",
    "math": "atom cheap",
    "string": "fresh cheap",
    "operator": "fresh cheap",
    "datetime": "fresh cheap",
    "enum": "fresh cheap",
    "typing": "fresh cheap",
    "abc": "view cheap",
    "collections": "holds cheap",
    "itertools": "holds:iter",
    "json": "any",
    "hashlib": "fresh",
    "statistics": "atom",
    "platform": "atom",
    "calendar": "fresh",
    "uuid": "fresh",
    "tabulate": "atom",
    "numbers": "fresh cheap",
    "__future__": "fresh cheap",
    "types": "holds cheap",
    "dataclasses": "holds cheap",
    "functools": "holds cheap",
    "os.path": "view cheap",
    "time": "atom",
    "textwrap": "fresh cheap",
    "string_": "fresh",
}

# -- methods, whatever the object: names that mean the same in pandas, numpy, scikit-learn, scipy, statsmodels
_m(
    "fresh:same",
    "copy dropna fillna drop drop_duplicates sort_values sort_index reset_index set_index rename "
    "rename_axis merge join assign query groupby_ pivot pivot_table melt stack unstack explode nlargest nsmallest "
    "replace astype clip round abs diff shift pct_change rolling_ cumsum cumprod cummax cummin rank interpolate ffill "
    "bfill isna isnull notna notnull isin between duplicated where mask add sub mul div truediv floordiv mod pow radd "
    "rsub rmul rdiv eq ne lt le gt ge combine_first align reindex resample_ tz_localize tz_convert to_period "
    "to_timestamp convert_dtypes infer_objects set_axis add_prefix add_suffix droplevel swaplevel reorder_levels "
    "get_dummies crosstab append_ corr cov corrwith describe value_counts mode nunique_ select_dtypes eval_ filter "
    "truncate asfreq at_time between_time transform_ map applymap compare reindex_like select",
)
_m("atom", "item tolist_ info isatty nbytes equals is_monotonic startswith_ summary_ is_unique memory")
_m(
    "fresh",
    "mean std var sum min max median prod sem skew kurt kurtosis quantile any all count idxmax idxmin argmax "
    "argmin argsort nunique unique tolist to_list to_dict cumcount ngroup size_ agg aggregate apply transform "
    "get_group predict predict_proba decision_function score predict_log_proba score_samples kneighbors_graph "
    "inverse_transform get_feature_names_out get_feature_names get_params kneighbors staged_predict "
    "staged_predict_proba apply_ decision_path conf_int summary summary2 t_test f_test wald_test aic_ get_prediction "
    "summary_frame get_forecast forecast toarray todense nonzero dot outer cost_complexity_pruning_path pvalues split "
    "get_n_splits to_numpy_ strftime isoformat total_seconds timestamp day_name month_name normalize days_in_month cat_ "
    "accessor_ cdf pdf sf ppf isf logpdf logcdf pmf entropy_ interval_ perplexity bic_ get_metadata_routing "
    "vocabulary_ get_support path_length mahalanobis get_covariance get_precision get_depth get_n_leaves "
    "text_ is_leap_year strip lower upper title capitalize contains match extract extractall findall len_ pad zfill "
    "get_loc get_level_values intersection difference union symmetric_difference isocalendar searchsorted "
    "plot_predict_ compute_ to_records to_period_ get_influence get_robustcov_results_ cov_params remove_data_",
)
_m(
    "view",
    "head tail iloc loc at iat values T ravel reshape transpose squeeze view flatten swapaxes get groupby "
    "rolling expanding ewm resample pipe xs take to_numpy to_frame items iterrows itertuples keys iteritems "
    "str dt cat named_steps get_level diagonal asfptype tocsr tocsc tocoo get_figure as_matrix sparse array "
    "__getitem__ first last nth get_params_ set_axis_ get_legend get_xaxis to_series swapaxes real imag base",
)
_m("view changes", "fit set_params partial_fit")
_m("holds:same changes draws", "fit_transform fit_predict fit_resample")
_m("view changes draws", "fit partial_fit warm_start")
_m("fresh", "transform")
_m("fresh draws", "sample rvs resample_")
_m("fresh:ndarray", "argpartition")
_m(
    "atom writes",
    "to_csv to_excel to_json to_parquet to_pickle to_feather to_hdf to_stata to_orc to_xml tofile "
    "write_image write_html savefig save_model",
)
_m("atom writes", "save to_html to_latex to_markdown to_string")
_m("atom changes keeps", "append insert add discard setdefault_ appendleft")
_m("atom changes keeps-members", "extend extendleft update")
_m("atom changes", "remove clear reverse")
_m("part changes", "popleft popitem")
_m("view plots", "plot hist boxplot")
_m(
    "atom",
    "lower_ startswith endswith isdigit isalpha isspace isupper islower isnumeric isalnum encode decode "
    "format rjust ljust center find index_ rfind count_",
)

for _kind in ("pandas", "frame", "series"):
    _t(_kind, "view", "head tail")
_t(
    "frame",
    "fresh:frame",
    "to_frame copy dropna fillna drop_duplicates sort_values sort_index reset_index "
    "set_index rename merge assign query reindex astype clip isna isnull notna replace round nlargest nsmallest "
    "select_dtypes describe ffill bfill interpolate shift diff pct_change corr cov convert_dtypes join add_prefix "
    "add_suffix melt pivot_table pivot transform_ where mask explode truncate filter T_ drop map applymap",
)
_t(
    "series",
    "fresh:series",
    "copy dropna fillna drop_duplicates sort_values sort_index astype clip isna isnull notna "
    "replace round nlargest nsmallest ffill bfill interpolate shift diff pct_change between isin value_counts cumsum "
    "map rank where mask abs str.lower rename",
)
_t("frame", "fresh:series", "sum mean std var min max median count nunique idxmax idxmin any all duplicated")
_t("frame series pandas", "atom changes", "update insert pop_")
_t("frame series pandas", "part changes", "pop")
_t("frame series pandas", "fresh:frame", "head_ sample_")
_t("frame series pandas ndarray", "atom changes", "sort fill put itemset setfield partition resize byteswap")
_t("frame series pandas grouped", "fresh:pandas", "agg aggregate apply transform")
_t("grouped", "fresh:pandas cells", "split rsplit findall")
_t("grouped", "fresh:pandas", "mean std var sum min max median count nunique first last size quantile cumsum cumcount")
_t("frame pandas", "rows", "iterrows itertuples items")
_t("series", "holds:generator_object", "items")
_t("frame series pandas index", "fresh:list", "tolist to_list")
_t("series", "part", "mean std var sum min max median prod sem skew kurt idxmin idxmax any all nunique item")
_t("series", "fresh:pandas", "quantile unique")
_t("frame pandas", "fresh:pandas", "quantile mode")
_t("pandas", "fresh:pandas", "mean std var sum min max median prod sem skew kurt idxmin idxmax any all nunique item")
_t(
    "ndarray",
    "fresh:ndarray",
    "copy astype sum mean std var min max cumsum cumprod dot argsort argmax argmin round "
    "clip nonzero repeat take conj trace prod any all searchsorted flatten ptp choose compress tobytes",
)
_t("ndarray", "fresh:list nested", "tolist")
_t("ndarray", "view:ndarray", "reshape ravel transpose squeeze view swapaxes diagonal T real imag flat")
_t("generator", "fresh:list cells changes", "spawn")
_t(
    "generator",
    "fresh:ndarray changes",
    "normal uniform random integers randint choice rand randn random_sample "
    "standard_normal permutation poisson binomial exponential beta gamma laplace lognormal multivariate_normal "
    "multinomial permuted standard_t chisquare logistic geometric bytes dirichlet triangular gauss sample choices "
    "randrange randbytes",
)
_t("generator", "atom changes changes-all", "shuffle")
_t("list", "atom changes keeps cheap", "append insert remove clear sort reverse")
_t("list", "atom changes keeps-members cheap", "extend extendleft")
_t("list", "part changes cheap", "pop popleft")
_t("list", "atom changes keeps cheap", "appendleft rotate")
_t("list", "atom cheap", "index count")
_t("list", "holds:list cheap", "copy")
_t("dict namespace", "part cheap", "get")
_t("dict namespace", "part changes keeps cheap", "setdefault pop popitem")
_t("dict namespace", "atom changes keeps cheap", "clear move_to_end")
_t("dict namespace", "atom changes keeps-members cheap", "update subtract")
_t("dict namespace", "holds:iter cheap", "items values keys elements")
_t("dict namespace", "holds:list cheap", "most_common")
_t("dict namespace", "holds:dict cheap", "copy fromkeys")
_t(
    "set",
    "atom changes keeps-members cheap",
    "update difference_update intersection_update symmetric_difference_update",
)
_t("set", "atom changes keeps cheap", "add discard remove clear")
_t("set", "part changes cheap", "pop")
_t("set", "holds:set cheap", "union intersection difference symmetric_difference copy")
_t("set", "atom cheap", "issubset issuperset isdisjoint")
_t("bunch", "view", "keys values items get")
_t("bunch", "any changes changes-all", "update pop clear setdefault")
_t("logger", "atom changes", "debug info warning error critical exception log")
_t("logger", "atom sets:logging keeps", "setLevel addHandler removeHandler addFilter removeFilter")
_t("log_handler", "atom changes keeps cheap", "setFormatter setLevel addFilter removeFilter")
_t("sklearn", "fresh:sklearn", "get_params")
_t("sklearn", "fresh:ndarray", "predict predict_proba predict_log_proba decision_function score_samples")
_t("sklearn", "atom", "score")
_t("sklearn", "view changes keeps", "set_params set_output set_fit_request")
_t("sklearn", "view changes draws keeps", "fit partial_fit")
_t("sklearn", "fresh draws", "split sample fit_transform_")
_t("sklearn", "fresh changes draws", "fit_transform fit_predict")
_t("matplotlib", "atom writes", "savefig")
_t("matplotlib", "fresh:matplotlib changes keeps", "plot hist boxplot")
_t(
    "matplotlib",
    "atom",
    "get_title get_xlim get_ylim get_xlabel get_ylabel get_size_inches get_dpi get_legend_handles_labels "
    "get_position get_window_extent show",
)
_t("statsmodels", "holds:statsmodels changes draws", "fit fit_regularized fit_constrained smooth filter")
_t("statsmodels", "any draws", "simulate bootstrap")
_t(
    "statsmodels",
    "any:statsmodels plots",
    "plot_diagnostics plot plot_predict plot_partial plot_simultaneous plot_components_data plot_data",
)
_t("scipy", "fresh draws", "rvs sample resample")
_t("handle", "atom", "read readline write close seek tell flush writelines truncate fileno commit rollback writestr")
_t("handle", "fresh:list", "readlines namelist fetchall")
_t("buffer", "atom changes", "read readline write getvalue close seek tell flush writelines truncate")
_t("buffer", "fresh:list changes", "readlines")
_t("buffer", "view changes", "getbuffer")
_t("pattern", "fresh:match cheap", "match search fullmatch")
_t("pattern", "fresh:list cheap", "findall split")
_t("match", "atom cheap", "group start end expand")
_t("match", "fresh:list cheap", "groups span")
_t("match", "fresh:dict cheap", "groupdict")
_t("pattern", "atom cheap", "sub subn")
_t("iter generator_object", "part changes", "__next__ send close")
_t("partial", "any", "func")

# Where functions of numpy take the array that they write their result into: `np.add(a, 1, a)`.
OUT_ARGUMENT: dict[str, int] = {
    name: place
    for place, names in {
        1: "abs absolute fabs sign negative positive conj conjugate exp exp2 expm1 log log2 log10 log1p sqrt cbrt square "
        "reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh degrees radians deg2rad rad2deg "
        "floor ceil rint trunc fix isnan isinf isfinite logical_not invert bitwise_not signbit spacing",
        2: "add subtract multiply divide true_divide floor_divide power float_power mod remainder fmod maximum minimum "
        "fmax fmin hypot arctan2 logaddexp logaddexp2 copysign nextafter ldexp heaviside gcd lcm greater greater_equal "
        "less less_equal equal not_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor "
        "left_shift right_shift matmul dot outer round around concatenate stack argmax argmin max min amax amin",
        3: "clip take sum prod mean cumsum cumprod choose",
        4: "std var",
    }.items()
    for name in names.split()
}

# Classes whose methods may be called as functions: `np.ndarray.fill(a, 0)`.
OWNERS = {
    "numpy.ndarray": "ndarray",
    "pandas.DataFrame": "frame",
    "pandas.Series": "series",
    "io.StringIO": "buffer",
    "io.BytesIO": "buffer",
}

# What the builtin containers have, those of `collections` included; a value of these types has no other attribute.
_BUILTIN: dict[str, tuple[type, ...]] = {
    "list": (list, tuple, range, str, collections.deque),
    "tuple": (tuple, str),
    "dict": (dict, collections.OrderedDict, collections.Counter, collections.defaultdict),
    "set": (set, frozenset),
}
CONTAINER_ATTRIBUTES: dict[str, frozenset[str]] = {
    kind: frozenset(name for cls in classes for name in dir(cls)) for kind, classes in _BUILTIN.items()
}

# Attributes that are plain values, whatever the object.
ATOM_ATTRIBUTES = frozenset(
    [
        "shape",
        "ndim",
        "size",
        "dtype",
        "itemsize",
        "nbytes",
        "name",
        "__name__",
        "__doc__",
        "__version__",
        "empty",
        "hasnans",
        "is_unique",
        "nobs",
        "rsquared",
        "rsquared_adj",
        "aic",
        "bic",
        "llf",
        "fvalue",
        "f_pvalue",
        "df_resid",
        "df_model",
        "n_iter_",
        "inertia_",
        "best_score_",
        "n_features_in_",
        "n_clusters",
        "oob_score_",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "days",
        "seconds",
        "stem",
        "suffix",
    ]
)

# Of them, those that are series of a series of dates.
DATE_PARTS = frozenset(["year", "month", "day", "hour", "minute", "second", "days", "seconds", "name"])

# Library things whose attributes or items, when stored to, are settings of the process.
SETTINGS: dict[str, str] = {
    "matplotlib.pyplot.rcParams": "matplotlib",
    "matplotlib.rcParams": "matplotlib",
    "matplotlib.pyplot.rcParamsDefault": "matplotlib",
    "pandas.options": "pandas",
    "os.environ": "environ",
    "sys.path": "syspath",
    "warnings.filters": "warnings",
    "seaborn": "matplotlib",
    "torch.backends": "torch",
    "statsmodels.graphics": "matplotlib",
}

# A setting matters only to a stage that uses one of these packages; a domain that is not here matters to every stage.
NOTICED_BY: dict[str, tuple[str, ...]] = {
    "matplotlib": ("matplotlib", "seaborn", "mpl_toolkits", "pylab"),
}

# Estimators that never draw a random number when they are fitted.
DETERMINISTIC = frozenset(
    [
        "LinearRegression",
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "Normalizer",
        "OneHotEncoder",
        "OrdinalEncoder",
        "LabelEncoder",
        "LabelBinarizer",
        "MultiLabelBinarizer",
        "PolynomialFeatures",
        "SimpleImputer",
        "KNNImputer",
        "FunctionTransformer",
        "ColumnTransformer",
        "CountVectorizer",
        "TfidfVectorizer",
        "TfidfTransformer",
        "HashingVectorizer",
        "DictVectorizer",
        "KNeighborsClassifier",
        "KNeighborsRegressor",
        "NearestNeighbors",
        "GaussianNB",
        "MultinomialNB",
        "BernoulliNB",
        "ComplementNB",
        "CategoricalNB",
        "LinearDiscriminantAnalysis",
        "QuadraticDiscriminantAnalysis",
        "IsotonicRegression",
        "KernelRidge",
        "AgglomerativeClustering",
        "DBSCAN",
        "OPTICS",
        "MeanShift",
        "Birch",
        "VarianceThreshold",
        "SelectKBest",
        "SelectPercentile",
        "Binarizer",
        "SplineTransformer",
        "QuantileRegressor",
        "BayesianRidge",
        "ARDRegression",
        "EmpiricalCovariance",
        "LedoitWolf",
        "OAS",
        "NearestCentroid",
        "LocalOutlierFactor",
    ]
)

# Estimators that keep nothing of the data that they are fitted to: what they have learnt is in arrays of their own.
FORGETFUL = frozenset(
    [
        "LabelEncoder",
        "OneHotEncoder",
        "OrdinalEncoder",
        "LabelBinarizer",
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "Normalizer",
        "Binarizer",
        "PolynomialFeatures",
        "SimpleImputer",
        "CountVectorizer",
        "TfidfVectorizer",
        "TfidfTransformer",
        "PCA",
        "TruncatedSVD",
        "KMeans",
        "LinearRegression",
        "Ridge",
        "Lasso",
        "ElasticNet",
        "LogisticRegression",
        "SGDClassifier",
        "SGDRegressor",
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "GradientBoostingClassifier",
        "GradientBoostingRegressor",
        "GaussianNB",
        "MultinomialNB",
        "BernoulliNB",
    ]
)

SEED_ARGUMENTS = frozenset({"random_state", "seed", "rng", "generator"})


@cache
def parse(row: str) -> Effect:
    """The `Effect` that a row's words describe."""
    values: dict[str, object] = {"result": "any"}
    for word in row.split():
        head, _, tail = word.partition(":")
        if head in ("atom", "fresh", "holds", "view", "part", "rows", "any"):
            values["result"] = head
            values["type"] = "" if tail == "same" else tail
            values["copies_type"] = tail == "same"
        elif word == "same":
            values["copies_type"] = True
        elif word == "changes":
            values["changes"] = True
        elif word == "changes-all":
            values["changes_all"] = True
        elif word in ("keeps", "keeps-members"):
            values["keeps"] = True
            values["keeps_members"] = word == "keeps-members"
        elif word == "draws":
            values["draws"] = "seedable"
        elif head == "draws-always":
            values["draws"] = tail
            values.setdefault("result", "fresh")
        elif head in ("seeds", "sets"):
            values[head] = tail
        elif word in (
            "reads",
            "writes",
            "appends",
            "copies",
            "moves",
            "removes",
            "probes",
            "connects",
            "globs",
            "mkdirs",
            "unknown-file",
            "file",
        ):
            values["file"] = word
        elif word == "second":
            values["file"] = "writes-" + ("first" if values.get("file") == "writes" else "")
        elif word == "handle":
            values["handle"] = True
        elif word in ("plots", "figure"):
            values["plots"] = 1 if word == "figure" else 2
        elif word in ("cheap", "cells", "nested"):
            values[word] = True
    return Effect(**values)  # type: ignore[arg-type]


# Packages whose functions use what they are given as data, or call it: a step of a pipeline they do not call.
SHALLOW = frozenset({"builtins", "numpy", "pandas", "matplotlib", "math", "json", "pickle", "copy", "itertools"})


# What `pylab` has of numpy.random, where it hides what numpy and pyplot have under the same name.
PYLAB_RANDOM = frozenset(
    """beta binomial chisquare choice default_rng dirichlet exponential f gamma geometric get_state gumbel hypergeometric
    laplace logistic lognormal logseries multinomial multivariate_normal negative_binomial noncentral_chisquare
    noncentral_f normal pareto permutation poisson power rand randint randn random_integers random_sample ranf rayleigh
    sample seed set_state shuffle standard_cauchy standard_exponential standard_gamma standard_normal standard_t
    triangular uniform vonmises wald weibull zipf Generator RandomState""".split()  # noqa: SIM905
)


def pylab_path(name: str) -> str:
    """Where `pylab` has a name from: `pylab.seed` is `numpy.random.seed`."""
    first = name.split(".")[0]
    if first in PYLAB_RANDOM:
        return f"numpy.random.{name}"
    for module in ("numpy.linalg", "numpy"):
        if f"{module}.{first}" in FUNCTIONS:
            return f"{module}.{name}"
    if first in ("fft", "linalg", "random"):
        return f"numpy.{name}"
    return f"matplotlib.pyplot.{name}"


def function_effect(path: str) -> Effect:
    """What calling the library function or class at a dotted path does; `UNKNOWN` where no row and no package says."""
    effect = _effect_of(path)
    if effect.unknown or path.split(".")[0] not in SHALLOW:
        return effect
    return replace(effect, calls="given")


@cache
def _effect_of(path: str) -> Effect:
    row = FUNCTIONS.get(path)
    if row is not None:
        return parse(row)
    owner, _, tail = path.rpartition(".")
    root = path.split(".")[0]
    if owner in OWNERS:
        return method_effect(tail, OWNERS[owner]) or UNKNOWN
    if tail == "at" and owner.rpartition(".")[0] == "numpy":
        return parse("atom changes")  # `np.add.at(a, places, 1)`
    if root == "sklearn":
        # sklearn.metrics._classification.f1_score and sklearn.metrics.f1_score are the same function.
        for module in ("metrics", "datasets", "model_selection", "utils"):
            row = FUNCTIONS.get(f"sklearn.{module}.{tail}") if f".{module}" in path else None
            if row is not None:
                return parse(row)
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        row = PACKAGES.get(".".join(parts[:end]))
        if row is not None:
            effect = parse(row)
            if tail in DETERMINISTIC:
                return replace(effect, draws="")
            if root == "matplotlib" and (len(parts) > 3 or tail[:1].isupper()):
                return replace(effect, plots=0)  # `plt.cm.viridis(x)`, `plt.Line2D(...)`
            return effect
    return UNKNOWN


def method_effect(name: str, kind: str) -> Effect | None:
    """What calling a method of this name on an object of this coarse type does; None where nothing is known."""
    row = TYPED_METHODS.get((kind, name))
    if row is None and kind not in ("list", "dict", "set", "generator", "iter", "handle", "generator_object"):
        row = METHODS.get(name)
    if row is None:
        return None
    effect = parse(row)
    if kind in ("list", "dict", "set", "tuple", "namespace"):
        effect = replace(effect, calls="given")  # and nothing that the container holds
    if effect.changes and kind in ("ndarray", "frame", "series") and (kind, name) not in TYPED_METHODS:
        return None  # `fit`, `add`: a method of something else, or one of theirs that changes nothing
    return effect
