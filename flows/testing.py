"""tester: one commit becomes a candidate, and the candidate is judged. Nothing is ever assumed passed."""

import asyncio

from prefect import flow
from pydantic import Field

from domain.checks import Check
from domain.names import Slug
from domain.reports import TestReport
from domain.values import Value
from domain.verdicts import combined
from domain.workers import BuildFailed
from flows.opening import open_blocks
from tasks.acceptance import rehearse_candidate
from tasks.tester import build_candidate, publish_report, report_of_build, run_tests


class Trial(Value):
    """What is to be tested."""

    run: str
    project: Slug
    round: int
    commit: str
    base: str = Field(description="Commit whose platform files count")
    process: str
    checks: tuple[Check, ...]


@flow(name="tester", flow_run_name="test {trial.project} round {trial.round}", persist_result=True)
async def tester(trial: Trial) -> TestReport:
    """Build the candidate from a clean clone, run the project's tests and the acceptance checks on it."""
    blocks = await open_blocks()
    built = await build_candidate(trial.run, trial.project, trial.round, trial.commit, trial.base, blocks.git, blocks.engine)
    if isinstance(built, BuildFailed):
        report = report_of_build(built, trial.commit)
    else:
        tests, acceptance = await asyncio.gather(
            run_tests(trial.run, trial.project, trial.round, trial.commit, built.candidate, blocks.git, blocks.engine),
            rehearse_candidate(
                trial.run,
                trial.project,
                trial.round,
                trial.commit,
                built.candidate,
                trial.process,
                trial.checks,
                blocks.git,
                blocks.engine,
            ),
        )
        report = combined(tests, acceptance)
    await publish_report(trial.run, trial.round, report)
    return report
