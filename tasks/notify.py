"""Notify: one durable notification, one wake-up.

True afterwards: the run has its end, the outbox holds one message under the run's key, and its sender was hinted.
Blocks: registry, wakeups. The key makes repeating harmless.
"""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import Notification, Run, RunState
from tasks.progress import Journal, hint
from tasks.redaction import redacted
from tasks.retrying import only_try_again

OUTBOX = "slipway:outbox"
"""Channel that says: the outbox holds something new."""
OPERATOR = "operator"
"""The outbox's channel to whoever runs this installation: sent to the operator's chat, else shown at the terminal."""


@task(
    task_run_name="tell how {run} ended",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def end_run(
    run: str, state: RunState, message: str, address: str, registry: Registry, wakeups: Wakeups, cause: str = ""
) -> Run:
    """Write the run's end, and its one notification; the same end again changes nothing."""
    text = redacted(message)
    now = datetime.now(UTC)
    ended = await registry.update_run(run, state=state, message=text, address=address, ended=now, waits_for=())
    if not any(line.kind == "end" for line in await registry.progress(run)):
        await Journal(run, registry, wakeups).write("end", ended.message, data={"state": ended.state.value, "cause": cause})
    await tell(f"{run}:end", ended, text, registry, wakeups)
    return ended


async def tell_operator(key: str, text: str, registry: Registry, wakeups: Wakeups, at: datetime) -> bool:
    """Put one message to the operator into the outbox; False when this key was told already."""
    new = await registry.add_notification(Notification(key=key, channel=OPERATOR, chat="", text=redacted(text), created=at))
    await hint(wakeups, OUTBOX, key)
    return new


async def tell(key: str, run: Run, text: str, registry: Registry, wakeups: Wakeups) -> None:
    """Put one message to the run's person into the outbox; the same key again changes nothing."""
    origin = run.origin
    await registry.add_notification(
        Notification(
            key=key, channel=origin.channel, chat=origin.chat, text=redacted(text), run=run.id, created=datetime.now(UTC)
        )
    )
    await hint(wakeups, OUTBOX, key)
