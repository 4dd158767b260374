#!/usr/bin/env bash
# A package may register an exporter that needs what is not installed, an extra for example.  nbconvert loads all exporters as it starts,
# so `jupyter nbconvert --to script`, which has nothing to do with that one, ends with a traceback.  The exporter's class works.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nbconvert==7.16.6
cd "$folder"
site=$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cat > a.ipynb <<'END'
{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "print(1)"}],
 "metadata": {"language_info": {"name": "python", "file_extension": ".py"}}, "nbformat": 4, "nbformat_minor": 4}
END
venv/bin/jupyter-nbconvert --version
venv/bin/jupyter-nbconvert --log-level=ERROR --to script a.ipynb && echo 'before: a.py is written' && rm a.py
mkdir "$site/slides_extra-1.dist-info"
printf 'Metadata-Version: 2.1\nName: slides-extra\nVersion: 1\n' > "$site/slides_extra-1.dist-info/METADATA"
printf '[nbconvert.exporters]\nextra = an_extra_that_is_not_installed:Exporter\n' > "$site/slides_extra-1.dist-info/entry_points.txt"
failed=0
venv/bin/jupyter-nbconvert --log-level=ERROR --to script a.ipynb 2> error.txt || failed=1
tail -n 1 error.txt
echo "with the other package: failed $failed, a.py there: $(test -e a.py && echo yes || echo no)"
venv/bin/python -c 'from nbconvert.exporters import PythonExporter; print("by its class:", "print(1)" in PythonExporter().from_filename("a.ipynb")[0])'
[ "$failed" -eq 1 ] && [ ! -e a.py ]
