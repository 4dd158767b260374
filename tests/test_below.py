"""A notebook in a folder of its project: its paths mean what they mean to the notebook, though the pipeline runs above.

Each row is a notebook `notebooks/nb.ipynb`; files are given as it names them.  Where a row has a file beside the notebook,
another file of that name lies in the project's folder.  `trials` runs them.
`python tests/test_below.py [-v] [WORD ...]` runs rows by hand, and
`python tests/test_constructs.py --below notebooks` those of all constructs in this way.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))

from rows import Row, rows_of
from trials import Pool, main

FOLDER: Final = "notebooks"

ROWS: Final = rows_of(r"""
== a-text-in-the-call
# %% file: ../data/x.csv
a,b
1,2
# %% file: data/x.csv
a,b
5,6
# %% import
import pandas as pd
df = pd.read_csv("../data/x.csv")
# %% train
=> df.a.sum().item()

== a-file-of-that-name-lies-above-too
# %% file: data/x.csv
a,b
5,6
# %% import
import pandas as pd
df = pd.read_csv("data/x.csv")
# %% train
=> df.a.sum().item()

== a-path-of-parts
# %% file: ../data/x.csv
a,b
1,2
# %% import
from pathlib import Path
import pandas as pd
df = pd.read_csv(Path("..") / "data" / "x.csv")
# %% train
=> df.a.sum().item()

== joined-parts
# %% file: ../data/x.csv
a,b
1,2
# %% import
import os
import pandas as pd
df = pd.read_csv(os.path.join("..", "data", "x.csv"))
# %% train
=> df.a.sum().item()

== a-constant-that-two-stages-use
# %% file: ../data/x.txt
1
# %% file: ../data/y.txt
2
# %% setup
from pathlib import Path
DATA = Path("../data")
# %% import
x = (DATA / "x.txt").read_text()
# %% train
y = (DATA / "y.txt").read_text()
# %% report
=> [x, y, str(DATA)]

== a-parameter
# %% file: ../data/x.txt
1
# %% parameters
where = "../data/x.txt"
# %% import
with open(where) as f:
    x = f.read()
# %% report
=> [x, where]

== a-formatted-text
# %% file: ../data/x.txt
1
# %% import
name = "x"
with open(f"../data/{name}.txt") as f:
    x = f.read()
# %% report
=> x

== a-function-of-the-notebook-opens
# %% file: ../data/x.txt
1
# %% file: ../data/y.txt
2
# %%
def read(name):
    with open("../data/" + name) as f:
        return f.read()
# %% import
x = read("x.txt")
# %% train
y = read("y.txt")
# %% report
=> [x, y]

== a-module-beside-the-notebook
# %% file: helpers.py
def double(x):
    return 2 * x
# %% import
import helpers
x = helpers.double(3)
# %% report
=> helpers.double(x)

== a-module-beside-the-notebook-opens
# %% file: ../data/x.txt
1
# %% file: helpers.py
def read():
    with open("../data/x.txt") as f:
        return f.read()
# %% import
import helpers
x = helpers.read()
# %% report
=> x

== modules-of-the-project
# %% file: ../src/features/build.py
from pathlib import Path
FACTOR = 3
def build(x):
    return FACTOR * x
# %% file: ../src/__init__.py

# %% file: ../src/features/__init__.py

# %% import
import sys
sys.path.append("..")
from src.features.build import build
x = build(2)
# %% report
from src.features.build import FACTOR
=> [x, FACTOR, build(1)]

== modules-of-the-project-by-an-absolute-path
# %% file: ../src/build.py
def build(x):
    return 3 * x
# %% setup
import os
import sys
sys.path.insert(0, os.path.abspath("../src"))
from build import build
# %% import
x = build(2)
# %% report
=> [x, build(1)]

== modules-of-the-project-by-the-folder-above
# %% file: ../src/build.py
def build(x):
    return 3 * x
# %% import
import os
import sys
sys.path.append(os.path.dirname(os.getcwd()))
from src.build import build
x = build(2)
# %% report
=> [x, os.path.basename(sys.path[-1]) != "notebooks"]

== modules-by-a-folder-that-is-made-at-run-time
# %% file: ../src/build.py
def build(x):
    return 3 * x
# %% setup
import sys
from pathlib import Path
sys.path.insert(0, str(Path.cwd().parent))
# %% import
from src.build import build
x = build(2)
# %% report
=> x

== a-module-of-the-project-that-reads-beside-itself
# %% file: ../src/words.txt
one two
# %% file: ../src/helpers.py
from pathlib import Path
def words():
    return Path(__file__).with_name("words.txt").read_text().split()
# %% import
import sys
sys.path.insert(0, "../src")
import helpers
x = helpers.words()
# %% report
=> x

