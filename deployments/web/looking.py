"""What can be looked at: projects, one project and what lies behind it, the question before a rollback, and runs, live."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject, TheRun
from deployments.api.pages import Cursor
from deployments.api.runs import OneRun
from deployments.web import records, screens
from deployments.web.errors import PageRoute
from deployments.web.rendering import language_of

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


@router.get("/projects/{project}/talk")
async def show_talk(request: Request, house: TheHouse, theirs: Owned, project: TheProject, cursor: Cursor = None) -> Response:
    """Show what was agreed, asked and answered."""
    return await records.talk_screen(request, house, theirs, project, await language_of(request), cursor)


@router.get("/projects/{project}/history")
async def show_history(request: Request, house: TheHouse, project: TheProject, cursor: Cursor = None) -> Response:
    """Show who changed what."""
    return await records.history_screen(request, house, project, await language_of(request), cursor)


@router.get("/projects/{project}/proof")
async def show_proof(request: Request, house: TheHouse, project: TheProject, run: OneRun = None) -> Response:
    """Show what was proved, and whether that is genuine."""
    return await records.proof_screen(request, house, project, run)


@router.get("/projects/{project}/output")
async def show_output(request: Request, house: TheHouse, project: TheProject) -> Response:
    """Show what the app printed last."""
    return await records.output_screen(request, house, project)


@router.get("/runs/{run}")
async def show_run(request: Request, house: TheHouse, theirs: Owned, run: TheRun) -> Response:
    """Show one run."""
    return await screens.run_screen(request, house, theirs, run)


@router.get("/runs/{run}/live")
async def show_live(request: Request, house: TheHouse, run: TheRun) -> Response:
    """Show the part of a run that changes."""
    return await screens.live_screen(request, house, run)
