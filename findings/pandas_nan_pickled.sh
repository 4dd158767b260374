#!/usr/bin/env bash
# All missing texts of a column are one object, numpy's NaN, so `set(df["city"])` has one of them.  A pickle writes each as a
# number of its own, and after loading each is another object: sets and dicts, which find NaN only by identity, then hold
# as many as there are rows without a value.  (With pyarrow installed the texts lie elsewhere, and one stays one; a column
# of objects behaves like this in any case.)
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.0.1 numpy==2.4.2
cd "$folder"
printf 'city\nBern\n\nBasel\nNA\nBern\n' > cities.csv
venv/bin/python - <<'END'
import sys

import pandas as pd

print("pandas", pd.__version__)
df = pd.read_csv("cities.csv", skip_blank_lines=False)
df.to_pickle("cities.pkl")
loaded = pd.read_pickle("cities.pkl")
print("equal:", df.equals(loaded), " missing:", int(df["city"].isna().sum()))
before, after = len(set(df["city"])), len(set(loaded["city"]))
print("members of set(df['city']) before:", before, " after loading:", after)
objects = df["city"].astype(object)
objects.to_pickle("objects.pkl")
print("the same with a column of objects:", len(set(objects)), len(set(pd.read_pickle("objects.pkl"))))
sys.exit(not (df.equals(loaded) and (before, after) == (3, 4)))
END
