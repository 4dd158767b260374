"""Seeds and draws: what looks like a seeder, and what is said of draws without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from notebooks import notebook_data

from nb2stage.cli import main
from nb2stage.knowledge import GENERATORS, looks_like_seeder

if TYPE_CHECKING:
    from pathlib import Path

SEEDERS = [
    "seed",
    "set_seed",
    "seed_everything",
    "set_random_seed",
    "seed_all",
    "manual_seed",
    "manual_seed_all",
    "set_global_seed",
    "fix_seed",
    "set_seeds",
    "setRNGSeed",
    "seedAll",
    "set_all_seeds",
    "reseed",
    "random_seed",
    "fix_random_seed",
    "set_determinism",
    "enable_full_determinism",
]
OTHERS = [
    "get_seed",
    "find_seeds",
    "SeedSequence",
    "seeded",
    "generate_seed",
    "read_seeds",
    "fit",
    "set_option",
    "proceed",
]


@pytest.mark.parametrize("name", SEEDERS)
def test_seeders(name: str) -> None:
    """Names of functions that seed."""
    assert looks_like_seeder(name)


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    """Names of functions that do not."""
    assert not looks_like_seeder(name)


def test_names_of_states() -> None:
    """Each generator's state has a name and a file of its own."""
    assert (
        len({each.key for each in GENERATORS.values()})
        == len({each.file for each in GENERATORS.values()})
        == len(GENERATORS)
    )


WARNED = [
    ("numpy unseeded", "import numpy as np", "np.random.rand()", 1),
    ("numpy seeded", "import numpy as np\nnp.random.seed(1)", "np.random.rand()", 0),
    ("a seeder that nobody knows", "import numpy as np, toolbox\ntoolbox.seed_everything(1)", "np.random.rand()", 0),
    ("a method that looks like one", "import numpy as np, toolbox\ntoolbox.World().seed(1)", "np.random.rand()", 0),
    ("lightning", "import numpy as np, pytorch_lightning as pl\npl.seed_everything(1)", "np.random.rand()", 0),
    ("another generator's seed", "import numpy as np, random\nrandom.seed(1)", "np.random.rand()", 1),
    ("a generator by chance", "import numpy as np\nnp.random.seed(1)", "np.random.default_rng().random()", 1),
    ("a generator with a seed", "import numpy as np", "np.random.default_rng(1).random()", 0),
    ("layers of Keras", "import keras, tensorflow as tf\ntf.random.set_seed(1)", "keras.layers.Dense(2)", 1),
    ("seeded layers of Keras", "import keras\nkeras.utils.set_random_seed(1)", "keras.layers.Dense(2)", 0),
    ("seeded within a function", "import numpy as np\ndef fix():\n    np.random.seed(1)\nfix()", "np.random.rand()", 0),
]


@pytest.mark.parametrize(("first", "draw", "count"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED])
def test_drawn_without_a_seed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first: str,
    draw: str,
    count: int,
) -> None:
    """NB230 is said where nothing seeds, and never where something may."""
    monkeypatch.chdir(tmp_path)
    cells = [("import", first), ("train", f"x = {draw}"), ("report", "print(x)")]
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook_data(cells)))
    main(["convert", "nb.ipynb"])
    output = capsys.readouterr()
    assert (output.out + output.err).count("NB230") == count
