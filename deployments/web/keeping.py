"""Forms by which one says what a project serves: its releases and previews, its secrets, its host names."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import TypeAdapter

from deployments.api import domains, previews, project_secrets, rollbacks
from deployments.api.access import TheProject
from deployments.api.problems import Refusal
from deployments.api.wishes import GoBack, NewDomain, NewSecret
from deployments.web import screens
from deployments.web.acting import Form, OfProject, run_page
from deployments.web.errors import PageRoute
from domain.hosts import HostName
from domain.names import EnvName

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ENV_NAME: TypeAdapter[str] = TypeAdapter(EnvName)
RELEASES: TypeAdapter[list[int]] = TypeAdapter(list[int])
HOST_NAME: TypeAdapter[str] = TypeAdapter(HostName)
REASON = "asked for on the page"


@router.post("/projects/{project}/rollback")
async def roll_back(request: Request, form: OfProject, project: TheProject) -> Response:
    """Begin to go back, which was confirmed by pressing."""
    to = form.number("version")

    async def act() -> str:
        wish = GoBack(version=to, data=form.text("data"), reason=REASON)
        await rollbacks.roll_back(form.house, form.theirs, project, form.once, wish)
        return form.done("rollback")

    async def show(**more: Any) -> Response:
        return await screens.rollback_screen(request, form.house, project, to, **more)

    return await form.answer(act, show)


@router.post("/projects/{project}/previews/confirm")
async def confirm_preview(form: OfProject, project: TheProject) -> Response:
    """Put exactly what the preview shows online, and show the run that does it."""

    async def act() -> str:
        number = _preview(form)
        return run_page(await previews.confirm_preview(form.house, form.theirs, project, number, form.once))

    return await form.answer(act, otherwise="page_not_that_preview")


@router.post("/projects/{project}/previews/drop")
async def drop_preview(form: OfProject, project: TheProject) -> Response:
    """Take a preview away."""

    async def act() -> str:
        await previews.drop_preview(form.house, form.theirs, project, _preview(form))
        return form.done("preview_gone", "previews")

    return await form.answer(act, otherwise="page_not_that_preview")


@router.post("/projects/{project}/secrets")
async def set_secret(form: OfProject, project: TheProject) -> Response:
    """Store a secret; its value is in no answer, also not when it is refused."""

    async def act() -> str:
        wish = NewSecret(value=form.text("value"), unchecked=form.ticked("unchecked"))
        await project_secrets.set_secret(form.house, form.theirs, project, _name(form), wish)
        return form.done("secret", "secrets")

    return await form.answer(act)


@router.post("/projects/{project}/secrets/delete")
async def delete_secret(form: OfProject, project: TheProject) -> Response:
    """Forget a secret, and give up the kept releases that the page has named as needing it."""

    async def act() -> str:
        given_up = RELEASES.validate_python([number for number in form.text("give_up").split(",") if number])
        await project_secrets.remove_secret(form.house, form.theirs, project, _name(form), given_up)
        return form.done("secret_gone", "secrets")

    return await form.answer(act, otherwise="page_not_deleted")


@router.post("/projects/{project}/domains")
async def add_domain(form: OfProject, project: TheProject) -> Response:
    """Let a host name lead to the project as well."""

    async def act() -> str:
        wish = NewDomain(host=form.text("host").strip())
        await domains.add_domain(form.house, form.theirs, project, form.once, wish)
        return form.done("domain", "domains")

    return await form.answer(act)


@router.post("/projects/{project}/domains/remove")
async def remove_domain(form: OfProject, project: TheProject) -> Response:
    """Let a host name lead to the project no more."""

    async def act() -> str:
        await domains.remove_domain(form.house, form.theirs, project, HOST_NAME.validate_python(form.text("host")))
        return form.done("domain_removed", "domains")

    return await form.answer(act)


def _name(form: Form) -> str:
    return ENV_NAME.validate_python(form.text("name").strip())


def _preview(form: Form) -> int:
    if (number := form.number("preview")) is None:
        raise Refusal(422, "no preview was named")
    return number
