"""Tags of the flow run that is at work, by which the Prefect UI finds everything of one project.

True afterwards: the run has these tags besides its own. For runs that an automation starts: its action can give none.
"""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run


async def tag_run(*tags: str) -> None:
    """Add the tags; nothing happens outside of a Prefect run."""
    if flow_run.id is None:
        return
    async with get_client() as client:
        await client.update_flow_run(UUID(flow_run.id), tags=sorted({*flow_run.tags, *tags}))
