"""The shell and the Python that a workflow runs.

They read environment variables and nothing that CI pastes into them: a branch may have any name.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "ci_report"
MARK: Final = "<!-- nb2stage -->"
CML_VERSION: Final = "v0.20.6"

CHECK: Final = f"""\
mkdir -p {FOLDER}
nb2stage check 2>&1 | tee {FOLDER}/check.txt
"""

# `dvc repro --pull` fails where there is no remote.  A fork has no credentials: where it cannot read the remote it runs
# everything.  Data of `dvc add` then comes from nowhere, of which DVC says "missing data 'source'".
REPRODUCE: Final = f"""\
mkdir -p {FOLDER}
pull=()
if dvc remote default >/dev/null 2>&1; then
  if [ "$IS_FORK" != true ] || dvc pull --allow-missing; then
    pull=(--pull)
  else
    echo "The remote cannot be read from a fork: all stages run."
  fi
fi
if [ "${{#pull[@]}}" -eq 0 ]; then
  missing=$(git ls-files -z '*.dvc' | xargs -0 -r dvc status 2>/dev/null \\
    | sed -nE 's/^[[:space:]]+(deleted|not in cache):[[:space:]]+/  /p' | sort -u) || missing=""
  if [ -n "$missing" ]; then
    printf '%s\n' "DVC keeps this data, and there is no remote here that it could come from:" "$missing" \\
      "Set one up, 'dvc remote add -d NAME URL', 'dvc push', and commit .dvc/config; a fork needs one that all can read." \\
      2>&1 | tee {FOLDER}/repro.txt
    exit 1
  fi
fi
dvc repro "${{pull[@]}}" 2>&1 | tee {FOLDER}/repro.txt
"""

# Reads BASE (what to compare with), STATUS, RAW and QUERY (how the address of a file in a commit begins and ends), RUN_URL.
REPORT: Final = f"""\
mkdir -p {FOLDER}
# a first push has nothing before it, a shallow clone may not have the base branch
for base in "${{BASE:-HEAD~1}}" HEAD~1 ""; do
  if [ -z "$base" ] || git rev-parse --quiet --verify "$base^{{commit}}" >/dev/null; then break; fi
done
if [[ "$base" =~ ^[0-9a-f]{{40}}$ ]]; then base=$(git rev-parse --short "$base"); fi
head=$(git rev-parse --quiet --verify "${{HEAD_SHA:-HEAD}}" || git rev-parse HEAD)
here=$(git rev-parse --show-prefix)

# section TITLE OTHERWISE COMMAND...: what the command prints, where that is more than the head of a table
section() {{
  local text
  text=$("${{@:3}}" 2>/dev/null) || text=""
  printf '\\n### %s\\n\\n' "$1"
  if [ "$(grep -c . <<<"$text")" -gt 2 ]; then printf '%s\\n' "$text"; else printf '%s\\n' "$2"; fi
}}

# folded TITLE FILE: a file as it is, folded away
folded() {{
  printf '\\n<details><summary>%s</summary>\\n\\n~~~~text\\n' "$1"
  sed '/^::/d' "$2" | tail -n 60
  printf '~~~~\\n\\n</details>\\n'
}}

figures() {{
  local path url before
  printf '\\n### Figures\\n\\n| figure | before | now |\\n|---|---|---|\\n'
  while IFS= read -r -d '' path; do
    url="$here${{path// /%20}}$QUERY"
    before=""
    if git cat-file -e "$base:$here$path" 2>/dev/null; then before="![]($RAW/$(git rev-parse "$base")/$url)"; fi
    printf '| %s | %s | ![](%s) |\\n' "$path" "$before" "$RAW/$head/$url"
  done
}}

