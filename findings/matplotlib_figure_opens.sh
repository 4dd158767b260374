#!/usr/bin/env bash
# A figure of pyplot that is pickled while it is open opens itself when it is loaded: it is the current figure then, under another number,
# and what `plt` draws next lands in it.  One that was closed before it was pickled stays closed.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matplotlib==3.11.2
cd "$folder"
MPLBACKEND=Agg venv/bin/python - <<'END'
import pickle
import sys

import matplotlib
import matplotlib.pyplot as plt

print("matplotlib", matplotlib.__version__)
old, _ = plt.subplots()
opened = pickle.dumps(old)
plt.close(old)
closed = pickle.dumps(old)
current, _ = plt.subplots()
shut = pickle.loads(closed)
before = (plt.gcf() is current, plt.get_fignums())
loaded = pickle.loads(opened)
after = (plt.gcf() is loaded, plt.get_fignums())
print("pickled closed, loaded: current figure unchanged:", before[0], " open:", before[1])
print("pickled open, loaded: it is the current figure:", after[0], " open:", after[1])
plt.plot([1, 2], [1, 2])
print("plt.plot drew", len(loaded.axes[0].lines), "line in the loaded one,", len(current.axes[0].lines), "in the one of before")
sys.exit(not (before[0] and after[0] and len(before[1]) == 1 and len(after[1]) == 2 and loaded.axes[0].lines))
END
