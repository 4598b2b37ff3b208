"""What a caller is told when something is wrong: problem+json (RFC 9457), one sentence, nothing of the inside."""

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from deployments.terminal import is_connection
from domain.errors import (
    BudgetSpent,
    ChatTokenRefused,
    LeaseLost,
    ModelKeyMissing,
    ModelKeyRefused,
    NeedsPerson,
    NoBrief,
    SlipwayError,
    TryAgain,
    UnknownObject,
)
from domain.refusals import LimitReached
from domain.values import Value

logger = logging.getLogger(__name__)

UNREACHABLE = "a service that is needed does not answer: ask again in a moment"
OURS = "a fault of Slipway's own; its log tells more under this request's id"
NO_MODEL = "no model can be asked: the operator has to see to its key"
MEDIA_TYPE = "application/problem+json"
TOLD_OF: tuple[tuple[tuple[type[SlipwayError], ...], int, str], ...] = (
    ((UnknownObject,), 404, "there is no such thing"),
    ((BudgetSpent,), 402, ""),
    ((ModelKeyMissing, ModelKeyRefused, ChatTokenRefused), 503, NO_MODEL),
    ((LimitReached,), 429, ""),
    ((NoBrief,), 422, "no Brief came of the request: say it in other words"),
    ((NeedsPerson, LeaseLost), 409, ""),
    ((TryAgain,), 503, UNREACHABLE),
)
"""Families, their status, and what is said; empty: the error's own sentence, which is made for people."""
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
TOLD = 20
"""Of what is wrong with one request, so much is told."""


class Refusal(HTTPException):
    """A request that is not done, for a reason that its caller can mend."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


class Wrong(Value):
    """One thing that is wrong with a request, and where."""

    where: str
    what: str


class Problem(Value):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request: str
    """Id of the request, as its log line has it."""
    errors: tuple[Wrong, ...] = ()


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "request")},
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": {"type": "string"}, "what": {"type": "string"}}},
        },
    },
}
"""The same, for the description."""


def problem(status: int, detail: str, request: str, headers: dict[str, str] | None = None, *errors: Wrong) -> Response:
    """Return the answer."""
    said = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, request=request, errors=errors)
    body = json.dumps({"type": said.type, **said.model_dump(exclude_defaults=True)})  # ASCII, for there may be surrogates
    return Response(body, status, headers, MEDIA_TYPE)


def told(error: Exception) -> tuple[int, str]:
    """Return status and sentence of an error by its family; what lies inside is not told."""
    for families, status, sentence in TOLD_OF:
        if isinstance(error, families):
            return status, sentence or str(error)
    return (503, UNREACHABLE) if is_connection(error) else (500, OURS)


def problem_of(error: Exception, request: str) -> Response:
    """Return the answer for an error; what may pass by itself says when to come again."""
    status, detail = told(error)
    return problem(status, detail, request, {"Retry-After": "5"} if status == 503 else None)


def answer_problems(app: FastAPI) -> None:
    """Let the application answer everything that goes wrong in it so."""

    async def refused(request: Request, error: Any) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(app, request.scope))
        return problem(error.status_code, str(error.detail), request.state.request, headers)

    async def unfit(request: Request, error: Any) -> Response:
        wrong = [Wrong(where=".".join(map(str, each["loc"]))[:200], what=each["msg"][:200]) for each in error.errors()]
        return problem(422, "the request is not as it has to be", request.state.request, None, *wrong[:TOLD])

    async def failed(request: Request, error: Any) -> Response:
        status, _ = told(error)
        log = logger.error if status == 500 else logger.warning
        log("%s: %s: %s", request.state.request, type(error).__name__, error)
        return problem_of(error, request.state.request)

    async def broken(request: Request, error: Exception) -> Response:
        return problem_of(error, request.state.request)  # the gate is told too, and logs it

    app.add_exception_handler(Exception, broken)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, unfit)
    app.add_exception_handler(SlipwayError, failed)


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return all methods of a path; Starlette names only those of the first route that has it (RFC 9110, 10.2.1)."""
    matches = {name: [each.matches({**scope, "method": name})[0] for each in app.routes] for name in METHODS}
    names = {name for name, found in matches.items() if Match.FULL in found}
    return sorted(names | ({"HEAD"} if "GET" in names and has_head(scope["path"]) else set()))


def has_head(path: str) -> bool:
    """Tell whether what is there has a head without its body, where it may be read: a stream is nothing but its body."""
    return not path.endswith("/events")
