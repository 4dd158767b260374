#!/usr/bin/env bash
# The weights of Keras follow the generator of Python's module `random`: `random.seed` alone makes them repeat, `np.random.seed`
# and the seed of the backend do not.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
cd "$folder"
KERAS_BACKEND=jax venv/bin/python - <<'END'
import random
import sys

import keras
import numpy as np

print("keras", keras.__version__, "on", keras.backend.backend())


def weight():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    return float(model.get_weights()[0][0, 0])


def twice(seed):
    found = []
    for _ in range(2):
        seed(7)
        found.append(weight())
    return found


python, numpy = twice(random.seed), twice(np.random.seed)
print("first weight, twice after random.seed(7):   ", *python)
print("first weight, twice after np.random.seed(7):", *numpy)
sys.exit(not (python[0] == python[1] and numpy[0] != numpy[1]))
END
