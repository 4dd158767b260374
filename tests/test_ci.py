"""The workflows of `nb2stage ci`: valid by the public schemas, and every block of them run on real repositories.

The stand-ins: an HTTP server for the interface of GitHub and GitLab, and a `python -m pip` that installs nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from test_check import notebook_text

from nb2stage import __version__
from nb2stage.ci.blocks import FOLDER, MARK
from nb2stage.ci.command import installed_as, main_branch, remote_url
from nb2stage.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

GITHUB: Final = ".github/workflows/pipeline.yml"
GITLAB: Final = ".gitlab-ci.yml"
ZEROS: Final = "0" * 40
CELLS: Final = [
    ("parameters", "scale = 2"),
    ("import", "from pathlib import Path\nnumbers = [int(line) for line in Path('numbers.txt').read_text().split()]"),
    ("train", "model = [scale * number for number in numbers]"),
    ("report metrics", "total = sum(model)"),
]


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def environment(**more: str) -> dict[str, str]:
    """Outside of any CI, with the programs of this Python first."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITLAB_", "CI", "GIT_"))}
    beside = str(Path(sys.executable).parent)
    kept |= {"DVC_NO_ANALYTICS": "1", "PATH": f"{beside}{os.pathsep}{kept.get('PATH', '')}"}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, **more}


def shell(folder: Path, block: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A block as both services run it."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", block],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


# -- repositories ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose main branch has a pipeline that ran, and whose branch `change` has another parameter."""
    folder = tmp_path_factory.mktemp("origin") / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "numbers.txt").write_text("1\n2\n3\n", encoding="utf-8")
    (folder / "nb.ipynb").write_text(notebook_text(CELLS), encoding="utf-8")
    (folder / "requirements.txt").write_text("pandas\n", encoding="utf-8")
    for command in ("nb2stage convert --init nb.ipynb", "dvc repro", "nb2stage ci github", "nb2stage ci gitlab"):
        done = shell(folder, f"{command} >/dev/null")
        assert done.returncode == 0, done.stderr
    (folder / "report").mkdir(exist_ok=True)
    (folder / "report/report.md").write_text("# Result\n\n![curve](figures/a b.png)\n", encoding="utf-8")
    (folder / "report/figures").mkdir(exist_ok=True)
    (folder / "report/figures/a b.png").write_bytes(b"1")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "pipeline")
    git(folder, "checkout", "-qb", "change")
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(text.replace("2", "5"), encoding="utf-8")
    (folder / "report/figures/a b.png").write_bytes(b"2")
    git(folder, "commit", "-qam", "scale 5")
    git(folder, "checkout", "-q", "main")
    return folder


def clone(origin: Path, folder: Path, branch: str, *options: str) -> Path:
    git(folder.parent, "clone", "-q", *options, "--branch", branch, f"file://{origin}", str(folder))
    return folder


# -- the services ----------------------------------------------------------------------------------------------------


