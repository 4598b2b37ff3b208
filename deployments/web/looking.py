"""What can be looked at: projects, one project, the question before a rollback, and runs, live."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject, TheRun
from deployments.api.pages import Cursor
from deployments.web import screens
from deployments.web.errors import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)

To = Annotated[int | None, Query(ge=1, le=1_000_000_000)]


@router.get("/")
async def home(request: Request, house: TheHouse, theirs: Owned, cursor: Cursor = None) -> Response:
    """Show the projects."""
    return await screens.home(request, house, theirs, cursor)


@router.get("/projects/{project}")
async def show_project(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Show one project."""
    return await screens.project_screen(request, house, theirs, project)


@router.get("/projects/{project}/rollback")
async def ask_rollback(request: Request, house: TheHouse, project: TheProject, to: To = None) -> Response:
    """Ask before going back; nothing is changed by looking."""
    return await screens.rollback_screen(request, house, project, to)


@router.get("/runs/{run}")
async def show_run(request: Request, house: TheHouse, theirs: Owned, run: TheRun) -> Response:
    """Show one run."""
    return await screens.run_screen(request, house, theirs, run)


@router.get("/runs/{run}/live")
async def show_live(request: Request, house: TheHouse, run: TheRun) -> Response:
    """Show the part of a run that changes."""
    return await screens.live_screen(request, house, run)
