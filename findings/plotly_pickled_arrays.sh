#!/usr/bin/env bash
# The arrays in a figure of plotly come back from a pickle, or a deep copy, as dicts with the keys `dtype` and `bdata`: `max(trace.y)`
# is then a text. Lists are not affected, and the picture is the same.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet plotly==7.1.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'END'
import copy
import pickle
import sys

import numpy as np
import plotly
import plotly.graph_objects as go

print("plotly", plotly.__version__, "numpy", np.__version__)
figure = go.Figure(go.Scatter(x=[1, 2, 3], y=np.array([1.5, 2.5, 3.5])))
loaded, copied = pickle.loads(pickle.dumps(figure)), copy.deepcopy(figure)
for name, each in (("live", figure), ("pickled", loaded), ("deep copy", copied)):
    print(f"{name}: x is {type(each.data[0].x).__name__}, y is {type(each.data[0].y).__name__}: {each.data[0].y}")
sys.exit(not (isinstance(figure.data[0].y, np.ndarray) and isinstance(loaded.data[0].y, dict)))
END
