"""Bring an accepted candidate online; secrets that are missing are waited for, without a process."""

from collections.abc import Iterator

from prefect.flow_runs import asuspend_flow_run

from domain.outcomes import Escalated, Overtaken, Previewed, Rejected, Released, SecretsMissing
from flows.devops import Deployment, devops
from flows.opening import Blocks
from tasks.missing_secrets import SecretsProvided, secrets_key, wait_for_secrets
from tasks.progress import Journal

WEEK = 7 * 24 * 3600
"""Seconds for which a run waits for a person."""


async def go_online(
    deployment: Deployment, attempts: Iterator[int], blocks: Blocks
) -> Released | Previewed | Rejected | Overtaken | Escalated:
    """Deploy, or put its preview up; secrets that are missing suspend the flow run and are asked for by name."""
    run, project = deployment.run, deployment.project
    for attempt in attempts:
        released = await devops(deployment.model_copy(update={"attempt": attempt}))
        if not isinstance(released, SecretsMissing):
            return released
        await wait_for_secrets(run, project, released.names, attempt, blocks.registry, blocks.wakeups, released.complaints)
        await asuspend_flow_run(wait_for_input=SecretsProvided, timeout=WEEK, key=secrets_key(attempt))
        await Journal(run, blocks.registry, blocks.wakeups).step("environment", "the missing secrets are there")
    raise AssertionError("attempts never end")
