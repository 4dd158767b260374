#!/usr/bin/env bash
# `dvc repro` writes a `.gitignore` into the folder of an output, before the next stage runs: a stage that lists the folder sees
# one file more. Where the `.gitignore` of the repository names the output already, DVC writes none.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1
cd "$folder"
export PATH="$folder/venv/bin:$PATH" DVC_NO_ANALYTICS=1 GIT_CONFIG_GLOBAL=/dev/null
dvc --version
for named in no yes; do
    mkdir "$named" && cd "$named"
    git init -q && dvc init -q
    [ "$named" = no ] || printf '/data/a.txt\n/names.txt\n' >.gitignore
    cat >dvc.yaml <<'END'
stages:
  write:
    cmd: mkdir -p data && echo 1 > data/a.txt
    outs: [data/a.txt]
  list:
    cmd: ls -A data > names.txt
    deps: [data/a.txt]
    outs: [names.txt]
END
    dvc repro -q
    echo "named in the repository's .gitignore: $named; the second stage sees: $(tr '\n' ' ' <names.txt)"
    cd ..
done
[ "$(wc -l <no/names.txt)" -eq 2 ] && [ "$(wc -l <yes/names.txt)" -eq 1 ]
