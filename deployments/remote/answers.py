"""What a server's answer means, or that none came: a document, or one of our errors in one sentence."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx

from domain.errors import BadInput, Broken, NeedsPerson, ServiceUnreachable, SlipwayError, TryAgain

UNTIL_LATER = (429, 502, 503, 504)
NOT_ALLOWED = (402, 403)
NO_ROUTE = ("Not Found", "Method Not Allowed")
"""What the API says of routes that it has not: by that an older one is known."""


class Refused(NeedsPerson):
    """The server lets this key not do it, or its owner has to act first: (what it says,)."""


class Later(TryAgain):
    """The server cannot do it for now: (what it says,)."""


class Missing(BadInput):
    """There is no such thing, or it is somebody else's: (what it says,)."""


class KeyRefused(NeedsPerson):
    """The key opens nothing there: (server,)."""

    def __str__(self) -> str:
        at = self.args[0]
        return f"your key opens nothing at {at}: it has expired or was revoked; `slipway --server {at} login` keeps another"


class NotTrusted(NeedsPerson):
    """What answers cannot show that it is the server: (server, why)."""

    def __str__(self) -> str:
        server, why = self.args
        return f"{server} cannot show that it is that ({why}): if the address is right, name its authority in SSL_CERT_FILE"


class OtherVersion(NeedsPerson):
    """The server is a Slipway that this command line does not understand, or that does not understand it: (server,)."""

    def __str__(self) -> str:
        return f"{self.args[0]} is another version of Slipway, which does not know this: use the same version on both sides"


def read(answer: httpx.Response, server: str) -> Any:
    """Return what was answered; raise what it means when that is no success."""
    if answer.is_success:
        return _document(answer)
    if answer.is_redirect:
        where = answer.headers.get("location", "")[:80]
        raise BadInput(f"{server} sends you on to {where}, where your key does not go: name the address of the Slipway itself")
    told = _problem(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise KeyRefused(server)
    if told["detail"] in NO_ROUTE:
        raise OtherVersion(server)
    raise _refusal(answer, told, server)


def _refusal(answer: httpx.Response, told: dict[str, Any], server: str) -> SlipwayError:
    wrong = "; ".join(f"{each['where']}: {each['what']}" for each in told.get("errors", ()))
    said, status = f"{told['detail']}: {wrong}" if wrong else told["detail"], answer.status_code
    if status == httpx.codes.NOT_FOUND:
        return Missing(said)
    if status in UNTIL_LATER:
        return Later(said)
    if status in NOT_ALLOWED:
        return Refused(said)
    return BadInput(said) if answer.is_client_error else Broken(f"{server}: {said} ({told['request']})")


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        raise BadInput(_strange(answer)) from None


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the problem (RFC 9457) that a Slipway tells; raise what anything else is."""
    try:
        told: dict[str, Any] = answer.json()
        return {**told, "detail": str(told["detail"]), "request": str(told["request"])}
    except (ValueError, KeyError, TypeError):
        strange = _strange(answer)
        raise (Later(strange) if answer.status_code in UNTIL_LATER else BadInput(strange)) from None


def _strange(answer: httpx.Response) -> str:
    return f"{answer.url.host} answered {answer.status_code}, and that is not how a Slipway answers: is the address right?"


def unreachable(server: str, path: str, error: Exception) -> SlipwayError:
    """Return what is wrong when no answer came."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotTrusted(server, cause.verify_message)
        if isinstance(cause, ssl.SSLError):
            return NotTrusted(server, f"it speaks no TLS there: {cause.reason}")
        if isinstance(cause, socket.gaierror):
            return ServiceUnreachable(
                server, f"being asked for {path}", "no machine is known by that name: is the address right?"
            )
    return ServiceUnreachable(server, f"being asked for {path}", str(error) or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
