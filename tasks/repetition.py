"""Repetition: a red round's tests are run once more on the same image, to tell a failure from a flaky test.

True afterwards: cases that failed and then passed are named flaky; the worker is gone. Blocks: git host, engine.
"""

from prefect import task

from domain.manifests import command_of_tests, manifest_from
from domain.protocols import GitHost
from domain.repeats import compared
from domain.reports import TestReport
from domain.workers import Limits, WorkerSpawner
from tasks.fresh_worker import fresh_worker
from tasks.identity import once_per
from tasks.retrying import only_try_again
from tasks.tester import LIMITS, tested

REPEAT_SECONDS = 120.0
"""Tests that need longer are not run again: whether they are flaky stays unknown."""


@task(
    task_run_name="repeat the tests of {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "report.candidate"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def repeat_tests(
    run: str,
    project: str,
    round: int,
    commit: str,
    report: TestReport,
    git: GitHost,
    engine: WorkerSpawner,
    limits: Limits = LIMITS,
    seconds: float = REPEAT_SECONDS,
) -> TestReport:
    """Return the report with the cases that changed their mind named flaky; as it was when there was no time to see."""
    if report.seconds > seconds:
        return report
    sources = await git.read(project, commit, ("app.json",))
    command = command_of_tests(manifest_from(sources.get("app.json", "")))
    async with fresh_worker(f"{run}-repeater-{round}", project, run, report.candidate, limits, engine) as worker:
        _, reports = await tested(worker, command, seconds)
    return compared(report, reports)
