#!/usr/bin/env bash
# Since numpy 2 a `from numpy import *` (and so `%pylab`) hides the builtins `max`, `min`, `abs`, `round` and `pow`, which numpy 1
# left alone.  numpy's `max` takes an axis second, and axis 0 of a lone number is allowed: `max(x, 0)`, which cuts off
# what is negative, gives `x` itself, without an error.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > stars.py <<'END'
import numpy
from numpy import *

print(numpy.__version__, "max(-3, 0) =", max(-3, 0), " round(2.5) =", repr(round(2.5)))
END
for version in 1.26.4 2.3.5; do
    python3 -m venv "venv$version"
    "venv$version/bin/pip" install --quiet "numpy==$version"
    "venv$version/bin/python" stars.py | tee "out$version"
done
grep -qF 'max(-3, 0) = 0  round(2.5) = 2' out1.26.4
grep -qF 'max(-3, 0) = -3  round(2.5) = np.float64(2.0)' out2.3.5
