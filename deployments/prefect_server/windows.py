"""What the automations wait for: times, the states in which a flow run needs nobody, and whose runs are meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from deployments.prefect_server.catalog import WATCH_EVERY

Related = dict[str, list[str]]

ENDS = frozenset(
    f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed", "Cached", "RolledBack")
)
RESTS = frozenset(f"prefect.flow-run.{state}" for state in ("Suspended", "Paused", "AwaitingRetry", "Cancelling", "Scheduled"))
HEARTBEAT = "prefect.flow-run.heartbeat"


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long each automation waits; tests shorten them."""

    threshold: int = 3
    unhealthy: timedelta = timedelta(seconds=60)
    heartbeat: timedelta = timedelta(seconds=150)  # one comes each 30 s; one false alarm would run a delivery twice
    stuck: timedelta = timedelta(seconds=20)
    watch: timedelta = 3 * WATCH_EVERY
    hang: timedelta = timedelta(hours=4)
    """At work for so long: no budget and no deadline of an honest run comes near."""
    quiet: timedelta = timedelta(minutes=5)
    """At most one alarm of an automation that failed in this time: an alarm that fails would otherwise call itself."""


def related(deployments: Iterable[UUID]) -> Related:
    """Match events about runs of these deployments; subflows and other people's flows are left alone."""
    return {"prefect.resource.id": [f"prefect.deployment.{deployment}" for deployment in deployments]}
