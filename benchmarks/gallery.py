"""The notebooks of Debian's documentation packages of scikit-learn and statsmodels, as a corpus.

`python benchmarks/gallery.py fetch DIR` downloads the two packages with `apt-get download` and unpacks them into DIR
with `dpkg-deb -x`; nothing is installed, root is not needed (but `apt-get update` must have run once).  Every notebook
in them is copied to DIR/notebooks/PACKAGE/.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Debian package -> name of the folder that its notebooks are put in
PACKAGES: Final[dict[str, str]] = {"python-sklearn-doc": "sklearn", "python-statsmodels-doc": "statsmodels"}


class FetchError(Exception):
    """A package could not be had; the message says which command failed and how."""


def run(command: Sequence[str], cwd: Path) -> None:
    """Run one command; its last lines of output become the message when it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise FetchError(f"{command[0]} is not installed: the corpus needs a Debian or Ubuntu system") from None
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise FetchError(f"{' '.join(command)} failed with {done.returncode}:\n{tail}")


def download(folder: Path) -> list[Path]:
    """Fetch the .deb files that are not in `folder` yet; return all of them."""
    missing = [name for name in PACKAGES if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        # _apt, the user apt downloads as, may be barred from the folder: then download as the caller
        try:
            run(["apt-get", "download", "-o", "APT::Sandbox::User=", *missing], folder)
        except FetchError as error:
            raise FetchError(f"{error}\nIs there a network, and did `apt-get update` run?") from None
    return [path for name in PACKAGES for path in sorted(folder.glob(f"{name}_*.deb"))]


def notebooks_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every notebook below `folder`: plain, gzipped, or inside a zip file."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if path.name.endswith(".ipynb"):
            yield path.name, path.read_bytes()
        elif path.name.endswith(".ipynb.gz"):
            yield path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes())
        elif path.suffix == ".zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".ipynb"):
                        yield Path(name).name, archive.read(name)


def code_of(content: bytes) -> str:
    """The code cells of a notebook as one text: copies that differ in outputs only are the same notebook."""
    cells = json.loads(content)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def collect(source: Path, target: Path) -> tuple[int, int]:
    """Copy the notebooks below `source` to `target`, the same code once, the same name with a number.

    Returns how many notebooks there were and how many of them were copied.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    seen: set[tuple[str, str]] = set()
    found = 0
    for name, content in notebooks_in(source):
        found += 1
        key = (name, code_of(content))
        if key in seen:
            continue
        seen.add(key)
        path, number = target / name, 2
        while path.exists():
            path = target / f"{Path(name).stem}_{number}.ipynb"
            number += 1
        path.write_bytes(content)
    return found, len(seen)


def fetch(folder: Path) -> dict[str, tuple[int, int]]:
    """Download, unpack and collect; return how many notebooks were found and copied, by package folder."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for deb in download(folder):
        short = PACKAGES[deb.name.partition("_")[0]]
        unpacked = folder / "unpacked" / short
        if not unpacked.exists():
            partial = folder / "unpacked" / f"{short}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            run(["dpkg-deb", "-x", str(deb), str(partial)], folder)
            partial.rename(unpacked)
        counts[short] = collect(unpacked, folder / "notebooks" / short)
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; exit code 1 when a package cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("fetch", help="download the packages and collect their notebooks")
    command.add_argument("folder", type=Path, metavar="DIR")
    options = parser.parse_args(argv)
    try:
        counts = fetch(options.folder.resolve())
    except FetchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for short, (found, copied) in counts.items():
        sys.stdout.write(f"{short}: {found} notebooks, {copied} different ones in {options.folder}/notebooks/{short}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
