"""tester: one commit becomes a candidate, and the candidate is judged. Nothing is ever assumed passed."""

from prefect import flow
from pydantic import Field

from domain.candidates import BuildFailed
from domain.checks import Check
from domain.dropped import KnownTest, with_missing
from domain.names import Slug
from domain.reports import DroppedTest, Outcome, TestReport
from domain.values import Value
from domain.verdicts import combined, tampered_report
from flows.opening import Blocks, open_blocks
from flows.pairs import both
from tasks.acceptance import rehearse_candidate
from tasks.env_analyzer import analyze_environment
from tasks.honesty import inspect_commit, verify_report
from tasks.hosts import main_host
from tasks.repetition import repeat_tests
from tasks.tester import TEST_SECONDS, build_candidate, publish_report, report_of_build, run_tests


class Trial(Value):
    """What is to be tested."""

    run: str
    project: Slug
    round: int
    commit: str
    base: str = Field(description="Commit whose platform files count")
    platform: str = Field(default="", description="Commit whose platform files count instead, since its owner approved them")
    process: str
    chat: bool = Field(default=False, description="Whether people talk to it in a messenger")
    checks: tuple[Check, ...]
    known: tuple[KnownTest, ...] = Field(
        default=(), description="Tests that ran in earlier rounds, or when `base` was accepted"
    )
    seconds: float = Field(default=TEST_SECONDS, gt=0, description="Deadline of one run of the tests")
    dropped: tuple[DroppedTest, ...] = Field(default=(), description="Those that the developer gave up, with its reasons")


@flow(name="tester", flow_run_name="test {trial.project} round {trial.round}", persist_result=True)
async def tester(trial: Trial) -> TestReport:
    """Look for tricks, build the candidate from a clean clone, run the tests and the acceptance checks on it."""
    blocks = await open_blocks()
    report = await judge(trial, blocks)
    await publish_report(trial.run, trial.round, report)
    return report


async def judge(trial: Trial, blocks: Blocks) -> TestReport:
    """Return the verdict; what bends its own tests is not built."""
    tricks = await inspect_commit(trial.run, trial.project, trial.round, trial.commit, trial.base, blocks.git)
    if tricks:
        return tampered_report(trial.commit, tricks)
    trusted = trial.platform or trial.base
    built = await build_candidate(trial.run, trial.project, trial.round, trial.commit, trusted, blocks.git, blocks.engine)
    if isinstance(built, BuildFailed):
        return report_of_build(built, trial.commit)
    tests, acceptance = await both(own_tests(trial, built.candidate, blocks), rehearsed(trial, built.candidate, blocks))
    return combined(tests, acceptance)


async def rehearsed(trial: Trial, candidate: str, blocks: Blocks) -> TestReport:
    """Ask the acceptance checks of the candidate, in an environment that is a release's but for its secrets."""
    place = blocks.installation
    sources = await blocks.git.read(trial.project, trial.commit, (".env.example", "app.json"))
    wanted = await analyze_environment(trial.run, trial.project, sources, place.env_model, blocks.model, blocks.registry)
    return await rehearse_candidate(
        trial.run,
        trial.project,
        trial.round,
        trial.commit,
        candidate,
        trial.process,
        place.address_of(await main_host(trial.project, blocks.registry)),
        wanted,
        trial.checks,
        blocks.git,
        blocks.engine,
        chat=trial.chat,
    )


async def own_tests(trial: Trial, candidate: str, blocks: Blocks) -> TestReport:
    """Run the project's own tests; what is green must be complete, and must be true; what is red must stay so."""
    where = (trial.run, trial.project, trial.round, trial.commit)
    report = await run_tests(*where, candidate, blocks.git, blocks.engine, seconds=trial.seconds)
    report = with_missing(report, trial.known, trial.dropped)
    if report.outcome is Outcome.FAILED:
        return await repeat_tests(*where, report, blocks.git, blocks.engine)
    if not report.passed:
        return report
    return await verify_report(*where, report, blocks.git, blocks.engine, seconds=trial.seconds)
