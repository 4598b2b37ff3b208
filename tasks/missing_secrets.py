"""Secrets that a run lacks: asked for once by name, waited for without a process, and the run goes on when they are there.

True afterwards: the registry says what is waited for; a run whose secrets are all there was resumed, by whatever door they
came. Blocks: registry, wakeups, vault; Prefect through `resume`.
"""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.input import RunInput

from domain.complaints import Complaint
from domain.environment import TELEGRAM_BOT_TOKEN
from domain.errors import UnknownObject
from domain.escalations import Escalation, checked_answer
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.runs import WAITED_TOO_LONG, Run, RunState
from tasks.answering import LOOK_BACK, PAUSE, Resume, go_on, newest_question, open_question
from tasks.identity import once_per
from tasks.notify import end_run, tell
from tasks.progress import Facts, Journal
from tasks.questions import settle
from tasks.resuming import Resumption
from tasks.retrying import only_try_again

ATTEMPT = "secrets"
"""Fact of a line of progress: which time it is that the run asks for secrets."""


class SecretsProvided(RunInput):
    """The answer to a run that waits for secrets: they are in the vault now."""

    provided: bool = True


@task(
    task_run_name="ask for the secrets of {project}",
    persist_result=True,
    cache_key_fn=once_per("run", "attempt"),  # a resumed run passes here again and must not look waiting again
    retries=3,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def wait_for_secrets(
    run: str,
    project: str,
    names: tuple[str, ...],
    attempt: int,
    registry: Registry,
    wakeups: Wakeups,
    complaints: Mapping[str, Complaint] | None = None,
) -> None:
    """Record that the run waits, and ask its person once; whoever stores the last one resumes the run."""
    wrong = complaints or {}
    why = "".join(f"{wrong[name].sentence(name)}. " for name in names if name in wrong)
    text = f"{why}{project} needs {', '.join(names)} before it can go online: `slipway secret set {project} {names[0]}`"
    if TELEGRAM_BOT_TOKEN in names:
        text = f"{text}. @BotFather gives one: send it /newbot, choose a name, and copy the token that it answers with"
    waiting = await registry.update_run(run, state=RunState.WAITING, message=text, waits_for=names)
    facts: Facts = {f"wrong:{name}": wrong[name].model_dump_json() for name in names if name in wrong}
    await Journal(run, registry, wakeups).write("waiting", text, "environment", {ATTEMPT: attempt, **facts})
    await tell(f"{run}:{secrets_key(attempt)}", waiting, text, registry, wakeups)


def secrets_key(attempt: int) -> str:
    """Name Prefect's suspension, and the message, with which the run asks for secrets this time."""
    return f"secrets-{attempt}"


@task(
    task_run_name="resume what waited for secrets that are there",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def sweep_provided(registry: Registry, wakeups: Wakeups, vault: Vault, resume: Resume) -> Sequence[str]:
    """Do it for all projects: for values that were stored by a process that died then, or in Prefect's own UI."""
    return await resume_provided(None, "slipway", registry, wakeups, vault, resume)


async def resume_provided(
    project: str | None, by: str, registry: Registry, wakeups: Wakeups, vault: Vault, resume: Resume, tries: int = 1
) -> list[str]:
    """Let the runs go on whose missing secrets are all there now; return their ids."""
    resumed = []
    for run in await registry.runs(project, LOOK_BACK):
        if run.state is RunState.WAITING and run.waits_for and await _has_all(run, vault):
            question = await open_question(run, registry)
            if question is not None:
                done = await _answered(run, question, by, registry, wakeups, resume, tries)
            else:
                done = await _provided(run, registry, wakeups, resume, tries)
            if done:
                resumed.append(run.id)
    return resumed


async def _has_all(run: Run, vault: Vault) -> bool:
    for name in set(run.waits_for) - set(await vault.names(run.project)):
        await vault.adopt(run.project, name)
    return set(run.waits_for) <= set(await vault.names(run.project))


async def _provided(run: Run, registry: Registry, wakeups: Wakeups, resume: Resume, tries: int) -> bool:
    """Resume the run; one that Prefect has ended meanwhile is ended here as well."""
    asked = [line.data[ATTEMPT] for line in await registry.progress(run.id) if line.kind == "waiting" and ATTEMPT in line.data]
    for left in reversed(range(tries if asked else 0)):
        done = await resume(run.flow_run, secrets_key(int(asked[-1])), SecretsProvided().model_dump())
        if done is Resumption.OVER:
            await end_run.fn(run.id, RunState.FAILED, WAITED_TOO_LONG, "", registry, wakeups)
        current = await registry.run(run.id)
        if done is not Resumption.NOT_WAITING or current is None or current.state is not RunState.WAITING:
            return done is Resumption.RESUMED
        await asyncio.sleep(PAUSE if left else 0)
    return False


async def _answered(
    run: Run, question: Escalation, by: str, registry: Registry, wakeups: Wakeups, resume: Resume, tries: int
) -> bool:
    """Answer what the run asks by what is in the vault now; nothing happens where that is no answer to it."""
    if "provide_secret" not in question.diagnosis.choices:
        return False
    answer = checked_answer(question.diagnosis, "provide_secret", "", by, "cli")
    await settle(run, question.number, answer, registry, wakeups)
    settled = await newest_question(run, registry)
    if settled is None:
        raise UnknownObject("question of", run.id)
    return await go_on(run, settled, registry, wakeups, resume, tries)
