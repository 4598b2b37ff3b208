"""ETags of single objects: who has seen it already is not sent it again."""

import hashlib
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from deployments.api.problems import Refusal


def tagged(request: Request, shown: BaseModel) -> Response:
    """Return it with its tag; 304 and nothing when the caller has named that (RFC 9110, 13.1.2)."""
    body = shown.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    sent = {"ETag": tag, "Cache-Control": "private, no-cache"}
    named = request.headers.get("if-none-match", "").strip()
    if named == "*" or tag in [each.strip().removeprefix("W/") for each in named.split(",")]:
        return Response(status_code=304, headers=sent)
    return Response(body, 200, sent, "application/json")


def answered(shown: BaseModel) -> Response:
    """Return it as it is: what a route returns in another way is checked a second time, which costs as much as making it."""
    return Response(shown.model_dump_json().encode(), media_type="application/json")


def found(thing: Any | None) -> Any:
    """Return the thing; raise the refusal of one that is not there, which is also that of somebody else's."""
    if thing is None:
        raise Refusal(404, "there is no such thing")
    return thing
