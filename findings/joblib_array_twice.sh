#!/usr/bin/env bash
# `joblib.dump` writes an array wherever it stands: two names for one array are two arrays after `joblib.load`, where a pickle keeps one.
# An object that holds the same array twice no longer sees through one name what is written through the other.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet joblib==1.6.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys

import joblib
import numpy as np

print("joblib", joblib.__version__)
weights = np.arange(3.0)
model = {"first": weights, "last": weights}
joblib.dump(model, "model.joblib")
by_joblib, by_pickle = joblib.load("model.joblib"), pickle.loads(pickle.dumps(model))
for name, each in (("joblib", by_joblib), ("pickle", by_pickle)):
    each["first"][0] = 99
    print(f"{name}: written to one, the other has {each['last'][0]}")
sys.exit(not (by_joblib["last"][0] == 0 and by_pickle["last"][0] == 99))
END
