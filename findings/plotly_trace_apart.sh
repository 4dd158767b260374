#!/usr/bin/env bash
# A trace and the figure that it is part of, pickled together, come back as two: what is written to the trace no longer shows in the figure,
# although a pickle keeps what is shared in every ordinary object.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet plotly==7.1.0
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys

import plotly
import plotly.graph_objects as go

print("plotly", plotly.__version__)
figure = go.Figure(go.Scatter(y=[1, 2, 3]))
trace = figure.data[0]
trace.y = [4, 4, 4]
live = figure.data[0].y
loaded, its_trace = pickle.loads(pickle.dumps((figure, trace)))
its_trace.y = [5, 5, 5]
print("after writing to the trace: live", live, " loaded", loaded.data[0].y)
sys.exit(not (list(live) == [4, 4, 4] and list(loaded.data[0].y) == [4, 4, 4]))
END
