"""What does `nb2stage verify` cost beyond the two runs that it needs, and does it agree with the differential check?

    python benchmarks/bench_verify.py                        # the example notebooks
    python benchmarks/gallery.py fetch ~/nb2stage-corpus     # about 215 notebooks; Debian or Ubuntu
    python benchmarks/bench_verify.py ~/nb2stage-corpus/notebooks --prepare --cuts 11 --limit 20 --agree
    python benchmarks/bench_verify.py --check                # exit code 1 when a target is missed

For each notebook, one after the other in one run: the notebook is run in a kernel, the stages' scripts are run one after
the other, and `nb2stage verify` is run.  It may take 1.3 times the first two together and 5 seconds more.

With `--agree` the notebook is judged by `tests/differential.py` as well, with a cell at its end that uses all its names.
That one runs the notebook twice and leaves out what the two runs do not agree about, so where `verify` says that they
differ it is run again with `--repeat`.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import differential

ROOT: Final = Path(__file__).resolve().parent.parent
FACTOR: Final = 1.3
CONSTANT: Final = 5.0
EXAMPLES: Final = ROOT / "example_notebooks"


def program(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """nb2stage in a process of its own, with the environment of the other two runs."""
    command = [sys.executable, "-m", "nb2stage", *arguments]
    env = {**differential.environment(), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def project(path: Path, subject: Any, folder: Path) -> bool:
    """A project with the notebook and its pipeline in a folder; false where the notebook is refused."""
    shutil.copytree(differential.empty_project(), folder)
    differential.place(path, subject, folder, differential.DIGEST_MODULE)
    return program("convert", path.name, cwd=folder).returncode == 0


def verified(path: Path, folder: Path, *options: str) -> tuple[dict[str, Any], float]:
    """What `verify` says, and how long it takes."""
    began = time.perf_counter()
    done = program("verify", path.name, "--json", *options, cwd=folder)
    seconds = time.perf_counter() - began
    return json.loads(done.stdout) if done.stdout else {"verdict": done.stderr.strip()}, seconds


def measured(path: Path, subject: Any, options: differential.Options) -> dict[str, Any] | str:
    """Seconds of the three runs and the verdict; why the notebook cannot be measured."""
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as temporary:
        folder, own = Path(temporary) / "project", Path(temporary) / "own"
        if not project(path, subject, folder):
            return "refused"
        differential.place(path, subject, own, differential.DIGEST_MODULE)
        began = time.perf_counter()
        try:
            differential.execute(differential.as_compared(subject), own, options.timeout)
        except differential.NotRunnableError as error:
            return f"does not run: {error}"
        notebook = time.perf_counter() - began
        document, verify = verified(path, folder)
        began = time.perf_counter()
        try:
            differential.run_direct(folder, 4 * options.timeout, strict=False)
        except differential.PipelineError as error:
            return f"the pipeline fails: {error}"
        pipeline = time.perf_counter() - began
        allowed = FACTOR * (notebook + pipeline) + CONSTANT
        found = {"notebook": notebook, "pipeline": pipeline, "verify": verify, "allowed": allowed, "said": document}
        if document["verdict"] == "different":
            found["again"], _ = verified(path, folder, "--repeat")
        return found


def same(document: dict[str, Any]) -> bool:
    """Whether `verify` finds nothing different, the digests of the differential check left out: they are of no value."""
    names = {item["name"] for item in document.get("items", []) if item["status"] == "different"}
    return document["verdict"] == "equal" or (bool(names) and names <= {differential.DIGESTS, "digests"})


def main() -> int:
    """Measure, and print a line for each notebook."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebooks", nargs="*", type=Path, default=[EXAMPLES], help="as for tests/differential.py")
    parser.add_argument("--prepare", action="store_true", help="split and tag the cells")
    parser.add_argument("--cuts", type=int, metavar="SEED", help="cut into stages at random places, not at quarters")
    parser.add_argument("--limit", type=int, help="stop when so many notebooks have been measured")
    parser.add_argument("--timeout", type=float, default=25.0, help="leave out notebooks that take longer")
    parser.add_argument(
        "--agree", action="store_true", help="compare the verdicts with those of the differential check"
    )
    parser.add_argument("--check", action="store_true", help="exit code 1 when a target is missed")
    arguments = parser.parse_args()
    options = differential.Options(
        prepare=arguments.prepare, digest=True, cuts=arguments.cuts, timeout=arguments.timeout, engine="direct"
    )
    slow = agreed = count = 0
    print(f"{'notebook':36} {'kernel':>8} {'scripts':>8} {'verify':>8} {'allowed':>8}  verdict")
    for path in map(Path.resolve, differential.notebooks_of(arguments.notebooks)):
        if count == arguments.limit:
            break
        with tempfile.TemporaryDirectory(prefix="bench-verify-") as cache:
            kept = replace(options, cache=Path(cache))
            subject = differential.load(path)
            if arguments.agree:
                _, subject, _ = differential.reference_of(path, kept, kept.cache)
            elif options.prepare:
                subject = differential.prepare(subject, cuts=options.cuts)
            found = measured(path, subject, options)
            outcome = differential.compare(path, kept) if arguments.agree and not isinstance(found, str) else None
        if isinstance(found, str):
            print(f"{path.stem:36} {found.splitlines()[0]:.80}", flush=True)
            continue
        count += 1
        slow += found["verify"] > found["allowed"]
        verdict = found["said"]["verdict"]
        last = found.get("again", found["said"])
        if "again" in found:
            verdict += f", with --repeat {last['verdict']}"
        if outcome is not None:
            agreed += (outcome.status == "same") == same(last)
            verdict += f"; differential check: {outcome.status} {outcome.reason}".rstrip()
        times = "".join(f"{found[key]:8.2f} " for key in ("notebook", "pipeline", "verify", "allowed"))
        print(f"{path.stem:36} {times} {verdict}", flush=True)
    print(f"{count} notebooks, {slow} take longer than {FACTOR} x (kernel + scripts) + {CONSTANT:.0f} s")
    if arguments.agree:
        print(f"{agreed} of {count} verdicts agree with the differential check")
    missed = slow or (arguments.agree and agreed != count)
    return 1 if arguments.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
