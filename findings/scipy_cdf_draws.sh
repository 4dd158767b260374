#!/usr/bin/env bash
# `multivariate_normal.cdf` of scipy.stats integrates at random points of numpy's global generator from three dimensions on:
# asking a distribution for a probability changes what is drawn afterwards, and two answers differ.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
cd "$folder"
venv/bin/python - <<'END'
import sys

import numpy as np
import scipy
from scipy import stats

print("numpy", np.__version__, "scipy", scipy.__version__)


def moved(dimensions):
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    stats.multivariate_normal(np.zeros(dimensions), np.eye(dimensions) + 0.5).cdf(np.full(dimensions, 0.3))
    return np.random.rand() != expected


found = {dimensions: moved(dimensions) for dimensions in (1, 2, 3, 4, 5)}
print("does cdf move numpy's global generator, by dimensions:", found)
sys.exit(found != {1: False, 2: False, 3: True, 4: True, 5: True})
END
