"""What a clock says differs from run to run: which calls read one, and which results of libraries are times."""

from __future__ import annotations

from typing import Final

# Calls that say what time it is, or how long something took.
CALLS: Final = frozenset(
    [
        *(
            f"time.{name}{unit}"
            for name in ("time", "perf_counter", "monotonic", "process_time")
            for unit in ("", "_ns")
        ),
        *("time.thread_time", "time.thread_time_ns", "time.ctime", "time.localtime", "time.gmtime", "time.strftime"),
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        *("pandas.Timestamp.now", "pandas.Timestamp.today", "pandas.Timestamp.utcnow"),
        *("timeit.default_timer", "timeit.timeit", "timeit.repeat", "os.times"),
    ]
)

# Keys, columns and attributes that libraries fill with times; with what has to stand beside one whose name says little.
TIMES: Final = {
    # searches of scikit-learn and of those that do as it does, `cross_validate`, and their tables
    **dict.fromkeys(["mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time", "refit_time_"], ""),
    **dict.fromkeys(["fit_time", "score_time"], ""),
    # trials of optuna, and their table
    **dict.fromkeys(["datetime_start", "datetime_complete"], ""),
    "duration": "datetime_start",
}
