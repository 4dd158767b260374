#!/usr/bin/env bash
# A float64 array of JAX comes back from a pickle as float32 in a process that has not switched `jax_enable_x64` on: the
# setting belongs to the process, not to the array.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
cd "$folder"
venv/bin/python - <<'END'
import pickle
import subprocess
import sys

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp

print("jax", jax.__version__)
x = jnp.arange(3.0) + 1e-12
with open("x.pkl", "wb") as file:
    pickle.dump(x, file)
code = "import pickle; x = pickle.load(open('x.pkl', 'rb')); print(x.dtype, float(x[1]) == 1.0)"
plain = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
print("saved:", x.dtype, " loaded in a process without the setting:", plain[0], " digits lost:", plain[1])
sys.exit(plain != ["float32", "True"])
END
