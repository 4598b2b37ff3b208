"""Proposals: a wish becomes a Brief, which its person accepts or not."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse
from deployments.api.files import files_of
from deployments.api.offers import LASTS, Offer, marked, opened
from deployments.api.once import Done, OneCall
from deployments.api.problems import Refusal
from deployments.api.projects import started
from deployments.api.shapes import Offered, RunShown
from deployments.api.wishes import Accepted, Proposed
from deployments.desk.requests import run_id
from domain.briefs import as_markdown
from domain.runs import Origin

router = APIRouter(prefix="/v1/proposals", tags=["projects"])


@router.post("", status_code=201, response_model=Offered)
async def propose(request: Request, house: TheHouse, theirs: Owned, call: OneCall, wish: Proposed) -> Response:
    """Have a Brief written, which takes seconds to a minute; nothing is started. Without a key each call is paid for anew."""
    origin, changed = Origin(channel="api", person=theirs.caller.owner), None
    if wish.project is not None:
        changed = await theirs.project(wish.project)
    files = files_of(wish.files, house, origin.person)
    more = wish.model_dump(include={"project", "name", "kind"} | ({"preview", "scratch"} if changed else set()))

    async def work(key: str | None) -> Done:
        await house.allowances.check(origin.person, run_id(key))
        proposal = await house.desk.propose(wish.text, origin, key=key, attachments=files, **more)
        brief, made = proposal.brief, changed.created if changed else None
        offer = marked(Offer(proposal=proposal, ends=request.state.now + LASTS, made=made), house.pepper)
        return Done(status=201, shown=Offered(run=proposal.run, project=brief.slug, brief=as_markdown(brief), offer=offer))

    return await call.answer(work)


@router.post("/accept", status_code=201, response_model=RunShown)
async def accept(request: Request, house: TheHouse, theirs: Owned, call: OneCall, wish: Accepted) -> Response:
    """Have the Brief built: answers with its run. Accepted again, it is that run. An offer counts for a week."""
    offer = opened(wish.offer, theirs.caller.owner, house.pepper, request.state.now)
    slug, made = offer.proposal.brief.slug, offer.made

    async def work(_: str | None) -> Done:
        now = await house.registry.project(slug)
        is_theirs = now is not None and now.created == made and theirs.person in (None, now.owner)
        if offer.proposal.change and not is_theirs:
            raise Refusal(409, f"{slug} was removed since the Brief was written: nothing was begun")
        return await started(house, offer.proposal)

    return await call.answer(work)
