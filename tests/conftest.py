"""What holds for every test."""

import os
import sys
from pathlib import Path

# `dvc repro` runs `python SCRIPT`, so the python that is found first has to be the one of the tests, as in an activated
# environment: the README calls `.venv/bin/pytest` without activating.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
