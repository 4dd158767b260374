#!/usr/bin/env bash
# `dvc repro` runs a stage whose out lies outside the project to its end, and only then says that it cannot be saved: hours of work are
# not recorded.  The next call fails at once, and names no reason any more.  `dvc repro --dry` says nothing before; with `cache: false`
# the same out is accepted.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1
cd "$folder"
export PATH="$folder/venv/bin:$PATH"
outside=$folder/outside && mkdir project "$outside" && cd project
git init --quiet && dvc init --quiet
stage() { printf 'stages:\n  train:\n    cmd: echo ran >> runs.txt && echo 1 > %s/model.txt\n    outs:\n    - %s/model.txt%s\n' "$outside" "$outside" "$1" > dvc.yaml; }
dvc --version
stage ''
dvc repro --dry >/dev/null && echo 'dry run: no complaint'
failed=0
dvc repro >/dev/null 2>error.txt || failed=1
grep -o 'Saving cached external output.*not supported' error.txt | sed "s#$outside#OUTSIDE#"
dvc repro >/dev/null 2>again.txt || failed=$((failed + 1))
echo "second call: $(grep -m 1 ERROR again.txt)"
runs=$(wc -l < runs.txt)
echo "two calls: failed $failed, the command ran $runs times, dvc.lock there: $(test -e dvc.lock && echo yes || echo no)"
stage ":
        cache: false"
dvc repro >/dev/null 2>&1 && echo 'with cache: false it passes'
[ "$failed" -eq 2 ] && [ "$runs" -eq 1 ] && ! grep -q external again.txt
