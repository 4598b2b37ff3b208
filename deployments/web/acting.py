"""How a form is answered: by going on to what it did, or by its page with why it was not done and with what was typed."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from deployments.api.access import House, Owned, TheHouse, Theirs, TheProject, TheRun
from deployments.api.once import Once
from deployments.api.problems import Refusal
from deployments.web import screens
from deployments.web.errors import sentence
from deployments.web.forms import Sent, form_of
from deployments.web.rendering import language_of
from domain.attachments import Attachment, checked_count
from domain.errors import SlipwayError

Act = Callable[[], Awaitable[str]]
"""Does what the form says, by the API's own function, and returns where that is to be seen."""
Show = Callable[..., Awaitable[Response]]


class Form:
    """A form of one page that a browser sent."""

    def __init__(self, request: Request, house: House, theirs: Theirs, sent: Sent, page: str, show: Show) -> None:
        self.house = house
        self.theirs = theirs
        self._request = request
        self._sent = sent
        self._page = page
        self._show = show

    def text(self, name: str) -> str:
        """Return what stands in a field; nothing when it was not sent."""
        return self._sent.fields.get(name, "")

    def number(self, name: str) -> int | None:
        """Return the positive number in a field; None for nothing. Raise Refusal for what is none."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
            raise Refusal(422, "that is no number")
        return int(text) if text else None

    def ticked(self, name: str) -> bool:
        return name in self._sent.fields

    def done(self, what: str, at: str = "") -> str:
        """Return the address of the form's page, which says there that this was done."""
        return f"{self._page}?done={what}" + (f"#{at}" if at else "")

    @property
    def once(self) -> Once:
        """Return the call that this very form is, so that it sent twice is done once."""
        mark = self.text("once")
        if not 0 < len(mark) <= 60 or not mark.isascii() or not mark.isprintable():
            raise Refusal(422, "this form is not whole")
        said = urlencode([*self._sent.fields.items(), *((each.filename or "", each.size) for each in self._sent.files)])
        return Once(self.house, self._request, f"form:{mark}", said.encode())

    async def files(self) -> Sequence[Attachment]:
        """Judge and keep what was sent along, as the bot does; raise AttachmentRefused for what is not taken."""
        from tasks.attachments import take_in  # loads Prefect

        limits, owner, kept = self.house.files, self.theirs.caller.owner, []
        for each in self._sent.files:
            content = await each.read()
            kept.append(await take_in(owner, each.filename or "", content, limits, self.house.desk.attachments))
        return checked_count(kept, limits)

    async def answer(self, act: Act, show: Show | None = None, otherwise: str = "page_error_409") -> Response:
        """Go where the deed says; when it cannot be done, show the form again with why, and with what was typed.

        `otherwise`: the text for reasons that have no words in the person's language.
        """
        try:
            return RedirectResponse(await act(), 303)
        except (HTTPException, ValidationError, SlipwayError) as error:
            status, words = sentence(await language_of(self._request), error, otherwise)
            if status == 404 or status >= 500:
                raise
            typed = {name: value for name, value in self._sent.fields.items() if name != "value"}
            return await (show or self._show)(status=status, words=words, typed=typed)


async def form_of_home(request: Request, house: TheHouse, theirs: Owned) -> Form:
    async def show(**more: Any) -> Response:
        return await screens.home(request, house, theirs, **more)

    return Form(request, house, theirs, await form_of(request), "/", show)


async def form_of_project(request: Request, house: TheHouse, theirs: Owned, project: TheProject) -> Form:
    async def show(**more: Any) -> Response:
        return await screens.project_screen(request, house, theirs, project, **more)

    return Form(request, house, theirs, await form_of(request), f"/projects/{project.slug}", show)


async def form_of_run(request: Request, house: TheHouse, theirs: Owned, run: TheRun) -> Form:
    async def show(**more: Any) -> Response:
        return await screens.run_screen(request, house, theirs, run, **more)

    return Form(request, house, theirs, await form_of(request), f"/runs/{run.id}", show)


OfHome = Annotated[Form, Depends(form_of_home)]
OfProject = Annotated[Form, Depends(form_of_project)]
OfRun = Annotated[Form, Depends(form_of_run)]


def run_page(answer: Response) -> str:
    """Return where the run is seen with which the API has answered."""
    said: dict[str, Any] = json.loads(bytes(answer.body))
    return f"/runs/{said['run']}"
