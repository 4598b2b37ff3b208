"""Who may come to Prefect's UI and API: Caddy asks here before each request (its directive `forward_auth`)."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request

from deployments.api.access import Owned
from deployments.api.doors import PREFECT
from deployments.api.problems import Refusal
from deployments.api.shapes import Said
from domain.keys import ApiKey, Scope

router = APIRouter(tags=["doors"])


@router.get(PREFECT)
async def come_to_prefect(request: Request, theirs: Owned) -> Said:
    """Let an operator's key with `write` through: who asks Prefect may change everything, and read all secrets."""
    for_operators(theirs.caller)
    if is_from_elsewhere(request.headers.get("origin"), request.headers.get("x-forwarded-host", "")):
        raise Refusal(403, "this was asked by another site's page")
    return Said(message="come in")


def for_operators(caller: ApiKey) -> None:
    """Raise Refusal for a key that may not change everything."""
    if not (caller.is_operator and caller.may(Scope.WRITE)):
        raise Refusal(403, "this needs a key with the scopes `operator` and `write`")


def is_from_elsewhere(origin: str | None, host: str) -> bool:
    """Tell whether a page of another origin asks: a browser shows the password that it knows for that too."""
    return origin is not None and urlsplit(origin).netloc != host
