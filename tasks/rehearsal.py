"""Start a throw-away copy of a candidate, wait for its health, ask the checks, take it away whatever happens.

Uses the engine, and HTTP to the copy's own address. An engine that dies raises; everything an app can do is a case.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from domain.checks import ChatCheck, Check, CommandCheck, HttpCheck
from domain.engines import Engine
from domain.health import HealthCheck, Unhealthy
from domain.manifests import at_the_project
from domain.redaction import Redactor
from domain.rehearsals import SUITE, among_ourselves, health_case, rehearsal_report, survival_case
from domain.reports import CaseResult, TestCase, TestReport
from domain.trimming import tail
from domain.workers import AppSpec, AppStatus, Command, CommandResult, Limits, WorkerSpec
from tasks.bot_world import TOKEN, BotWorld, bot_world
from tasks.chat_checks import run_chat_check
from tasks.health import wait_healthy
from tasks.http_checks import run_http_check

COMMAND_SECONDS = 120.0
COMMAND_LIMITS = Limits(memory_mb=1024)
LOG_LINES = 60
FIRST_CHAT = 500_000
"""Each check has a chat of its own, so that none sees what another said."""


async def rehearse(
    spec: AppSpec,
    checks: Sequence[Check],
    health: HealthCheck,
    seconds: float,
    engine: Engine,
    *,
    commit: str = "",
    secrets: Mapping[str, str] | None = None,
    chat: bool = False,
) -> TestReport:
    """Return a report with one case a check; values of `secrets` are not in it.

    `chat`: people talk to it in a messenger, so the copy gets a Telegram of ours, and no token that is real.
    What an interrupted attempt left under the same identity is removed first: its data is not fresh.
    """
    began = time.monotonic()
    await engine.remove(spec.identity)
    async with AsyncExitStack() as places:
        places.push_async_callback(engine.remove, spec.identity)
        world = None
        if chat or any(isinstance(check, ChatCheck) for check in checks):
            world = await places.enter_async_context(_world_of(spec, engine))
            spec = spec.model_copy(update={"environment": among_ourselves(spec.environment, world.environment, TOKEN)})
        await engine.start(spec)
        cases = await _cases(spec, checks, health, seconds, engine, world)
    redactor = Redactor(dict(secrets or {}))
    shown = [_redacted(case, redactor) for case in cases]
    return rehearsal_report(
        shown, checks=len(checks), seconds=time.monotonic() - began, candidate=spec.candidate, commit=commit
    )


@asynccontextmanager
async def _world_of(spec: AppSpec, engine: Engine) -> AsyncIterator[BotWorld]:
    """Yield a Telegram where the copy finds it; nobody but the copy is let in."""

    async def guest() -> str:
        return (await engine.status(spec.identity)).address.partition(":")[0]

    async with bot_world(await engine.host_address(spec.project), guest) as world:
        yield world


async def _cases(
    spec: AppSpec, checks: Sequence[Check], health: HealthCheck, seconds: float, engine: Engine, world: BotWorld | None
) -> list[TestCase]:
    began = time.monotonic()
    state = await wait_healthy(engine, spec.identity, health, seconds)
    cases = [health_case(health.path, state, time.monotonic() - began)]
    if isinstance(state, Unhealthy):
        return cases
    before = await engine.status(spec.identity)
    if world is not None:
        world.webhook_address = before.address
    for number, check in enumerate(checks, 1):
        if isinstance(check, ChatCheck):
            cases.append(await run_chat_check(check, FIRST_CHAT + number, cast(BotWorld, world)))
        else:
            cases.append(await _case(check, spec, before, engine))
    after = await engine.status(spec.identity)
    died = survival_case(before, after, tail(await engine.logs(spec.identity, LOG_LINES), 4_000))
    return [*cases, died] if died else cases


async def _case(check: HttpCheck | CommandCheck, spec: AppSpec, status: AppStatus, engine: Engine) -> TestCase:
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
        unseen=check.unseen,
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
