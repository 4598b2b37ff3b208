"""Whether it is worth asking Prefect's queues for runs: a worker that asks twice a second mostly hears of none."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

ASK_SECONDS = 15.0
"""So often, at least, the queues are asked: the server calls one that nobody asks for a minute not ready."""


class DueRuns:
    """Counts what is due in one pool, which costs the server a third of asking the queues."""

    def __init__(self, pool: str, ahead: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
        self._ahead = timedelta(seconds=ahead)
        self._clock = clock
        self._asked = float("-inf")

    async def are_worth_asking(self, client: PrefectClient) -> bool:
        """Tell whether to ask the queues now: runs are due within `ahead` seconds, or nobody has asked for a while."""
        is_time = self._clock() - self._asked > ASK_SECONDS
        if not is_time and not await self._count(client):
            return False
        self._asked = self._clock()
        return True

    async def _count(self, client: PrefectClient) -> int:
        due = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC) + self._ahead),
        )
        return await client.count_flow_runs(flow_run_filter=due, work_pool_filter=self._pool)