class Service(BaseHTTPRequestHandler):
    """Comments as GitHub and GitLab keep them."""

    comments: ClassVar[dict[int, dict[str, Any]]] = {}
    calls: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        found = list(self.comments.values())
        self.answer(found[size * (page - 1) : size * page])

    def do_POST(self) -> None:
        number = len(self.comments) + 1
        self.comments[number] = {"id": number, "user": {"login": "github-actions[bot]"}, **self.data()}
        self.answer(self.comments[number])

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.comments[number] |= self.data()
        self.answer(self.comments[number])

    do_PUT = do_PATCH

    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def answer(self, value: object) -> None:
        token = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization") or ""
        self.calls.append((self.command, urlsplit(self.path).path, token))
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[tuple[str, type[Service]]]:
    Service.comments.clear()
    Service.calls.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Service
    server.shutdown()
    server.server_close()


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A `python` whose pip notes what it is asked to install."""
    folder = tmp_path / "programs"
    folder.mkdir()
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "$@" > {tmp_path}/pip.txt; exit 0; fi\n'
        f'exec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    return folder


# -- a runner of GitHub's workflows ----------------------------------------------------------------------------------


class Runner:
    """Runs the steps of a workflow whose blocks are shell or Python, with their conditions and variables."""

    def __init__(self, folder: Path, event: dict[str, Any], programs: Path, api: str) -> None:
        self.folder = folder
        self.summary = folder.parent / "summary.md"
        self.summary.write_text("", encoding="utf-8")
        self.workflow = yaml.safe_load((folder / GITHUB).read_text(encoding="utf-8"))
        self.outcomes: dict[str, str] = {}
        self.logs: dict[str, str] = {}
        self.values = {
            "github.repository": "lab/project",
            "github.server_url": "https://github.com",
            "github.run_id": "77",
            "github.token": "secret",
            "github.sha": git(folder, "rev-parse", "HEAD"),
            "github.base_ref": "",
            "github.event.before": "",
            "github.event.pull_request.head.repo.full_name": "",
            "github.event.pull_request.head.sha": "",
            "github.event.pull_request.number": "",
            **event,
        }
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": api,
            "GITHUB_REPOSITORY": "lab/project",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{programs}{os.pathsep}{environment()['PATH']}",
        }

    def value(self, expression: str) -> Any:
        """The value of an expression; an unknown name is an error."""
        status = "failure" if "failure" in self.outcomes.values() else "success"
        known = {**self.values, "job.status": status, "steps.install.outcome": self.outcomes.get("Install", "")}
        text = expression.replace("&&", " and ").replace("||", " or ")
        text = re.sub(r"!(?!=)", " not ", text)
        text = re.sub(r"\b(?:github|job|steps|runner)(?:\.\w+)+", lambda name: f"known[{name[0]!r}]", text)
        names = {"known": known, "cancelled": lambda: False, "format": lambda text, *values: text.format(*values)}
        return eval(text.strip(), names)

    def filled(self, text: str) -> str:
        def shown(found: re.Match[str]) -> str:
            value = self.value(found[1])
            return str(value).lower() if isinstance(value, bool) else str(value)

        return re.sub(r"\$\{\{(.*?)\}\}", shown, text)

    def run(self) -> str:
        """Run all steps; whether the job succeeds."""
        job = self.workflow["jobs"]["reproduce"]
        for step in job["steps"]:
            if "run" not in step:
                continue
            condition = str(step.get("if", "success()"))
            if condition == "success()":
                wanted = "failure" not in self.outcomes.values()
            else:
                wanted = bool(self.value(condition.removeprefix("${{").removesuffix("}}")))
            if not wanted:
                self.outcomes[step["name"]] = "skipped"
                continue
            variables = {name: self.filled(str(value)) for name, value in step.get("env", {}).items()}
            block = step["run"]
            assert "${{" not in block
            if step.get("shell") == "python":
                (self.folder.parent / "step.py").write_text(block, encoding="utf-8")
                block = f"{sys.executable} {self.folder.parent}/step.py"
            done = shell(self.folder, block, **self.environment, **variables)
            self.logs[step["name"]] = done.stdout + done.stderr
            self.outcomes[step["name"]] = "success" if done.returncode == 0 else "failure"
        return "failure" if "failure" in self.outcomes.values() else "success"


def pull_request(folder: Path, repository: str = "lab/project") -> dict[str, str]:
    return {
        "github.event_name": "pull_request",
        "github.base_ref": "main",
        "github.event.pull_request.head.repo.full_name": repository,
        "github.event.pull_request.head.sha": git(folder, "rev-parse", "HEAD"),
        "github.event.pull_request.number": "12",
    }


def row(text: str, *words: str) -> bool:
    """Whether the text has a table row of these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return any(list(words) == cells for cells in rows)


def test_a_pull_request(origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]) -> None:
    folder = clone(origin, tmp_path / "work", "change")
    runner = Runner(folder, pull_request(folder), programs, service[0])
    for number in range(150):  # a busy conversation, with somebody who quotes the mark
        service[1].comments[number + 1] = {"id": number + 1, "user": {"login": "a"}, "body": f"{MARK} hello"}
    assert runner.run() == "success", runner.logs
    assert (tmp_path / "pip.txt").read_text().startswith("-m pip install -r requirements.txt dvc>=3.60,<4 nb2stage==")
    comment = service[1].comments[151]["body"]
    assert comment.startswith(MARK)
    assert "## Pipeline: success" in comment
    assert row(comment, "metrics.json", "total", "12", "30", "18")
    assert row(comment, "params.yaml", "train.scale", "2", "5")
    assert "`dvc.lock` in git is not what this run made" in comment
    base, head = git(folder, "rev-parse", "origin/main"), git(folder, "rev-parse", "HEAD")
    address = "https://github.com/lab/project/blob/{}/report/figures/a%20b.png?raw=true"
    assert row(comment, "report/figures/a b.png", f"![]({address.format(base)})", f"![]({address.format(head)})")
    assert f"![curve](https://github.com/lab/project/blob/{head}/report/figures/a b.png?raw=true)" in comment
    assert "```mermaid" in comment
    assert "[this run](https://github.com/lab/project/actions/runs/77)" in comment
    assert runner.summary.read_text(encoding="utf-8") == (folder / FOLDER / "comment.md").read_text(encoding="utf-8")
    assert {call[2] for call in service[1].calls} == {"Bearer secret"}

    git(folder, "add", "dvc.lock", "metrics.json")
    git(folder, "commit", "-qm", "results")
    again = Runner(folder, pull_request(folder), programs, service[0])
    assert again.run() == "success", again.logs
    assert len(service[1].comments) == 151
    assert "`dvc.lock` in git" not in service[1].comments[151]["body"]
    assert service[1].calls[-1][0] == "PATCH"


