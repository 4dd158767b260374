#!/usr/bin/env bash
# A folder may be listed under `plots` in dvc.yaml.  A page of HTML in it, as charts of plotly or altair are saved, is taken for
# data of a plot: `dvc plots show` says that it failed to load some plots, though it ends with 0.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.66.1
mkdir "$folder/project"
cd "$folder/project"
dvc() { "$folder/venv/bin/dvc" "$@"; }
git init --quiet
dvc init --quiet
printf '%s\n' 'stages:' '  draw:' '    cmd: mkdir -p figures && cp page.html figures/' '    deps: [page.html]' '    plots:' '    - figures:' '        cache: false' > dvc.yaml
echo '<p>a chart</p>' > page.html
dvc repro --quiet
printf 'DVC '
dvc --version
said=$(dvc plots show 2>&1) && code=0 || code=$?
printf '%s\nexit code %s\n' "$said" "$code"
[ "$code" -eq 0 ] && grep -q 'failed to load some plots' <<<"$said"
