#!/usr/bin/env bash
# A frame written to Parquet comes back without the frequency of its dates.  `DataFrame.equals` calls the two equal, and `index.shift(1)`,
# which worked before, raises.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.1.1 pyarrow==25.0.0
cd "$folder"
venv/bin/python - <<'END'
import sys

import pandas as pd
import pyarrow

print("pandas", pd.__version__, "pyarrow", pyarrow.__version__)
df = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020-01-01", periods=2, freq="D"))
df.to_parquet("a.parquet")
loaded = pd.read_parquet("a.parquet")
print("equal:", df.equals(loaded), " frequency before:", df.index.freq, " after:", loaded.index.freq)
print("before:", df.index.shift(1)[0])
try:
    after = str(loaded.index.shift(1)[0])
except ValueError as error:
    after = f"{type(error).__name__}"
print("after:", after)
sys.exit(not (df.equals(loaded) and loaded.index.freq is None and after == "NullFrequencyError"))
END
