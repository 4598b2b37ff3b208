"""Suspended flow runs go on: the one place that speaks with Prefect about it."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry


class Resumption(StrEnum):
    """What became of it."""

    RESUMED = "resumed"
    NOT_WAITING = "not waiting"
    """It works: it was resumed already, or has not come to its suspension yet."""
    OVER = "over"
    """Prefect has ended the flow run, or knows it no more: nothing can resume it."""


async def resume(flow_run: str, key: str, run_input: dict[str, Any]) -> Resumption:
    """Let the flow run go on that is suspended under `key`; repeating it changes nothing."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(UUID(flow_run))
        except ObjectNotFound:
            return Resumption.OVER
        if found.state is None or found.state.is_final():
            return Resumption.OVER
        if not found.state.is_paused() or found.state.state_details.pause_key != key:
            return Resumption.NOT_WAITING
        result = await client.resume_flow_run(found.id, run_input=run_input)
        if result.status is SetStateStatus.ACCEPT:
            return Resumption.RESUMED
        return await _resume_by_hand(found, run_input, client)


async def _resume_by_hand(found: FlowRun, run_input: dict[str, Any], client: PrefectClient) -> Resumption:
    """Resume a run whose process died between its suspension and the storing of its form, which Prefect refuses for ever."""
    current = await client.read_flow_run(found.id)
    keys = current.state.state_details.run_input_keyset if current.state and current.state.is_paused() else None
    if not keys:
        return Resumption.NOT_WAITING
    await client.create_flow_run_input(current.id, keys["response"], orjson.dumps(run_input).decode())
    await client.set_flow_run_state(current.id, AwaitingRetry(message="answered"), force=True)
    return Resumption.RESUMED
