#!/usr/bin/env bash
# An array that refuses to be written to comes back from a pickle as one that accepts it: the flag is not saved.  A view made by
# `broadcast_to`, whose rows are one row in memory, comes back with as many rows of its own.  pandas 3 gives read-only
# arrays (`to_numpy()`), so code that raised an error before a file goes on silently behind it.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.0.1 numpy==2.4.2
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys

import numpy as np
import pandas as pd

print("numpy", np.__version__, "pandas", pd.__version__)
values = pd.DataFrame({"a": [1, 2]})["a"].to_numpy()
loaded = pickle.loads(pickle.dumps(values))
print("to_numpy() may be written to:", values.flags.writeable, " loaded:", loaded.flags.writeable)
wide = np.broadcast_to(np.arange(3), (1000, 3))
again = pickle.loads(pickle.dumps(wide))
print("bytes from row to row of broadcast_to:", wide.strides[0], " loaded:", again.strides[0])
sys.exit(not (not values.flags.writeable and loaded.flags.writeable and wide.strides[0] == 0 and again.strides[0] == 24))
END
