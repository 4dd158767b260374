#!/usr/bin/env bash
# Numbers of uncertainties that depend on each other are independent once they have been pickled into two files: `2 * x - 2 * x`
# has an uncertainty. Pickled together they stay correlated.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uncertainties==3.2.3
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys
from importlib.metadata import version

from uncertainties import ufloat

print("uncertainties", version("uncertainties"))
x = ufloat(2.0, 0.1)
y = 2 * x
one, two = pickle.loads(pickle.dumps(x)), pickle.loads(pickle.dumps(y))
both = pickle.loads(pickle.dumps((x, y)))
deviations = [round(d.std_dev, 6) for d in (y - 2 * x, two - 2 * one, both[1] - 2 * both[0])]
print("standard deviation of y - 2 * x where y = 2 * x: live {}, from two files {}, from one {}".format(*deviations))
sys.exit(not (deviations[0] == deviations[2] == 0 < deviations[1]))
END