== files-that-match
# %% file: ../data/a.csv
1
# %% file: ../data/b.csv
2
# %% import
import glob
names = sorted(glob.glob("../data/*.csv"))
# %% report
=> names

== a-path-goes-on-to-the-next-stage
# %% file: ../data/a.csv
1
# %% import
from pathlib import Path
first = sorted(Path("../data").glob("*.csv"))[0]
# %% train
import pandas as pd
x = list(pd.read_csv(first))
# %% report
=> [x, str(first)]

== a-list-of-the-own-folder
# %% file: a.txt
1
# %% import
import os
names = sorted(n for n in os.listdir(".") if n.endswith(".txt"))
# %% report
=> names

== written-here-and-read-there
# %% import
import os
os.makedirs("../out", exist_ok=True)
with open("../out/a.txt", "w") as f:
    f.write("1")
# %% report
with open("../out/a.txt") as f:
    x = f.read()
=> x

== a-file-of-several-stages
# %% import
from pathlib import Path
with open("log.txt", "w") as f:
    f.write("1")
# %% train
with open("log.txt", "a") as f:
    f.write("2")
# %% report
with open("log.txt") as f:
    x = f.read()
=> x

== a-suffix-that-numpy-adds
# %% import
import os
import numpy as np
os.makedirs("../out", exist_ok=True)
np.save("../out/a", np.arange(3))
# %% report
x = np.load("../out/a.npy")
=> x.tolist()

== what-a-writing-call-gives
# %% import
import os
import joblib
os.makedirs("../out", exist_ok=True)
names = joblib.dump([1], "../out/a.joblib")
# %% report
=> names

== the-working-directory
# %% import
from pathlib import Path
x = Path.cwd().name
# %% report
import os
=> [x, os.path.basename(os.getcwd()), Path("../data").resolve().name]

== whether-a-file-is-there
# %% file: ../data/x.txt
1
# %% import
import os
x = os.path.exists("../data/x.txt"), os.path.exists("data/x.txt"), os.path.isdir("../data")
# %% report
=> x

== a-shell-command
# %% file: ../data/x.txt
1
# %% import
lines = !cat ../data/x.txt
x = list(lines)
# %% report
=> x

== a-declared-file
# %% file: ../data/x.txt
1
# %% import
#| deps: ../data/x.txt
import subprocess
x = subprocess.run(["cat", "../data/x.txt"], capture_output=True, text=True).stdout
# %% report
=> x

== a-database
# %% import
import os
import sqlite3
os.makedirs("../out", exist_ok=True)
con = sqlite3.connect("../out/a.db")
con.execute("drop table if exists t")
con.execute("create table t (a integer)")
con.execute("insert into t values (4)")
con.commit()
con.close()
# %% report
import sqlite3
con = sqlite3.connect("../out/a.db")
x = con.execute("select a from t").fetchall()
con.close()
=> x

== a-figure-that-the-notebook-saves
# %% import
x = [1, 2]
# %% report
import os
import matplotlib.pyplot as plt
os.makedirs("../figures", exist_ok=True)
plt.plot(x)
plt.savefig("../figures/a.png")
plt.show()

== metrics-and-figures
# %% file: ../data/x.csv
a,b
1,2
# %% out: metrics.json
{"score": 3}
# %% import
import pandas as pd
df = pd.read_csv("../data/x.csv")
# %% report metrics
score = 3
# %% report
import matplotlib.pyplot as plt
df.plot()
plt.show()

== definitions-of-two-stages-and-the-working-directory
# %% file: ../data/x.txt
1
# %%
def double(x):
    return 2 * x
# %% import
import os
x = double(len(os.listdir("../data")))
# %% report
=> [double(x), os.path.abspath(".").endswith("notebooks")]

== an-open-file-that-tells-its-name
# %% file: ../data/x.txt
1
# %% import
with open("../data/x.txt") as f:
    x = f.name
# %% report
=> x

== written-outside-the-project | NB407
# %% import
with open("../../out.txt", "w") as f:
    f.write("1")
# %% report
=> 1
""")


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture(scope="module")
    def pool() -> Pool:
        """All rows, being tried in the background."""
        return Pool(__file__, ROWS, below=FOLDER)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_paths_mean_what_they_mean_to_the_notebook(row: Row, pool: Pool) -> None:
        """The pipeline gives what the notebook gives, or the refusal that is due."""
        outcome = pool.outcome(row.name)
        wrong = outcome.verdict(row)
        assert not wrong, f"{wrong}\n{outcome.detail}\n\n{row.text}"


if __name__ == "__main__":
    sys.exit(main(__file__, ROWS, ["--below", FOLDER, *sys.argv[1:]]))
