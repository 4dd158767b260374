#!/usr/bin/env bash
# Nearly every method of pandas gives a new object, which under copy-on-write never changes its source.  `clip()` whose bounds
# are both left out gives the very object itself, so what is written to the "clipped" column lands in the original.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.0.1 numpy==2.4.2
cd "$folder"
venv/bin/python - <<'END'
import sys

import pandas as pd

print("pandas", pd.__version__)
prices = pd.Series([1, 2, 3])
settings = {"lower": None, "upper": None}  # as it comes from a file of settings
clipped = prices.clip(**settings)
rounded = prices.round()
clipped[0] = 99
rounded[1] = 99
print("clip() gives the object itself:", clipped is prices, " round() does:", rounded is prices)
print("the original afterwards:", prices.tolist())
sys.exit(prices.tolist() != [99, 2, 3])
END
