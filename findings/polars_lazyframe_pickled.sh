#!/usr/bin/env bash
# A LazyFrame of `scan_csv` that is pickled holds the path and not the rows: what is collected after loading is what the file holds
# then, while the name of the pickle suggests a snapshot.  A LazyFrame of a DataFrame does hold the rows.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys
from pathlib import Path

import polars as pl

print("polars", pl.__version__)
Path("a.csv").write_text("x\n1\n2\n")
scanned, held = pl.scan_csv("a.csv"), pl.read_csv("a.csv").lazy()
pickles = [pickle.dumps(frame) for frame in (scanned, held)]
Path("a.csv").write_text("x\n100\n")
of_scan, of_frame = (pickle.loads(each).collect()["x"].to_list() for each in pickles)
print("the file has 100 now; pickled before: of the scan", of_scan, " of the frame", of_frame)
sys.exit((of_scan, of_frame) != ([100], [1, 2]))
END
