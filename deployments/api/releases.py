"""Releases: what was online, and what is."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from deployments.api.access import TheHouse, TheProject
from deployments.api.pages import USUAL, Cursor, Limit, Page, cut
from deployments.api.shapes import ReleaseShown
from deployments.api.tags import found, tagged
from domain.releases import Release

router = APIRouter(prefix="/v1/projects/{project}/releases", tags=["releases"])

Number = Annotated[int, Path(ge=1, le=1_000_000_000, description="Number of the release.")]


@router.get("")
async def list_releases(
    house: TheHouse, project: TheProject, limit: Limit = USUAL, cursor: Cursor = None
) -> Page[ReleaseShown]:
    """List the project's releases, oldest first."""
    page = cut(sorted(await house.registry.releases(project.slug), key=lambda each: each.number), cursor, limit)
    return Page(items=tuple(map(shown, page.items)), next=page.next)


@router.get("/{number}", response_model=ReleaseShown)
async def show_release(request: Request, house: TheHouse, project: TheProject, number: Number) -> Response:
    """Show one release."""
    releases = await house.registry.releases(project.slug)
    return tagged(request, shown(found(next((each for each in releases if each.number == number), None))))


def shown(release: Release) -> ReleaseShown:
    return ReleaseShown.model_validate(release.model_dump(mode="json"))