{{
  echo '{MARK}'
  echo "## Pipeline: $STATUS"
  if [ -n "$(git status --porcelain -- dvc.lock)" ]; then
    printf '\\n> `dvc.lock` in git is not what this run made: run `dvc repro` and commit it.\\n'
  fi
  if [ -n "$base" ]; then
    section Metrics "None yet." dvc metrics diff --all --md "$base"
    section Parameters "None differs from \\`$base\\`." dvc params diff --md "$base"
    changed=$(git diff --name-only --diff-filter=d --relative "$base" HEAD -- '*.png' '*.jpg' '*.jpeg' '*.svg')
    if [ -n "$changed" ]; then
      git diff -z --name-only --diff-filter=d --relative "$base" HEAD -- '*.png' '*.jpg' '*.jpeg' '*.svg' | figures
    fi
    dvc plots diff "$base" -o {FOLDER}/plots >/dev/null 2>&1 || true
  else
    section Metrics "None yet." dvc metrics show --md
    dvc plots show -o {FOLDER}/plots >/dev/null 2>&1 || true
  fi
  if [ -f report/report.md ]; then
    printf '\\n<details><summary>Report</summary>\\n\\n'
    sed -E "s#!\\[([^]]*)\\]\\(([^):]+)\\)#![\\1]($RAW/$head/${{here}}report/\\2$QUERY)#g" report/report.md
    printf '\\n</details>\\n'
  fi
  printf '\\n<details><summary>Stages</summary>\\n\\n'
  dvc dag --md 2>/dev/null || true
  printf '\\n</details>\\n'
  if [ "$STATUS" != success ]; then
    for part in check repro; do
      if [ -s "{FOLDER}/$part.txt" ]; then folded "The end of $part" "{FOLDER}/$part.txt"; fi
    done
  fi
  printf '\\nPlots and logs: [this run](%s), artifact `{FOLDER}`.\\n' "$RUN_URL"
}} > {FOLDER}/comment.md
"""

SUMMARY: Final = f'head -c 1000000 {FOLDER}/comment.md >> "$GITHUB_STEP_SUMMARY"\n'

_COMMENT: Final = """\
import json
import os
import urllib.request
from pathlib import Path

LIMIT = {limit}
body = Path("{folder}/comment.md").read_text(encoding="utf-8")
if len(body) > LIMIT:
    body = body[:LIMIT] + "\\n\\nThis is cut off here; the artifact of the run has all of it.\\n"
comments = {address}


def call(method, address, data=None):
    request = urllib.request.Request(address, data and json.dumps(data).encode(), method=method)
    request.add_header("{header}", {token})
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


# the comment of an earlier push, known by its first line
mine, page = None, 1
while mine is None and (found := call("GET", f"{{comments}}?per_page=100&page={{page}}")):
    mine = next((c["id"] for c in found if c["body"].startswith("{mark}"){own}), None)
    page += 1
if mine is None:
    call("POST", comments, {{"body": body}})
else:
    call("{update}", {one}, {{"body": body}})
"""

COMMENT_GITHUB: Final = _COMMENT.format(
    limit=65_000,  # GitHub takes 65,536 characters
    folder=FOLDER,
    mark=MARK,
    address='"{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/issues/{PR}/comments".format(**os.environ)',
    header="Authorization",
    token='"Bearer " + os.environ["GH_TOKEN"]',
    own=' and c["user"]["login"] == "github-actions[bot]"',
    update="PATCH",
    one='"{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/issues/comments/".format(**os.environ) + str(mine)',
)

COMMENT_GITLAB: Final = _COMMENT.format(
    limit=900_000,  # GitLab takes 1,000,000 characters
    folder=FOLDER,
    mark=MARK,
    address=(
        '"{CI_API_V4_URL}/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes".format(**os.environ)'
    ),
    header="PRIVATE-TOKEN",
    token='os.environ["REPORT_TOKEN"]',
    own="",
    update="PUT",
    one='f"{comments}/{mine}"',
)

# The binary of the release: the action `setup-cml` needs a Node that runners no longer have.
COMMENT_CML: Final = f"""\
curl --fail --silent --show-error --location --output "$CML" \\
  https://github.com/iterative/cml/releases/download/{CML_VERSION}/cml-linux-x64
chmod +x "$CML"
"$CML" comment update --target=pr --publish=false {FOLDER}/comment.md
"""