def test_a_first_push(origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]) -> None:
    folder = clone(origin, tmp_path / "work", "main")
    runner = Runner(folder, {"github.event_name": "push", "github.event.before": ZEROS}, programs, service[0])
    assert runner.run() == "success", runner.logs
    summary = runner.summary.read_text(encoding="utf-8")
    assert row(summary, "metrics.json", "12")
    assert runner.outcomes["Comment"] == "skipped"
    assert service[1].calls == []


def test_a_failing_stage(origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]) -> None:
    folder = clone(origin, tmp_path / "work", "change")
    script = folder / "training/train.py"
    edit = "print('/home/me/a.csv')\nraise SystemExit('no convergence')\n"
    script.write_text(script.read_text(encoding="utf-8") + edit, encoding="utf-8")
    runner = Runner(folder, pull_request(folder), programs, service[0])
    assert runner.run() == "failure"
    assert runner.outcomes == {
        "Install": "success",
        "Check": "failure",
        "Reproduce": "failure",
        "Report": "success",
        "Comment": "success",
    }
    assert "::error file=training/train.py" in runner.logs["Check"]
    comment = service[1].comments[1]["body"]
    assert "## Pipeline: failure" in comment
    assert "no convergence" in comment
    assert "::error" not in comment


def test_a_fork_without_access_to_the_remote(
    origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]
) -> None:
    folder = clone(origin, tmp_path / "work", "change")
    for command in (
        "dvc remote add -d store https://127.0.0.1:1/nothing",
        "git rm -q --cached dvc.lock && rm dvc.lock",
    ):
        assert shell(folder, command).returncode == 0
    runner = Runner(folder, pull_request(folder, "stranger/project"), programs, service[0])
    assert runner.run() == "success", runner.logs
    assert runner.outcomes["Comment"] == "skipped"
    assert row(runner.summary.read_text(encoding="utf-8"), "metrics.json", "total", "12", "30", "18")
    assert service[1].calls == []


DATA: Final = [
    pytest.param("", "without a DVC remote all stages run each time", "", id="in git"),
    pytest.param(
        "git rm -q --cached numbers.txt && dvc add -q numbers.txt",
        "CI cannot have numbers.txt without a DVC remote",
        "DVC keeps this data, and there is no remote here that it could come from:\n  numbers.txt\n",
        id="under DVC",
    ),
    pytest.param(
        "git rm -q --cached numbers.txt && echo /numbers.txt >> .gitignore",
        "CI has no numbers.txt: neither git nor DVC keeps it. `dvc add numbers.txt`, or commit it",
        "No such file or directory",
        id="nowhere",
    ),
    pytest.param(
        "git rm -q --cached numbers.txt && dvc add -q numbers.txt && dvc remote add -d store ../store && dvc push -q",
        "the DVC remote ../../store is a folder of this machine",
        "",
        id="with a remote",
    ),
]


@pytest.mark.parametrize(("setup", "step", "failure"), DATA)
def test_data_that_ci_cannot_have_is_said_before_and_there(
    origin: Path,
    tmp_path: Path,
    programs: Path,
    service: tuple[str, type[Service]],
    setup: str,
    step: str,
    failure: str,
) -> None:
    """By `nb2stage ci`, and in the words of the run that fails for it."""
    mine = clone(origin, tmp_path / "mine", "main")
    done = shell(mine, f"{setup or 'true'} && nb2stage ci github")
    assert done.returncode == 0, done.stderr
    assert step in done.stdout
    git(mine, "add", "--all")
    git(mine, "commit", "-qm", "data", "--allow-empty")
    folder = clone(mine, tmp_path / "work", "main")
    (folder / "dvc.lock").unlink()
    runner = Runner(folder, {"github.event_name": "push", "github.event.before": ZEROS}, programs, service[0])
    assert runner.run() == ("failure" if failure else "success"), runner.logs
    assert failure in runner.logs["Reproduce"]


