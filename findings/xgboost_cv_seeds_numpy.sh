#!/usr/bin/env bash
# `xgboost.cv` seeds numpy's global generator with its own `seed` (0 unless given): what the program draws afterwards no
# longer follows from its own seed.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 xgboost==3.2.0
cd "$folder"
venv/bin/python - <<'END'
import sys

import numpy as np
import xgboost as xgb

print("numpy", np.__version__, "xgboost", xgb.__version__)
data = xgb.DMatrix(np.arange(60.0).reshape(20, 3), np.arange(20.0))


def draw_after_cv(own_seed, seed_of_cv):
    np.random.seed(own_seed)
    xgb.cv({"nthread": 1}, data, 2, nfold=2, seed=seed_of_cv)
    return np.random.rand()


drawn = [draw_after_cv(1, 7), draw_after_cv(2, 7), draw_after_cv(1, 8)]
print("own seed 1, seed of cv 7:", drawn[0])
print("own seed 2, seed of cv 7:", drawn[1])
print("own seed 1, seed of cv 8:", drawn[2])
sys.exit(not (drawn[0] == drawn[1] != drawn[2]))
END
