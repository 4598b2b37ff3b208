"""What a person says to a run at work: found, checked, redacted, written down; its agent reads it at its next step."""

from datetime import UTC, datetime

from deployments.place_values import no_listener
from domain.errors import BadInput
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.remarks import Remark, checked_remark
from domain.runs import Run, RunState

AFTER_AGENTS = ("environment", "deploy", "watch")
"""Steps in which no agent is left to hear anything."""

JUDGED = ("test", "prove")
"""Steps after which there is another round, or none."""

SHOWN = 300


async def tell_run(whom: str, text: str, person: str, registry: Registry, wakeups: Wakeups, vault: Vault) -> Remark:
    """Write the remark down for the run, or for the one open run of a project, and show it in the run's progress.

    Raises BadInput when there is no such run, or none that an agent still works on.
    """
    from tasks.progress import Journal
    from tasks.redaction import project_redactor

    words = checked_remark(text)
    run = await listener(whom, registry)
    clean = (await project_redactor(run.project, vault)).redact(words)
    remark = await registry.add_remark(run.id, person, clean, datetime.now(UTC))
    await Journal(run.id, registry, wakeups).write("note", f"{person} says: {clean[:SHOWN]}", run.step)
    return remark


async def heard_when(remark: Remark, registry: Registry) -> str:
    """Say when an agent will read the remark, in a sentence."""
    run = await registry.run(remark.run)
    if run is not None and run.state is RunState.WAITING:
        return f"{remark.run} waits for an answer (`slipway answer {remark.run}`): its agent hears this when it goes on"
    if run is not None and run.step in JUDGED:
        return f"{remark.run} is being tested: its agent hears it when there is another round"
    return f"{remark.run} hears it at its agent's next step"


async def listener(whom: str, registry: Registry) -> Run:
    """Return the run that is meant."""
    run = await registry.run(whom) or await _only_open_run(whom, registry)
    if run.state.ended:
        raise BadInput(f'{run.id} has ended ({run.state.value}): `slipway change {run.project} "…"` begins another')
    if run.step in AFTER_AGENTS:
        raise BadInput(f"the agents of {run.id} have done their work, it is at {run.step}: wait for its end, then change it")
    return run


async def _only_open_run(project: str, registry: Registry) -> Run:
    if await registry.project(project) is None:
        raise no_listener(project)
    unfinished = [run for run in await registry.runs(project) if not run.state.ended]
    if not unfinished:
        raise BadInput(f'nothing is being done on {project}: `slipway change {project} "…"` begins something')
    if len(unfinished) > 1:
        raise BadInput(f"{project} has several runs at work: name one of {', '.join(run.id for run in unfinished)}")
    return unfinished[0]
