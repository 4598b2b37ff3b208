"""Tester: a commit becomes a candidate, and the candidate's own tests judge it.

True afterwards: the report is what really happened in a fresh copy of the candidate without network; the worker is
gone. An engine that dies is an error and is tried again, never a verdict. Blocks: git host, engine.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from prefect import task

from blocks.archives import unpack
from domain.candidates import BuildFailed, Built, ImageBuilder
from domain.errors import Broken, UnsafeArchive
from domain.manifests import at_the_project, command_of_tests, manifest_from
from domain.patches import is_locked
from domain.procfile import PROCFILE, with_release_of
from domain.protocols import GitHost
from domain.report_tables import as_markdown
from domain.reports import TestReport
from domain.verdicts import ParsedReports, refused_report, report_of_build, untaken_report, verdict
from domain.workers import Command, CommandResult, Limits, Worker, WorkerSpawner
from tasks.artifacts import publish
from tasks.fresh_worker import fresh_worker
from tasks.identity import once_per
from tasks.junit import BYTES_LIMIT, parse
from tasks.retrying import only_try_again

__all__ = ["build_candidate", "publish_report", "refused_report", "report_of_build", "run_tests", "untaken_report"]

LIMITS = Limits(memory_mb=2048, cpus=2.0, pids=512, disk_mb=1024)
BUILD_SECONDS = 900.0
TEST_SECONDS = 600.0
COLLECT_SECONDS = 60.0
FILES_LIMIT = 2_000

_NEW_FOLDER = 'mktemp -d "${TMPDIR:-/tmp}/reports.XXXXXXXX"'
_COLLECT = """
cd -- "$1" || exit
big=$(find . -name '*.xml' -type f -size +65536k | head -n 1)
[ -z "$big" ] || { echo "$big is larger than 64 MB" >&2; exit 1; }
find . -name '*.xml' -type f | tar -cf - -T -
"""


@task(
    task_run_name="build {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "base"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def build_candidate(
    run: str,
    project: str,
    round: int,  # noqa: ARG001  part of the step's identity
    commit: str,
    base: str,
    git: GitHost,
    engine: ImageBuilder,
    seconds: float = BUILD_SECONDS,
) -> Built | BuildFailed:
    """Build a clean clone of the commit in which the platform's files are those of `base`."""
    with tempfile.TemporaryDirectory(prefix="slipway-build-") as folder:
        source, trusted = Path(folder, "source"), Path(folder, "trusted")
        for path, wanted in ((source, commit), (trusted, base)):
            path.mkdir()
            await git.checkout(project, wanted, path)
        await asyncio.to_thread(restore_platform_files, source, trusted)
        return await engine.build(source, project, run, seconds)


@task(
    task_run_name="test {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "candidate"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def run_tests(
    run: str,
    project: str,
    round: int,
    commit: str,
    candidate: str,
    git: GitHost,
    engine: WorkerSpawner,
    limits: Limits = LIMITS,
    seconds: float = TEST_SECONDS,
) -> TestReport:
    """Run the project's test command in a fresh copy of the candidate, and decide what came of it."""
    sources = await git.read(project, commit, ("app.json",))
    command = command_of_tests(manifest_from(sources.get("app.json", "")))
    async with fresh_worker(f"{run}-tester-{round}", project, run, candidate, limits, engine) as worker:
        result, reports = await tested(worker, command, seconds)
    return verdict(result, reports, candidate=candidate, commit=commit)


async def publish_report(run: str, round: int, report: TestReport) -> None:
    """Show the report as a table in the Prefect UI."""
    await publish(f"tests-{round}", run, as_markdown(report, f"Tests of round {round}"), report.summary)


def restore_platform_files(source: Path, trusted: Path) -> None:
    """Make the platform's files in `source` exactly those of `trusted`, through no link; history is left out.

    The Procfile's release line alone is that of `source`.
    """
    shutil.rmtree(source / ".git", ignore_errors=True)
    wanted = _procfile_of(source)
    for path in _locked_in(source):
        (source / path).unlink()
    for path in _locked_in(trusted):
        target = source / path
        _make_real_folder(target.parent, source)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        shutil.copyfile(trusted / path, target, follow_symlinks=False)
        shutil.copymode(trusted / path, target, follow_symlinks=False)
    if wanted and (procfile := _procfile_of(source)):
        (source / PROCFILE).write_text(with_release_of(procfile, wanted), encoding="utf-8")


def _procfile_of(folder: Path) -> str:
    """Return the text of the Procfile; empty when there is none, or a link or folder in its place."""
    path = folder / PROCFILE
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() and not path.is_symlink() else ""


async def tested(worker: Worker, command: str, seconds: float) -> tuple[CommandResult, ParsedReports]:
    """Run the command with a new, empty folder for its reports, and read what it wrote there."""
    folder = await _new_folder(worker)
    result = await worker.run(
        Command(
            argv=at_the_project(command),
            environment={"REPORTS_DIR": folder, "CI": "true"},
            seconds=seconds,
        )
    )
    if result.timed_out or result.out_of_memory:
        return result, ParsedReports()
    return result, await _collected(worker, folder)


async def _new_folder(worker: Worker) -> str:
    made = await worker.run(Command(argv=("sh", "-c", _NEW_FOLDER), seconds=COLLECT_SECONDS))
    folder = made.stdout.decode("utf-8", "replace").strip()
    if not made.ok or not folder.startswith("/"):
        raise Broken(f"worker {worker.identity} has no place for test reports: {made.text.strip()[-300:]}")
    return folder


async def _collected(worker: Worker, folder: str) -> ParsedReports:
    """Take every XML file out of the worker's folder and parse it; what cannot be taken is a malformed report."""
    command = Command(argv=("sh", "-c", _COLLECT, "sh", folder), seconds=COLLECT_SECONDS, output_limit=BYTES_LIMIT)
    archive = await worker.run(command)
    if archive.truncated:
        return ParsedReports(files=1, malformed=f"the reports are larger than {BYTES_LIMIT >> 20} MB")
    if not archive.ok:
        why = archive.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit code {archive.exit_code}"
        return ParsedReports(files=1, malformed=f"the reports could not be collected ({why})")
    return await asyncio.to_thread(_parsed, archive.stdout)


def _parsed(archive: bytes) -> ParsedReports:
    with tempfile.TemporaryDirectory(prefix="slipway-reports-") as folder:
        root = Path(folder)
        try:
            unpack(archive, root, BYTES_LIMIT, FILES_LIMIT)
        except UnsafeArchive as refused:
            return ParsedReports(files=1, malformed=str(refused))
        return parse(_opened(root))


def _opened(root: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for path in sorted(root.rglob("*.xml")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                yield str(path.relative_to(root)), file


def _locked_in(folder: Path) -> list[str]:
    """Return the platform's files in the folder, relative; nothing is looked at through a link."""
    found = (
        str(Path(parent, name).relative_to(folder))
        for parent, folders, files in os.walk(folder)
        for name in (*files, *(name for name in folders if Path(parent, name).is_symlink()))
    )
    return [path for path in found if is_locked(path)]


def _make_real_folder(folder: Path, root: Path) -> None:
    path = root
    for part in folder.relative_to(root).parts:
        path /= part
        if path.is_symlink() or path.is_file():
            path.unlink()
        path.mkdir(exist_ok=True)