def test_a_shallow_clone_and_no_metrics(
    origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]
) -> None:
    folder = clone(origin, tmp_path / "work", "change", "--depth", "1")
    (folder / "nb.ipynb").write_text(notebook_text(CELLS[:3]), encoding="utf-8")
    assert (
        shell(folder, "nb2stage convert nb.ipynb && git rm -q --cached metrics.json && rm metrics.json").returncode == 0
    )
    runner = Runner(folder, pull_request(folder), programs, service[0])
    assert runner.run() == "success", runner.logs
    assert "### Metrics\n\nNone yet." in service[1].comments[1]["body"]


def test_a_pipeline_below_the_top(tmp_path: Path, programs: Path, service: tuple[str, type[Service]]) -> None:
    top = tmp_path / "work"
    (top / "sub dir").mkdir(parents=True)
    git(top, "init", "-q", "-b", "trunk")
    (top / "sub dir/nb.ipynb").write_text(
        notebook_text([("train metrics", "import math\ntotal = math.sqrt(4)")]), "utf-8"
    )
    setup = (
        "cd 'sub dir' && dvc init --subdir -q && nb2stage convert nb.ipynb && nb2stage ci github && nb2stage ci gitlab"
    )
    done = shell(top, setup)
    assert done.returncode == 0, done.stderr
    shutil.move(top / GITHUB.replace(".yml", "-sub-dir.yml"), top / GITHUB)
    workflow = yaml.safe_load((top / GITHUB).read_text(encoding="utf-8"))
    assert workflow["name"] == "pipeline-sub-dir"
    assert workflow["defaults"]["run"]["working-directory"] == "sub dir"
    assert workflow[True]["push"]["branches"] == ["trunk"]
    git(top, "add", ".")
    git(top, "commit", "-qm", "all")
    runner = Runner(top, {"github.event_name": "push", "github.event.before": ZEROS}, programs, service[0])
    runner.folder = top / "sub dir"
    assert runner.run() == "success", runner.logs
    assert row(runner.summary.read_text(encoding="utf-8"), "metrics.json", "2.0")
    job = yaml.safe_load((top / GITLAB).read_text(encoding="utf-8"))["reproduce-sub-dir"]
    assert job["artifacts"]["reports"]["codequality"] == "sub dir/gl-code-quality-report.json"
    done = shell(top, "\n".join(job["after_script"]), **GITLAB_VARIABLES, CI_PROJECT_DIR=str(top))
    assert done.returncode == 0, done.stderr
    assert (
        (top / "sub dir" / FOLDER / "comment.md")
        .read_text(encoding="utf-8")
        .startswith(MARK.replace(" -->", " sub-dir -->"))
    )


# -- GitLab ----------------------------------------------------------------------------------------------------------

GITLAB_VARIABLES: Final = {
    "GITLAB_CI": "true",
    "CI_JOB_STATUS": "success",
    "CI_PROJECT_ID": "5",
    "CI_PROJECT_URL": "https://gitlab.com/lab/project",
    "CI_JOB_URL": "https://gitlab.com/lab/project/-/jobs/9",
    "CI_COMMIT_BEFORE_SHA": ZEROS,
}


