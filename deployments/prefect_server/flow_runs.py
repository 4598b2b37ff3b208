"""Flow runs of Prefect deployments: begun once for each key, and cancelled."""

from typing import Literal
from uuid import UUID

from domain.registry import Registry
from domain.runs import DeliveryRequest, ReleaseRequest, Run


async def hand_over(
    deployment: str, parameters: dict[str, object], key: str | None, *, name: str, tags: tuple[str, ...]
) -> str:
    """Create a flow run of the deployment, named before it begins, and return its id; the same key returns the same run."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        found = await client.read_deployment_by_name(deployment)
        created = await client.create_flow_run_from_deployment(
            found.id, parameters=parameters, name=name, idempotency_key=key, tags=list(tags)
        )
    return str(created.id)


async def hand_over_run(
    flow: Literal["delivery", "release"], request: DeliveryRequest | ReleaseRequest, name: str, registry: Registry
) -> Run:
    """Hand a stored run to its deployment, and write down by which flow run it is carried."""
    flow_run = await hand_over(
        f"{flow}/main",
        {"request": request.model_dump(mode="json")},
        request.run,
        name=f"{name} ({request.run})",
        tags=(f"project:{request.project}", f"run:{request.run}"),
    )
    return await registry.update_run(request.run, flow_run=flow_run)


async def cancel_flow_run(flow_run: str) -> None:
    """Ask Prefect to cancel: a waiting run ends at once, a running one is stopped by its worker."""
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelled, Cancelling

    async with get_client() as client:
        found = await client.read_flow_run(UUID(flow_run))
        if found.state is not None and found.state.is_running():
            await client.set_flow_run_state(found.id, Cancelling(), force=False)
        elif found.state is None or not found.state.is_final():
            await client.set_flow_run_state(found.id, Cancelled(), force=True)
