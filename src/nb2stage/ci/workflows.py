"""What is known of the project -> the text of a workflow."""

from __future__ import annotations

import json
import re
from textwrap import indent
from typing import Final, NamedTuple

from nb2stage.checks.annotations import GITLAB_REPORT
from nb2stage.ci.blocks import (
    CHECK,
    COMMENT_CML,
    COMMENT_GITHUB,
    COMMENT_GITLAB,
    FOLDER,
    MARK,
    REPORT,
    REPRODUCE,
    SUMMARY,
)

# Actions by the commit of a release: a tag can be moved.
CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SETUP_PYTHON: Final = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"
UPLOAD: Final = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
MINUTES: Final = 360
_HEAD: Final = "github.event.pull_request.head.repo.full_name"
_INSTALLED: Final = "!cancelled() && steps.install.outcome == 'success'"


class Setup(NamedTuple):
    """What a workflow depends on."""

    python: str
    branch: str
    requirements: tuple[str, ...]  # arguments of `pip install`, those of the project first
    requirements_file: str  # what the cache of pip depends on; "" for none
    folder: str = ""  # the project below the top of the repository
    runner: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()  # variables with the credentials of the remote
    cml: bool = False


# -- GitHub ----------------------------------------------------------------------------------------------------------


def github_workflow(setup: Setup) -> str:
    """`.github/workflows/pipeline.yml`."""
    own_machine = "self-hosted" in setup.runner
    parts = [
        "# Written by `nb2stage ci github`; it is yours to edit.\n"
        f"name: {pipeline_name(setup)}\n\n"
        f"on:\n  push:\n    branches: [{quoted(setup.branch)}]\n  pull_request:\n  workflow_dispatch:\n\n"
        "permissions: {}\n\n"
        "concurrency:\n"
        f"  group: {'-'.join(filter(None, ['pipeline', slug(setup.folder)]))}-${{{{ github.ref }}}}\n"
        "  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n\n"
        "defaults:\n  run:\n    shell: bash # which stops at the first error, also inside a pipe\n",
        f"    working-directory: {quoted(setup.folder)}\n" if setup.folder else "",
        "\njobs:\n  reproduce:\n    name: reproduce\n",
        # A pull request from a fork runs a stranger's code.
        f"    if: github.event_name != 'pull_request' || {_HEAD} == github.repository # no code of strangers on our machine\n"
        if own_machine
        else "",
        f"    runs-on: {_flow(setup.runner) if setup.runner else 'ubuntu-latest'}\n"
        f"    timeout-minutes: {MINUTES}\n"
        "    permissions:\n"
        "      contents: read # check out the repository\n"
        "      pull-requests: write # keep one comment up to date\n"
        '    env:\n      DVC_NO_ANALYTICS: "1"\n'
        "    steps:\n",
    ]
    return marked("".join(parts) + "\n".join(_github_steps(setup)), setup)


def _github_steps(setup: Setup) -> list[str]:
    cache = f"          cache: pip\n          cache-dependency-path: {quoted(_below(setup, setup.requirements_file))}\n"
    secrets = "".join(f"          {name}: ${{{{ secrets.{name} }}}}\n" for name in setup.secrets)
    is_fork = f"          IS_FORK: ${{{{ github.event_name == 'pull_request' && {_HEAD} != github.repository }}}}\n"
    may_comment = f"{_INSTALLED} && github.event_name == 'pull_request' && {_HEAD} == github.repository"
    token = "          REPO_TOKEN" if setup.cml else "          GH_TOKEN"
    number = (
        "          CML: ${{ runner.temp }}/cml\n"
        if setup.cml
        else "          PR: ${{ github.event.pull_request.number }}\n"
    )
    return [
        f"      - uses: {CHECKOUT}\n"
        "        with:\n"
        "          fetch-depth: 0 # with the base branch, to compare with\n"
        "          persist-credentials: false\n",
        f"      - uses: {SETUP_PYTHON}\n"
        "        with:\n"
        f'          python-version: "{setup.python}"\n' + (cache if setup.requirements_file else ""),
        "      - name: Install\n        id: install\n" + _run(f"python -m pip install {_arguments(setup)}\n"),
        "      - name: Check\n" + _run(CHECK),
        f"      - name: Reproduce\n        if: ${{{{ {_INSTALLED} }}}}\n        env:\n{is_fork}{secrets}"
        + _run(REPRODUCE),
        f"      - name: Report\n        if: ${{{{ {_INSTALLED} }}}}\n        env:\n"
        "          BASE: ${{ github.base_ref && format('origin/{0}', github.base_ref) || github.event.before }}\n"
        "          HEAD_SHA: ${{ github.event.pull_request.head.sha || github.sha }}\n"
        "          STATUS: ${{ job.status }}\n"
        "          RAW: ${{ github.server_url }}/${{ github.repository }}/blob\n"
        "          QUERY: ?raw=true\n"
        "          RUN_URL: ${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}\n"
        + _run(REPORT + SUMMARY),
        f"      - name: Upload\n        if: ${{{{ {_INSTALLED} }}}}\n        uses: {UPLOAD}\n"
        f"        with:\n          name: {FOLDER}\n"
        f"          path: |\n            {_below(setup, FOLDER)}\n            {_below(setup, 'dvc.lock')}\n"
        "          if-no-files-found: ignore\n",
        f"      - name: Comment\n        if: ${{{{ {may_comment} }}}}\n"
        "        continue-on-error: true # a comment that cannot be written does not make the results wrong\n"
        f"        env:\n{token}: ${{{{ github.token }}}}\n{number}"
        + (_run(COMMENT_CML) if setup.cml else "        shell: python\n" + _run(COMMENT_GITHUB)),
    ]


