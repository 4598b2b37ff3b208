"""What people read on the page when something is wrong: one sentence in their language, and a way on."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from deployments.api.access import house_of
from deployments.api.doors import LOGIN, SIGNING_IN
from deployments.api.problems import told
from deployments.web.rendering import language_of, screen
from deployments.web.sessions import is_private, take
from deployments.wording.explaining import explain, is_foreseen
from deployments.wording.texts import ENGLISH, say
from domain.errors import SlipwayError, UnknownObject

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
WITH_WORDS = (403, 404, 405, 409, 413, 415, 422, 429, 503)
"""Statuses that have a sentence of their own: `page_error_<status>`; any other is a fault of ours."""


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Handler:
        """Return the route's handler, with everything that goes wrong in it answered."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Exception as error:  # whatever it is, a person reads a page
                return await error_page(request, error)
            finally:
                await request.close()  # files of a form, also of one that was refused before anybody looked at them

        return answered


async def error_page(request: Request, error: Exception) -> Response:
    """Return the page for an error; who was signing in reads it above the ways to sign in."""
    language = await language_of(request)
    status, words = sentence(language, error)
    if status >= 500:
        log, trace = (logger.error, error) if status == 500 else (logger.warning, None)
        log("%s: %s: %s", request.state.request, type(error).__name__, error, exc_info=trace)
    if request.url.path in SIGNING_IN:
        return await login_screen(request, status, words)
    answer = await screen(request, "error", status, words=words, request_id=request.state.request)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def login_screen(request: Request, status: int, words: str, *, code: str = "", person: str = "") -> Response:
    """Return the page on which one signs in, with Telegram's own way where a bot is there to name people."""
    bot = house_of(request).bot_token.partition(":")[0] if is_private(request.scope) else ""
    return await screen(request, "login", status, words=words, code=code, person=person, bot=bot)


def sentence(language: str, error: Exception, otherwise: str = "page_error_409") -> tuple[int, str]:
    """Return status and sentence for an error; what lies inside is not told.

    `otherwise`: the text for what has only English words and is to be said in another language.
    """
    if isinstance(error, HTTPException):
        if error.detail in ENGLISH:
            return error.status_code, say(language, error.detail)
        return error.status_code, _usual(language, error.status_code)
    if isinstance(error, RequestValidationError | ValidationError):
        return 422, _usual(language, 422)
    if isinstance(error, SlipwayError) and not isinstance(error, UnknownObject):
        status, _ = told(error)
        if status >= 500:
            return status, _usual(language, status)
        return status, explain(language, error) if language == "en" or is_foreseen(error) else say(language, otherwise)
    return told(error)[0], _usual(language, told(error)[0])


def _usual(language: str, status: int) -> str:
    return say(language, f"page_error_{status}" if status in WITH_WORDS else "page_error_500")


def wants_page(scope: Scope) -> bool:
    """Tell whether a person's browser asks for something to look at, or sends a form."""
    accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] in ("GET", "POST") and b"text/html" in accepts and not scope["path"].startswith("/v1")


async def turned_away(scope: Scope, app: FastAPI, error: HTTPException) -> Response:
    """Return what a browser is shown that the gate does not let in: who is not signed in may do that."""
    if error.status_code == 401:
        return take(RedirectResponse(LOGIN, 303), scope)
    return await error_page(Request({**scope, "app": app}), error)


def answer_people(app: FastAPI) -> None:
    """Let browsers that ask for what is not there read a page; everybody else reads what they did before."""
    before: Any = app.exception_handlers[HTTPException]

    async def refused(request: Request, error: Exception) -> Response:
        return await error_page(request, error) if wants_page(request.scope) else await before(request, error)

    app.add_exception_handler(HTTPException, refused)
