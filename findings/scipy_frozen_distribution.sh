#!/usr/bin/env bash
# A frozen distribution of scipy.stats draws from numpy's global generator until it is pickled; then it has a generator of its
# own, a copy of the global one at that moment, which `np.random.seed` does not reach.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys

import numpy as np
import scipy
from scipy import stats

print("numpy", np.__version__, "scipy", scipy.__version__)
live = stats.norm(5, 2)
loaded = pickle.loads(pickle.dumps(live))


def drawn(distribution):
    np.random.seed(1)
    return [round(float(x), 6) for x in distribution.rvs(2)]


follows = drawn(live), drawn(live)
own = drawn(loaded), drawn(loaded)
print("before it was pickled, drawn twice after np.random.seed(1):", *follows)
print("after it was pickled, the same:                            ", *own)
sys.exit(not (follows[0] == follows[1] and own[0] != own[1]))
END