def test_a_merge_request(origin: Path, tmp_path: Path, programs: Path, service: tuple[str, type[Service]]) -> None:
    store = tmp_path / "store"
    main_clone = clone(origin, tmp_path / "main", "main")
    done = shell(main_clone, f"dvc remote add -d store {store} && dvc repro -q && dvc push -q && git add .dvc/config")
    assert done.returncode == 0, done.stderr
    folder = clone(origin, tmp_path / "work", "change")
    shutil.copy(main_clone / ".dvc/config", folder / ".dvc/config")
    job = yaml.safe_load((folder / GITLAB).read_text(encoding="utf-8"))["reproduce"]
    variables = {
        **GITLAB_VARIABLES,
        "PATH": f"{programs}{os.pathsep}{environment()['PATH']}",
        "CI_API_V4_URL": service[0],
        "CI_MERGE_REQUEST_IID": "3",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(folder, "rev-parse", "origin/main"),
        "REPORT_TOKEN": "secret",
    }
    done = shell(folder, "\n".join(job["script"]), **variables)
    assert done.returncode == 0, done.stderr
    assert "Pulling data for stage: 'import'" in done.stdout
    assert "Running stage 'import'" not in done.stdout
    assert "Running stage 'train'" in done.stdout
    assert json.loads((folder / job["artifacts"]["reports"]["codequality"]).read_text(encoding="utf-8")) == []
    for expected in ("POST", "PUT"):
        done = shell(folder, "\n".join(job["after_script"]), **variables)
        assert done.returncode == 0, done.stderr
        assert service[1].calls[-1][0] == expected
    (comment,) = service[1].comments.values()
    assert row(comment["body"], "metrics.json", "total", "12", "30", "18")
    head = git(folder, "rev-parse", "HEAD")
    assert f"![](https://gitlab.com/lab/project/-/raw/{head}/report/figures/a%20b.png)" in comment["body"]
    assert {call[1:] for call in service[1].calls if call[0] == "GET"} == {
        ("/projects/5/merge_requests/3/notes", "secret")
    }
    assert service[1].calls[-1][1] == "/projects/5/merge_requests/3/notes/1"


def test_a_merge_request_that_fails(origin: Path, tmp_path: Path, programs: Path) -> None:
    folder = clone(origin, tmp_path / "work", "change")
    (folder / "numbers.txt").write_text("one\n", encoding="utf-8")
    job = yaml.safe_load((folder / GITLAB).read_text(encoding="utf-8"))["reproduce"]
    variables = {**GITLAB_VARIABLES, "PATH": f"{programs}{os.pathsep}{environment()['PATH']}"}
    done = shell(folder, "\n".join(job["script"]), **variables)
    assert done.returncode not in (0, None)
    done = shell(folder, "\n".join(job["after_script"]), **variables | {"CI_JOB_STATUS": "failed"})
    assert done.returncode == 0, done.stderr
    comment = (folder / FOLDER / "comment.md").read_text(encoding="utf-8")
    assert "## Pipeline: failed" in comment
    assert "invalid literal for int()" in comment


# -- the files -------------------------------------------------------------------------------------------------------

