"""Start a throw-away copy of a candidate, wait for its health, ask the checks, take it away whatever happens.

Uses the engine, and HTTP to the copy's own address. An engine that dies raises; everything an app can do is a case.
"""

import time
from collections.abc import Mapping, Sequence

from domain.checks import Check, CommandCheck, HttpCheck
from domain.health import HealthCheck, Unhealthy
from domain.manifests import at_the_project
from domain.redaction import Redactor
from domain.rehearsals import SUITE, health_case, rehearsal_report, survival_case
from domain.reports import CaseResult, TestCase, TestReport
from domain.trimming import tail
from domain.workers import AppSpec, AppStatus, Command, CommandResult, Engine, Limits, WorkerSpec
from tasks.health import wait_healthy
from tasks.http_checks import run_http_check

COMMAND_SECONDS = 120.0
COMMAND_LIMITS = Limits(memory_mb=1024)
LOG_LINES = 60


async def rehearse(
    spec: AppSpec,
    checks: Sequence[Check],
    health: HealthCheck,
    seconds: float,
    engine: Engine,
    *,
    commit: str = "",
    secrets: Mapping[str, str] | None = None,
) -> TestReport:
    """Return a report with one case a check; values of `secrets` are not in it.

    What an interrupted attempt left under the same identity is removed first: its data is not fresh.
    """
    began = time.monotonic()
    await engine.remove(spec.identity)
    try:
        await engine.start(spec)
        cases = await _cases(spec, checks, health, seconds, engine)
    finally:
        await engine.remove(spec.identity)
    redactor = Redactor(dict(secrets or {}))
    shown = [_redacted(case, redactor) for case in cases]
    return rehearsal_report(
        shown, checks=len(checks), seconds=time.monotonic() - began, candidate=spec.candidate, commit=commit
    )


async def _cases(spec: AppSpec, checks: Sequence[Check], health: HealthCheck, seconds: float, engine: Engine) -> list[TestCase]:
    began = time.monotonic()
    state = await wait_healthy(engine, spec.identity, health, seconds)
    cases = [health_case(health.path, state, time.monotonic() - began)]
    if isinstance(state, Unhealthy):
        return cases
    before = await engine.status(spec.identity)
    for check in checks:
        cases.append(await _case(check, spec, before, engine))
    after = await engine.status(spec.identity)
    died = survival_case(before, after, tail(await engine.logs(spec.identity, LOG_LINES), 4_000))
    return [*cases, died] if died else cases


async def _case(check: Check, spec: AppSpec, status: AppStatus, engine: Engine) -> TestCase:
    match check:
        case HttpCheck():
            return await run_http_check(check, status.address)
        case CommandCheck():
            return await _run_command_check(check, spec, engine)


async def _run_command_check(check: CommandCheck, spec: AppSpec, engine: Engine) -> TestCase:
    """Run the command in a fresh worker of the candidate, without network and without the app's environment."""
    identity = f"{spec.run}-check-{check.id}"
    await engine.remove_worker(identity)
    try:
        worker = await engine.spawn(
            WorkerSpec(
                identity=identity,
                project=spec.project,
                run=spec.run,
                role="tester",
                image=spec.candidate,
                limits=COMMAND_LIMITS,
            )
        )
        result = await worker.run(Command(argv=at_the_project(check.command), seconds=COMMAND_SECONDS))
    finally:
        await engine.remove_worker(identity)
    problem = _command_complaint(check, result)
    return TestCase(
        suite=SUITE,
        name=f"{check.id}: {check.title}",
        result=CaseResult.FAILED if problem else CaseResult.PASSED,
        seconds=result.seconds,
        message=f"`{check.command[:200]}` {problem}" if problem else "",
        details=tail(result.text, 3_000) if problem else "",
    )


def _command_complaint(check: CommandCheck, result: CommandResult) -> str | None:
    if result.timed_out:
        return f"did not end within {COMMAND_SECONDS:g} s"
    if result.out_of_memory:
        return f"used up its memory of {COMMAND_LIMITS.memory_mb} MB"
    if result.exit_code != check.expect_exit:
        return f"ended with exit code {result.exit_code}, expected {check.expect_exit}"
    missing = next((text for text in check.expect_contains if text not in result.text), None)
    return None if missing is None else f"did not print {missing!r}"


def _redacted(case: TestCase, redactor: Redactor) -> TestCase:
    return case.model_copy(update={"message": redactor.redact(case.message), "details": redactor.redact(case.details)})
