"""What a form of the page sends: fields by name, each once, files, and the proof that the form is ours."""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from deployments.api.problems import Refusal
from deployments.web.sessions import is_from_our_page, token_of
from domain.visits import form_token

URL_ENCODED, WITH_FILES = "application/x-www-form-urlencoded", "multipart/form-data"
TOKEN = "form"  # noqa: S105  (name of the field)
MOST = 20
"""Fields of a form."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came by a form."""

    fields: dict[str, str]
    files: tuple[UploadFile, ...] = ()
    """In the order in which they were chosen; large ones lie in a file of this process."""


async def fields_of(request: Request) -> dict[str, str]:
    """Return the form's fields; raise Refusal for what no form of ours sends, or for one that another site sends."""
    return (await _sent(request, (URL_ENCODED,))).fields


async def form_of(request: Request) -> Sent:
    """Return a form that this very browser was given; raise Refusal for any other."""
    if not hasattr(request.state, "visit"):
        raise Refusal(403, "forms are for browsers that have signed in")
    sent = await _sent(request, (URL_ENCODED, WITH_FILES))
    wanted = form_token(token_of(request.scope), request.app.state.house.pepper)
    if not hmac.compare_digest(sent.fields.pop(TOKEN, "").encode(), wanted.encode()):
        raise Refusal(403, "this form is of another session: open the page anew and try again")
    return sent


async def _sent(request: Request, kinds: tuple[str, ...]) -> Sent:
    if not is_from_our_page(request.scope):
        raise Refusal(403, "this form was not sent by this page: open it anew and try again")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Refusal(415, f"a form is sent as {' or '.join(kinds)}")
    pairs = await (_parts(request) if kind == WITH_FILES else _pairs(request))
    fields = {name: value.replace("\r\n", "\n") for name, value in pairs if isinstance(value, str)}
    files = tuple(value for _, value in pairs if isinstance(value, UploadFile))
    if len(fields) + len(files) != len(pairs):
        raise Refusal(422, "a field of the form came twice")
    return Sent(fields=fields, files=tuple(each for each in files if each.filename))  # one without a name: none was chosen


async def _pairs(request: Request) -> list[tuple[str, str | UploadFile]]:
    try:
        body = (await request.body()).decode()
        return [*parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=MOST)]
    except ValueError:
        raise Refusal(422, "this is no form of this page") from None


async def _parts(request: Request) -> list[tuple[str, str | UploadFile]]:
    try:
        count = request.app.state.house.files.count + 1  # one more is told by its name
        return (await request.form(max_files=count, max_fields=MOST)).multi_items()
    except Refusal:
        raise
    except HTTPException:
        raise Refusal(422, "this is no form of this page, or it has too many files") from None
