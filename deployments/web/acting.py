"""What can be done on the page: each form does by the API's own function what the API does."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from deployments.api import domains, escalations, project_secrets, projects, rollbacks, runs
from deployments.api.access import House, Owned, TheHouse, TheProject, TheRun
from deployments.api.doors import LANGUAGE
from deployments.api.once import Once
from deployments.api.problems import Refusal
from deployments.api.wishes import Change, GoBack, NewDomain, NewProject, NewSecret, Reply
from deployments.bot_settings import LANGUAGES
from deployments.web import screens
from deployments.web.errors import PageRoute, sentence
from deployments.web.forms import form_of
from deployments.web.rendering import language_of
from domain.errors import SlipwayError
from domain.hosts import HostName
from domain.names import EnvName

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Fields = dict[str, str]
Act = Callable[[], Awaitable[str]]
Show = Callable[..., Awaitable[Response]]
ENV_NAME: TypeAdapter[str] = TypeAdapter(EnvName)
HOST_NAME: TypeAdapter[str] = TypeAdapter(HostName)
REASON = "asked for on the page"


@router.post("/projects")
async def begin_project(request: Request, house: TheHouse, theirs: Owned) -> Response:
    """Have something new built, and show its run."""
    fields = await form_of(request)

    async def act() -> str:
        wish = NewProject(text=fields.get("text", ""), name=fields.get("name") or None)
        return _run_page(await projects.begin_project(house, theirs, _once(house, request, fields), wish))

    return await _tried(request, act, lambda **more: screens.home(request, house, theirs, **more), fields)


@router.post("/projects/{project}/changes")
async def change_project(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Have a project changed, and show the run."""
    fields = await form_of(request)

    async def act() -> str:
        wish = Change(text=fields.get("text", ""), preview=True if "preview" in fields else None)
        return _run_page(await projects.change_project(house, theirs, project, _once(house, request, fields), wish))

    return await _tried(request, act, lambda **more: screens.project_screen(request, house, theirs, project, **more), fields)


@router.post("/projects/{project}/rollback")
async def roll_back(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Begin to go back, which was confirmed by pressing."""
    fields = await form_of(request)
    to = _number(fields.get("version", ""))

    async def act() -> str:
        wish = GoBack(version=to, data=fields.get("data", ""), reason=REASON)
        await rollbacks.roll_back(house, theirs, project, _once(house, request, fields), wish)
        return f"/projects/{project.slug}?done=rollback"

    return await _tried(request, act, lambda **more: screens.rollback_screen(request, house, project, to, **more), fields)


@router.post("/projects/{project}/secrets")
async def set_secret(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Store a secret; its value is in no answer, also not when it is refused."""
    fields = await form_of(request)
    value, name = fields.pop("value", ""), fields.get("name", "").strip()

    async def act() -> str:
        wish = NewSecret(value=value, unchecked="unchecked" in fields)
        await project_secrets.set_secret(house, theirs, project, ENV_NAME.validate_python(name), wish)
        return f"/projects/{project.slug}?done=secret#secrets"

    return await _tried(request, act, lambda **more: screens.project_screen(request, house, theirs, project, **more), fields)


@router.post("/projects/{project}/domains")
async def add_domain(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Let a host name lead to the project as well."""
    fields = await form_of(request)

    async def act() -> str:
        wish = NewDomain(host=fields.get("host", "").strip())
        await domains.add_domain(house, theirs, project, _once(house, request, fields), wish)
        return f"/projects/{project.slug}?done=domain#domains"

    return await _tried(request, act, lambda **more: screens.project_screen(request, house, theirs, project, **more), fields)


@router.post("/projects/{project}/domains/remove")
async def remove_domain(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Response:
    """Let a host name lead to the project no more."""
    fields = await form_of(request)

    async def act() -> str:
        await domains.remove_domain(house, theirs, project, HOST_NAME.validate_python(fields.get("host", "")))
        return f"/projects/{project.slug}?done=domain_removed#domains"

    return await _tried(request, act, lambda **more: screens.project_screen(request, house, theirs, project, **more), {})


@router.post("/runs/{run}/answer")
async def answer_question(request: Request, house: TheHouse, theirs: Owned, run: TheRun) -> Response:
    """Answer what the run asks; the first answer counts."""
    fields = await form_of(request)

    async def act() -> str:
        number = _number(fields.get("number", ""))
        wish = Reply(choice=fields.get("choice", ""), text=fields.get("text", ""), number=number)
        await escalations.answer_question(house, theirs, run, _once(house, request, fields), wish)
        return f"/runs/{run.id}?done=answer"

    return await _tried(request, act, lambda **more: screens.run_screen(request, house, theirs, run, **more), fields)


@router.post("/runs/{run}/cancel")
async def cancel_run(request: Request, house: TheHouse, theirs: Owned, run: TheRun) -> Response:
    """Stop a run."""
    await form_of(request)
    await runs.cancel_run(house, theirs, run)
    return RedirectResponse(f"/runs/{run.id}?done=cancel", 303)


@router.post(LANGUAGE)
async def choose_language(request: Request, house: TheHouse, theirs: Owned) -> Response:
    """Speak this language to this person from now on, here and in the bot."""
    chosen = (await form_of(request)).get("language", "")
    if chosen not in LANGUAGES:
        raise Refusal(422, "that is no language of this page")
    person = await house.registry.person(theirs.caller.owner)
    await house.registry.keep_person(person.model_copy(update={"language": chosen}))
    return RedirectResponse("/?done=language", 303)


async def _tried(request: Request, act: Act, show: Show, typed: Fields) -> Response:
    """Go where the deed says; when it cannot be done, show the form again with why, and with what was typed."""
    try:
        return RedirectResponse(await act(), 303)
    except (HTTPException, ValidationError, SlipwayError) as error:
        status, words = sentence(await language_of(request), error)
        if status == 404 or status >= 500:
            raise
        return await show(status=status, words=words, typed=typed)


def _once(house: House, request: Request, fields: Fields) -> Once:
    """Return the call that this very form is, so that it sent twice is done once."""
    once = fields.get("once", "")
    if not 0 < len(once) <= 60 or not once.isascii() or not once.isprintable():
        raise Refusal(422, "this form is not whole")
    return Once(house, request, f"form:{once}")


def _run_page(answer: Response) -> str:
    said: dict[str, Any] = json.loads(bytes(answer.body))
    return f"/runs/{said['run']}"


def _number(text: str) -> int | None:
    """Return a positive number that a form names; None for nothing. Raise Refusal for what is none."""
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise Refusal(422, "that is no number")
    return int(text) if text else None
