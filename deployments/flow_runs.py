"""Flow runs of Prefect deployments: begun once for each key, and cancelled."""

from uuid import UUID


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