def _run(block: str) -> str:
    return "        run: |\n" + indent(block, " " * 10)


# -- GitLab ----------------------------------------------------------------------------------------------------------


def gitlab_workflow(setup: Setup) -> str:
    """`.gitlab-ci.yml`."""
    enter = f"cd {quoted(setup.folder)}\n" if setup.folder else ""
    cache = (
        f"  cache:\n    key:\n      files: [{quoted(_below(setup, setup.requirements_file))}]\n    paths: [.cache/pip]\n"
        if setup.requirements_file
        else ""
    )
    # the check first, and whatever it says the pipeline too
    both = (
        "status=0\n"
        f"( {CHECK.replace(chr(10), '; ').rstrip('; ')} ) || status=$?\n"
        'IS_FORK=$([ "${CI_MERGE_REQUEST_SOURCE_PROJECT_ID:-$CI_PROJECT_ID}" = "$CI_PROJECT_ID" ] || echo true)\n'
        f"(\n{indent(REPRODUCE, '  ')}) || status=$?\n"
        'exit "$status"\n'
    )
    report = (
        "set -eo pipefail\n"
        "export BASE=${CI_MERGE_REQUEST_DIFF_BASE_SHA:-$CI_COMMIT_BEFORE_SHA} STATUS=$CI_JOB_STATUS\n"
        "export RAW=$CI_PROJECT_URL/-/raw QUERY='' RUN_URL=$CI_JOB_URL\n"
    )
    comment = ('if [ -z "$CI_MERGE_REQUEST_IID" ] || [ -z "$REPORT_TOKEN" ]; then exit 0; fi\n') + _gitlab_comment(
        setup
    )
    text = (
        "# Written by `nb2stage ci gitlab`; it is yours to edit.\n"
        "# REPORT_TOKEN: a project access token with the scope `api`, as a masked variable; the job's own cannot comment.\n"
        f"{'-'.join(filter(None, ['reproduce', slug(setup.folder)]))}:\n"
        f"  image: python:{setup.python}\n"
        + (f"  tags: {_flow(setup.runner)}\n" if setup.runner else "")
        + f"  timeout: {MINUTES // 60} hours\n"
        "  variables:\n"
        '    GIT_DEPTH: "0" # with the base branch, to compare with\n'
        "    PIP_CACHE_DIR: $CI_PROJECT_DIR/.cache/pip\n"
        '    DVC_NO_ANALYTICS: "1"\n'
        f"{cache}"
        "  rules:\n"
        '    - if: $CI_PIPELINE_SOURCE == "merge_request_event"\n'
        f"    - if: $CI_COMMIT_BRANCH == {json.dumps(setup.branch)}\n"
        "  script:\n"
        f"{_item(enter + f'python -m pip install {_arguments(setup)}' + chr(10))}"
        f"{_item(both)}"
        "  after_script:\n"
        f"{_item(enter + report + REPORT)}"
        f"{_item(comment)}"
        "  artifacts:\n"
        "    when: always\n"
        "    expire_in: 30 days\n"
        f"    paths:\n      - {_below(setup, FOLDER)}/\n      - {_below(setup, 'dvc.lock')}\n"
        f"    reports:\n      codequality: {_below(setup, GITLAB_REPORT)}\n"
    )
    return marked(text, setup)


def _gitlab_comment(setup: Setup) -> str:
    if setup.cml:
        return "export CML=$(mktemp) REPO_TOKEN=$REPORT_TOKEN\n" + COMMENT_CML
    return f"python - <<'EOF'\n{COMMENT_GITLAB}EOF\n"


def _item(block: str) -> str:
    if block.count("\n") == 1:
        return f"    - {block}"
    return "    - |\n" + indent(block, " " * 6)


# -- words -----------------------------------------------------------------------------------------------------------


def slug(folder: str) -> str:
    """A folder as a part of a name."""
    return re.sub(r"[^\w.-]+", "-", folder)


def pipeline_name(setup: Setup) -> str:
    """The name of the workflow, with the folder of the project where it is not the repository's."""
    return quoted("-".join(filter(None, ["pipeline", slug(setup.folder)])))


def marked(text: str, setup: Setup) -> str:
    """The workflow with a mark of its own for its comment: another project of the repository has one too."""
    return text.replace(MARK, MARK.replace(" -->", f" {slug(setup.folder)} -->")) if setup.folder else text


def _below(setup: Setup, path: str) -> str:
    return f"{setup.folder}/{path}" if setup.folder else path


def _arguments(setup: Setup) -> str:
    return " ".join(
        each if all(c.isalnum() or c in "-_./" for c in each) else f'"{each}"' for each in setup.requirements
    )


def quoted(text: str) -> str:
    """A text as YAML, plain where it is a plain word."""
    is_plain = text[:1].isalpha() and all(char.isalnum() or char in "-_./" for char in text)
    return text if is_plain and text not in ("true", "false", "null", "yes", "no", "on", "off") else json.dumps(text)


def _flow(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(quoted, words)) + "]"
