"""Webhooks of GitHub: each is believed by its signature, written down once, and answered at once; the rest comes later."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from deployments.api.access import TheHouse
from deployments.api.doors import WEBHOOK
from deployments.api.hook import Hook
from deployments.api.problems import Refusal
from domain.payloads import Unreadable, heard
from domain.webhooks import Webhook, digest_of, is_late, is_signed, looks_signed, names_delivery
from tasks.progress import hint

router = APIRouter(tags=["github"])

HEARD = "slipway:webhooks"
"""Channel that says: a delivery was written down."""


@router.post(
    WEBHOOK,
    status_code=202,
    response_class=Response,
    responses={204: {"description": "Nothing that is listened to"}, 415: {"description": "Not JSON"}},
)
async def hear(request: Request, house: TheHouse) -> Response:
    """Take what GitHub tells: 202 for what is done something about, also when it comes again; 204 for all else.

    It is signed by `X-Hub-Signature-256` over the body; there is no other way in.
    """
    shown = request.headers.getlist("x-hub-signature-256")
    if not looks_signed(shown):
        raise Refusal(401, "a webhook is signed: X-Hub-Signature-256, by the secret that `slipway github webhook` shows")
    event, id = request.headers.get("x-github-event", ""), request.headers.get("x-github-delivery", "")
    if not names_delivery(id, event):
        raise Refusal(400, "a delivery has an id and an event: X-GitHub-Delivery, X-GitHub-Event")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "set the webhook's content type to application/json")
    body = await _signed_body(request, shown, house.hook)
    try:
        told = heard(event, body, house.hook.label)
    except Unreadable as error:
        raise Refusal(400, str(error)) from None
    now = house.hook.clock()
    if told is None or is_late(told.happened or now, now):
        return Response(status_code=204)
    if await house.registry.hear(Webhook(id=id, digest=digest_of(body), event=told, at=now)):
        await hint(house.desk.wakeups, HEARD, id)
    return Response(status_code=202)


async def _signed_body(request: Request, shown: Sequence[str], hook: Hook) -> bytes:
    """Return the body; raise Refusal where the signature is another's, or the body does not come."""
    try:
        body = await hook.readers.read(request.stream())
    except TimeoutError:
        raise Refusal(408, "the body did not come in time", {"Connection": "close"}) from None
    if not hook.secret or not is_signed(shown, body, hook.secret):
        raise Refusal(401, "the signature is not that of this body: compare the secrets, `slipway github webhook` shows ours")
    return body
