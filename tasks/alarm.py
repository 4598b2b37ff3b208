"""Alarm: one message to the operator.

True afterwards: the outbox of channel `operator` holds it, at most once a minute for the same cause. Blocks: registry, wakeups.
"""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from domain.protocols import Wakeups
from domain.registry import Registry
from tasks.notify import tell_operator
from tasks.redaction import redacted
from tasks.retrying import only_try_again


@task(task_run_name="alarm: {what}", cache_policy=NO_CACHE, retries=5, retry_delay_seconds=2, retry_condition_fn=only_try_again)
async def raise_alarm(what: str, detail: str, registry: Registry, wakeups: Wakeups) -> str:
    """Return the message that was left for the operator."""
    now = datetime.now(UTC)
    text = redacted(f"{what}: {detail}" if detail else what)
    key = f"alarm:{what[:80]}:{now:%Y-%m-%dT%H:%M}"
    await tell_operator(key, text, registry, wakeups, now)
    get_run_logger().error("alarm: %s", text)
    return text
