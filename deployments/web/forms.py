"""What a form of the page sends: fields by name, each once, and the proof that the form is ours."""

import hmac
from urllib.parse import parse_qsl

from fastapi import Request

from deployments.api.problems import Refusal
from deployments.web.sessions import is_from_our_page, token_of
from domain.visits import form_token

URL_ENCODED = "application/x-www-form-urlencoded"
TOKEN = "form"  # noqa: S105  (name of the field)
MOST = 20
"""Fields of a form."""


async def fields_of(request: Request) -> dict[str, str]:
    """Return the form's fields; raise Refusal for what no form of ours sends, or for one that another site sends."""
    if not is_from_our_page(request.scope):
        raise Refusal(403, "this form was not sent by this page: open it anew and try again")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != URL_ENCODED:
        raise Refusal(415, f"a form is sent as {URL_ENCODED}")
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=MOST)
    except ValueError:
        raise Refusal(422, "this is no form of this page") from None
    if len(dict(pairs)) != len(pairs):
        raise Refusal(422, "a field of the form came twice")
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that this very browser was given; raise Refusal for any other."""
    fields = await fields_of(request)
    if not hasattr(request.state, "visit"):
        raise Refusal(403, "forms are for browsers that have signed in")
    wanted = form_token(token_of(request.scope), request.app.state.house.pepper)
    if not hmac.compare_digest(fields.pop(TOKEN, "").encode(), wanted.encode()):
        raise Refusal(403, "this form is of another session: open the page anew and try again")
    return fields
