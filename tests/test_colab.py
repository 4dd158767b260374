"""What only Google Colab has: left out where that is faithful, with a note, refused elsewhere."""

from __future__ import annotations

from typing import Final

import pytest

from nb2stage.reading.magics import to_python_all
from nb2stage.reading.notebook import Cell

# cells, divided by a line of dashes -> what the scripts have of them, and the codes of what is told
CELLS: Final = {
    "mounted drive": ("from google.colab import drive\ndrive.mount('/content/drive')\nx = 1", "x = 1", "NB310"),
    "on one line": ("from google.colab import drive; drive.mount('/content/drive')\nx = 1", "x = 1", "NB310"),
    "used in another cell": (
        "from google.colab import files\nx = 1\n---\nopen(f'{x}.csv', 'w').close()\nfiles.download(f'{x}.csv')",
        "x = 1\n---\nopen(f'{x}.csv', 'w').close()",
        "NB310",
    ),
    "the whole package": ("import google.colab\ngoogle.colab.drive.mount('/content/drive')\nx = 1", "x = 1", "NB310"),
    "under another name": ("from google.colab import drive as d\nd.mount('/x', force_remount=True)", "", "NB310"),
    "a guard": (
        "import sys\nif 'google.colab' in sys.modules:\n    from google.colab import drive\n    drive.mount('/x')\nx = 1",
        "import sys\nx = 1",
        "NB310",
    ),
    "a guard over magics": (
        "import sys\nif 'google.colab' in sys.modules:\n    %cd /content/drive/MyDrive\n    !wget http://a/b\nx = 1",
        "import sys\nx = 1",
        "NB310",
    ),
    "a flag": (
        "import sys\nIN_COLAB = 'google.colab' in sys.modules\n---\nif IN_COLAB:\n    import os\n    os.chdir('/x')\nx = 1",
        "import sys\n---\nx = 1",
        "NB310",
    ),
    "a flag that is read elsewhere": (
        "import sys\nIN_COLAB = 'google.colab' in sys.modules\nfolder = '/content' if IN_COLAB else '.'",
        "import sys\nIN_COLAB = False\nfolder = '/content' if IN_COLAB else '.'",
        "",
    ),
    "a flag by an attempt": (
        "try:\n    import google.colab\n    IN_COLAB = True\nexcept ImportError:\n    IN_COLAB = False\nprint(IN_COLAB)",
        "IN_COLAB = False\nprint(IN_COLAB)",
        "",
    ),
    "an attempt": (
        "try:\n    from google.colab import drive\n    drive.mount('/x')\nexcept ImportError:\n    pass\nx = 1",
        "x = 1",
        "NB310",
    ),
    "an attempt with another way": (
        "try:\n    from google.colab import drive\n    data = '/content/'\nexcept ImportError:\n    data = ''\nprint(data)",
        "if True:\n    data = ''\nprint(data)",
        "NB310",
    ),
    "both ways": (
        "import sys\nif 'google.colab' in sys.modules:\n    from google.colab import drive\n    x = 1\nelse:\n    x = 2",
        "import sys\nif False:\n    x = 1\nelse:\n    x = 2",
        "",
    ),
    "a secret": (
        "from google.colab import userdata\ntoken = userdata.get('TOKEN')",
        'token = os.environ["TOKEN"]',
        "NB310",
    ),
    "a block of nothing else": (
        "from google.colab import files\nfor name in ['a']:\n    files.download(name)",
        "for name in ['a']:\n    pass  # files.download(name)",
        "NB310",
    ),
    "an upload whose result nobody reads": (
        "from google.colab import files\nup = files.upload()\nx = 1",
        "x = 1",
        "NB310",
    ),
    "an upload": ("from google.colab import files\nup = files.upload()\nx = len(up)", None, "NB302"),
    "a download of what a call gives": ("from google.colab import files\nfiles.download(save())", None, "NB302"),
    "anything else": ("from google.colab.patches import cv2_imshow\ncv2_imshow(1)", None, "NB302"),
    "a line that is shared": ("from google.colab import drive; x = 1", None, "NB302"),
    "another package of that name": ("from google.cloud import storage\nstorage.Client()", "", None),
    "a word in a text": ("x = 'google colab'", "x = 'google colab'", ""),
}


@pytest.mark.parametrize("name", CELLS)
def test_what_only_colab_has(name: str) -> None:
    source, wanted, code = CELLS[name]
    cells = [(Cell(n, "code", text), "train") for n, text in enumerate(source.split("\n---\n"), 1)]
    results = to_python_all(cells, "nb.ipynb")
    if code is None:
        assert [python.text for python, _ in results if python] == [source]
        return
    codes = {finding.code for _, findings in results for finding in findings}
    assert codes == ({code} if code else set())
    if wanted is not None:
        shown = []
        for python, _ in results:
            assert python is not None
            lines = enumerate(python.text.split("\n"), 1)
            shown.append("\n".join(line for number, line in lines if number not in python.dropped and line.strip()))
        assert "\n---\n".join(shown) == wanted
