#!/usr/bin/env bash
# A geometry of shapely that lies on a grid (`set_precision`) forgets the grid in a pickle, so that what is computed from
# it afterwards is no longer rounded to it.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 shapely==2.2.0
cd "$folder"
venv/bin/python - <<'END'
import pickle
import sys

import shapely

print("shapely", shapely.__version__)
disc = shapely.set_precision(shapely.Point(0.1, 0.2).buffer(1), 0.25)
other = shapely.Point(0.63, 0.31).buffer(1)
loaded = pickle.loads(pickle.dumps(disc))
print("equal:", disc.equals_exact(loaded), " grid before:", shapely.get_precision(disc), " after:", shapely.get_precision(loaded))
areas = disc.intersection(other).area, loaded.intersection(other).area
print("area of the same intersection, before and after:", *areas)
sys.exit(not (shapely.get_precision(loaded) == 0 and areas[0] != areas[1]))
END
