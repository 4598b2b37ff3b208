"""A host name comes to a project: what every door does then, and says of it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployments.checks.names import host_warning
from deployments.place_values import Led
from domain.host_claims import Domain
from domain.releases import live
from domain.runs import Origin

if TYPE_CHECKING:
    from deployments.desk.requests import Desk


async def lead_here(desk: "Desk", project: str, host: str, origin: Origin, *, main: bool = False) -> Led:
    """Let the host lead to the project as well, as its main one by a new release; raise HostRefused when it may not."""
    from deployments.desk.releasing import release_at
    from tasks.domains import make_main

    added = await desk.look.add_host(project, host, origin.person)
    online = live(await desk.registry.releases(project)) is not None
    said = f"{desk.blocks.installation.address_of(added)} leads to {project}" + ("" if online else " once that is online")
    if main:
        now = datetime.now(UTC)
        await make_main(Domain(host=added, project=project, added=now, by=origin.person), desk.registry)
    if main and online:
        run = await release_at(added, project, origin, desk.registry)
        said += f"\nthe app itself hears of it by run {run.id}"
    return Led(message=said, warning=await host_warning(added))
