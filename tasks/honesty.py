"""Honesty: what a green report is worth.

True afterwards: what bends the tests is named without having been run; a report of `verify_report` that is still green
has shown that it tells a failing test from a passing one. The workers are gone. Blocks: git host, engine.
"""

import asyncio
import io
import secrets
import tarfile
import tempfile
from pathlib import Path

from prefect import task

from blocks.archives import stays_inside
from domain.canaries import Canary, canary, objection
from domain.manifests import command_of_tests, manifest_from
from domain.protocols import GitHost
from domain.repeats import compared
from domain.reports import Outcome, TestReport
from domain.tampering import READ, findings
from domain.verdicts import ParsedReports, refused
from domain.workers import CommandResult, Limits, WorkerSpawner
from tasks.fresh_worker import fresh_worker
from tasks.identity import once_per
from tasks.repetition import repeat_tests
from tasks.retrying import only_try_again
from tasks.tester import LIMITS, TEST_SECONDS, tested

FILES_LIMIT = 5_000
SIZE_LIMIT = 512 * 1024
"""Bytes of a file that is read; nobody writes a longer test by hand."""


@task(
    task_run_name="look for tricks in {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "base"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def inspect_commit(
    run: str,  # noqa: ARG001  part of the step's identity
    project: str,
    round: int,  # noqa: ARG001
    commit: str,
    base: str,
    git: GitHost,
) -> tuple[str, ...]:
    """Return what the commit does, beyond `base`, to how its tests are found, run or reported; empty is good."""
    with tempfile.TemporaryDirectory(prefix="slipway-inspect-") as folder:
        root = Path(folder)
        changed = await _read(project, commit, root / "commit", git)
        trusted = await _read(project, base, root / "base", git)
    return await asyncio.to_thread(findings, changed, trusted)


@task(
    task_run_name="verify the report of {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "report.candidate"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def verify_report(
    run: str,
    project: str,
    round: int,
    commit: str,
    report: TestReport,
    git: GitHost,
    engine: WorkerSpawner,
    limits: Limits = LIMITS,
    seconds: float = TEST_SECONDS,
) -> TestReport:
    """Run the tests once more with two of our own among them; return the report, refused when that stays hidden.

    A case that fails this time is flaky.
    """
    sources = await git.read(project, commit, ("app.json",))
    command = command_of_tests(manifest_from(sources.get("app.json", "")))
    paths = [file.path for file in (await git.patch(project, None, commit)).files]
    planted = canary(command, paths, report.cases, secrets.token_hex(4))
    if planted is None:
        return await repeat_tests.fn(run, project, round, commit, report, git, engine, limits)
    async with fresh_worker(f"{run}-verifier-{round}", project, run, report.candidate, limits, engine) as worker:
        await worker.put(_archive(planted))
        result, reports = await tested(worker, command, seconds)
    return _judged(report, planted, result, reports)


def _judged(report: TestReport, planted: Canary, result: CommandResult, reports: ParsedReports) -> TestReport:
    if result.timed_out or result.out_of_memory:
        how = Outcome.TIMED_OUT if result.timed_out else Outcome.OUT_OF_MEMORY
        return refused(report, how, f"The tests passed once; run again, they were stopped after {result.seconds:.0f} s.")
    hidden = objection(planted, result, reports)
    if hidden:
        return refused(report, Outcome.REPORT_FORGED, f"The report is not true: {hidden}.")
    return compared(report, reports)


async def _read(project: str, commit: str, folder: Path, git: GitHost) -> dict[str, str | None]:
    await asyncio.to_thread(folder.mkdir)
    await git.checkout(project, commit, folder)
    return await asyncio.to_thread(_texts, folder)


def _texts(root: Path) -> dict[str, str | None]:
    """Return the text of the files that are looked at, None of one that is too large; links are followed inside only."""
    found: dict[str, str | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.suffix not in READ or ".git" in name.parts or not stays_inside(path, root.resolve()) or not path.is_file():
            continue
        small = path.stat().st_size <= SIZE_LIMIT and len(found) < FILES_LIMIT
        found[name.as_posix()] = path.read_text("utf-8", "replace") if small else None
    return found


def _archive(planted: Canary) -> bytes:
    buffer, content = io.BytesIO(), planted.content.encode()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(planted.path)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
