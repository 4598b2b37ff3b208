"""Where the API has things, and what a person reads when there is no such project or run."""

import re
from typing import Any
from urllib.parse import quote

from deployments.place_values import no_project, no_run
from deployments.remote.answers import Missing
from deployments.remote.client import Server
from domain.names import SLUG_PATTERN


def safe(name: str) -> str:
    """Return a name that stays one part of a path."""
    return quote(name, safe="")


def at(project: str, *rest: object) -> str:
    """Return the path of a project, or of something that belongs to it."""
    return "/".join(("/v1/projects", *(safe(str(each)) for each in (project, *rest))))


async def of_project(server: Server, project: str, *rest: object, method: str = "GET", once: bool = False, **more: Any) -> Any:
    """Ask for what belongs to a project; raise BadInput when there is no such project, or it is another's."""
    if not is_project(project):
        raise no_project(project)
    try:
        path = at(project, *rest)
        return await (server.once(path, **more) if once else server.ask(method, path, **more))
    except Missing:
        raise no_project(project) from None


async def of_run(server: Server, run: str, *rest: str, method: str = "GET", once: bool = False, **more: Any) -> Any:
    """Ask for a run, or for what belongs to it; raise BadInput when there is no such run, or it is another's."""
    if not is_run(run):
        raise no_run(run)
    try:
        path = at_run(run, *rest)
        return await (server.once(path, **more) if once else server.ask(method, path, **more))
    except Missing:
        raise no_run(run) from None


def at_run(run: str, *rest: str) -> str:
    return "/".join(("/v1/runs", run, *rest))


def is_project(text: str) -> bool:
    """Tell whether a project can be called so."""
    return re.fullmatch(SLUG_PATTERN, text) is not None


def is_run(text: str) -> bool:
    """Tell whether a run can be called so."""
    return re.fullmatch(r"r-[a-z0-9]{6,32}", text) is not None