REMOTES: Final = {
    None: ("dvc>=3.60,<4", ()),
    "s3://bucket/path": ("dvc[s3]>=3.60,<4", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "azure://container": ("dvc[azure]>=3.60,<4", ("AZURE_STORAGE_CONNECTION_STRING",)),
    "ssh://a@b/c": ("dvc[ssh]>=3.60,<4", ()),
    "/mnt/store": ("dvc>=3.60,<4", ()),
    "https://a.org/store": ("dvc>=3.60,<4", ()),
}
OPTIONS: Final = [
    [],
    ["--runner", "self-hosted, gpu"],
    ["--cml"],
    ["--runner", "self-hosted", "--cml", "--branch", "a/b"],
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "nb2stage.toml").touch()
    return tmp_path


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["ci", *arguments, "--output", "-"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


def configure(project: Path, remote: str | None) -> None:
    (project / ".dvc").mkdir(exist_ok=True)
    text = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {remote}\n" if remote else ""
    (project / ".dvc/config").write_text(text, encoding="utf-8")


def all_workflows(project: Path, service: str) -> list[Path]:
    """The files for all remotes and options, with and without requirements."""
    paths = []
    for remote in REMOTES:
        configure(project, remote)
        for number, options in enumerate(OPTIONS):
            with_requirements = number % 2 == 0
            (project / "requirements.txt").touch() if with_requirements else (project / "requirements.txt").unlink()
            paths.append(project / f"{len(paths)}.yml")
            assert main(["ci", service, *options, "--output", str(paths[-1])]) == 0
    return paths


@pytest.mark.parametrize("service", ["github-workflows", "gitlab-ci"])
def test_the_schema(project: Path, service: str) -> None:
    pytest.importorskip("check_jsonschema")
    files = all_workflows(project, service.partition("-")[0])
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{service}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_zizmor_has_nothing_to_say(project: Path) -> None:
    zizmor = shutil.which("zizmor", path=environment()["PATH"])
    if zizmor is None:
        pytest.skip("zizmor is not installed")
    folder = project / ".github/workflows"
    folder.mkdir(parents=True)
    for path in all_workflows(project, "github"):
        path.rename(folder / path.name)
    done = subprocess.run(
        [zizmor, "--offline", "--quiet", "."], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("remote", REMOTES)
def test_remotes(project: Path, capsys: pytest.CaptureFixture[str], remote: str | None) -> None:
    configure(project, remote)
    dvc, secrets = REMOTES[remote]
    steps = {step.get("name"): step for step in made(capsys, "github")["jobs"]["reproduce"]["steps"]}
    assert f'"{dvc}"' in steps["Install"]["run"]
    variables = {name: value for name, value in steps["Reproduce"]["env"].items() if name != "IS_FORK"}
    assert variables == {secret: f"${{{{ secrets.{secret} }}}}" for secret in secrets}
    assert f'"{dvc}"' in made(capsys, "gitlab")["reproduce"]["script"][0]


def test_an_own_machine(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = made(capsys, "github", "--runner", "self-hosted,gpu")["jobs"]["reproduce"]
    assert job["runs-on"] == ["self-hosted", "gpu"]
    assert "== github.repository" in job["if"]
    assert "if" not in made(capsys, "github")["jobs"]["reproduce"]
    assert made(capsys, "gitlab", "--runner", "gpu")["reproduce"]["tags"] == ["gpu"]


def test_cml_writes_the_comment(project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    # a curl that brings a cml which notes how it is called
    curl = 'while [ "$1" != --output ]; do shift; done\nprintf "#!/bin/sh\\necho \\$REPO_TOKEN \\$@ >> called.txt\\n" > "$2"\n'
    (programs / "curl").write_text(f"#!/bin/sh\n{curl}", encoding="utf-8")
    (programs / "curl").chmod(0o755)
    path = f"{programs}{os.pathsep}{environment()['PATH']}"
    (step,) = [s for s in made(capsys, "github", "--cml")["jobs"]["reproduce"]["steps"] if s.get("name") == "Comment"]
    done = shell(project, step["run"], PATH=path, CML=str(tmp_path / "cml"), REPO_TOKEN="secret")
    assert done.returncode == 0, done.stderr
    block = made(capsys, "gitlab", "--cml")["reproduce"]["after_script"][-1]
    done = shell(project, block, PATH=path, CI_MERGE_REQUEST_IID="3", REPORT_TOKEN="secret")
    assert done.returncode == 0, done.stderr
    called = (project / "called.txt").read_text(encoding="utf-8").splitlines()
    assert called == [f"secret comment update --target=pr --publish=false {FOLDER}/comment.md"] * 2


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_a_file_that_is_there_is_kept(project: Path, capsys: pytest.CaptureFixture[str], service: str) -> None:
    path = project / (GITHUB if service == "github" else GITLAB)
    assert main(["ci", service]) == 0
    assert main(["ci", service]) == 0
    assert "nothing to do" in capsys.readouterr().out
    path.write_text("mine: 1\n", encoding="utf-8")
    assert main(["ci", service]) == 1
    assert "NB612" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine: 1\n"
    assert main(["ci", service, "--output", "other/ci.yml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["path"], document["written"]) == ("other/ci.yml", True)
    assert (project / "other/ci.yml").is_file()


def test_what_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ci", "github"]) == 1
    assert "git init" in capsys.readouterr().err
    git(tmp_path, "init", "-q")
    assert main(["ci", "github"]) == 1
    assert "NB607 there is no project here" in capsys.readouterr().err
    (tmp_path / "nb2stage.toml").touch()
    assert main(["ci", "github", "--output", "../x.yml", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "NB614"
    assert main(["ci", "jenkins"]) == 2


@pytest.mark.parametrize(
    ("noted", "requirement"),
    [
        (None, f"nb2stage=={__version__}"),
        ({"url": "file:///work", "dir_info": {"editable": True}}, None),
        (
            {"url": "https://a.org/nb2stage", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "nb2stage @ git+https://a.org/nb2stage@c0ffee",
        ),
    ],
)
def test_what_is_installed(monkeypatch: pytest.MonkeyPatch, noted: object, requirement: str | None) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            return json.dumps(noted) if noted is not None and name == "direct_url.json" else None

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Distribution())
    assert installed_as() == requirement


def test_the_main_branch(origin: Path, tmp_path: Path) -> None:
    assert main_branch(clone(origin, tmp_path / "a", "change")) == "main"
    git(tmp_path, "init", "-q", "-b", "trunk", "b")
    assert main_branch(tmp_path / "b") == "trunk"


def test_a_damaged_configuration_of_dvc(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("remote = store\n", encoding="utf-8")
    assert remote_url(tmp_path) is None
