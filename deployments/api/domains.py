"""Domains: host names that lead to a project."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.once import Done, OneCall
from deployments.api.shapes_belongings import HostGone, LedShown
from deployments.api.wishes import NewDomain
from deployments.hosting import lead_here
from domain.hosts import HostName
from domain.runs import Origin
from tasks.hosts import project_hosts

router = APIRouter(prefix="/v1/projects/{project}/domains", tags=["domains"])

HostInPath = Annotated[HostName, Path(description="Host name.", examples=["shop.example.org"])]


@router.get("")
async def list_domains(house: TheHouse, project: TheProject) -> list[str]:
    """List the host names that lead to the project, its own first."""
    return list(await project_hosts(project.slug, house.registry))


@router.post("", status_code=201, response_model=LedShown)
async def add_domain(house: TheHouse, theirs: Owned, project: TheProject, call: OneCall, wish: NewDomain) -> Response:
    """Let a host name lead to the project as well, or make its main one of it; its DNS record is yours to make."""
    origin = Origin(channel="api", person=theirs.caller.owner)

    async def work(_: str | None) -> Done:
        led = await lead_here(house.desk, project.slug, wish.host, origin, main=wish.main)
        return Done(status=201, shown=LedShown(**led.model_dump()))

    return await call.answer(work)


@router.delete("/{host}")
async def remove_domain(house: TheHouse, theirs: Owned, project: TheProject, host: HostInPath) -> HostGone:
    """Let a host name lead to the project no more; its main one stays."""
    gone = await house.desk.look.remove_host(project.slug, host, theirs.caller.owner)
    return HostGone(message=f"{gone} does not lead to {project.slug} any more", host=gone)
