"""Signing in and out: by a link, by a key that is typed in, or by Telegram's word; each begins a session of this browser."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from deployments.api.access import House, TheHouse
from deployments.api.doors import LOGIN, LOGIN_BY_KEY, LOGIN_BY_LINK, LOGIN_BY_TELEGRAM, LOGOUT, LOGOUT_EVERYWHERE
from deployments.api.knocking import address_of
from deployments.api.problems import Refusal
from deployments.web.errors import PageRoute, login_screen
from deployments.web.forms import fields_of, form_of
from deployments.web.sessions import give, is_private, take, token_of
from domain.admission import Entry
from domain.telegram_identity import NotBelieved, TelegramPerson, Word, telegram_person
from domain.visits import link_digest, proof_digest, visit_digest
from tasks.visits import begin_by_key, begin_by_link, begin_by_word, standing

router = APIRouter(route_class=PageRoute, include_in_schema=False)

HOME = "/"


@router.get(LOGIN)
async def login(request: Request, house: TheHouse) -> Response:
    """Show how to sign in; whoever comes by a link presses one button. Looking uses nothing up."""
    code, words = request.query_params.get("code", ""), ""
    link = await house.registry.login_link(link_digest(code, house.pepper)) if code else None
    if code and (link is None or not link.counts(request.state.now)):
        link, words = None, "page_link_old"
    return await login_screen(request, 200, words, code=code if link else "", person=link.owner if link else "")


@router.post(LOGIN_BY_LINK)
async def by_link(request: Request, house: TheHouse) -> Response:
    """Sign in by a link, which counts no more then."""
    code = (await _fields(request)).get("code", "")

    async def look() -> str | None:
        return await begin_by_link(code, house.pepper, house.registry, request.state.now)

    digest = link_digest(code, house.pepper)
    token = await house.doorkeeper.believed(digest, address_of(request.scope), look, Refusal(403, "page_link_old"))
    return await _signed_in(request, house, token)


@router.post(LOGIN_BY_KEY)
async def by_key(request: Request, house: TheHouse) -> Response:
    """Sign in by an API key; the session may what the key may, and ends with it."""
    shown = (await _fields(request)).get("key", "").strip()
    try:
        key = await house.doorkeeper.key(shown, address_of(request.scope), request.state.now)
    except Refusal as refused:
        raise Refusal(403, "page_key_wrong") if refused.status_code == 401 else refused from None
    if await standing(key.owner, house.rules, house.registry) is not Entry.OPEN:
        raise Refusal(403, "page_not_let_in")
    token = await begin_by_key(key, house.pepper, house.registry, request.state.now)
    return await _signed_in(request, house, token)


@router.post(LOGIN_BY_TELEGRAM)
async def by_telegram(request: Request, house: TheHouse) -> Response:
    """Sign in by what Telegram has signed, for a Mini App or by its sign-in page; each word of it is believed once."""
    fields = await _fields(request)
    said, word = (fields.get("widget", ""), Word.WIDGET) if "widget" in fields else (fields.get("init", ""), Word.MINI_APP)

    async def look() -> TelegramPerson | None:
        try:
            return telegram_person(said, word, house.bot_token, request.state.now)
        except NotBelieved:
            return None

    digest = proof_digest(said, house.pepper)
    person = await house.doorkeeper.believed(digest, address_of(request.scope), look, Refusal(403, "page_telegram_old"))
    if await standing(person.name, house.rules, house.registry) is not Entry.OPEN:
        raise Refusal(403, "page_not_let_in")
    token = await begin_by_word(person.name, person.hash, house.pepper, house.registry, request.state.now)
    if token is None:
        raise Refusal(403, "page_telegram_old")
    return await _signed_in(request, house, token, framed=word is Word.MINI_APP)


@router.post(LOGOUT)
async def log_out(request: Request, house: TheHouse) -> Response:
    """End the session of this browser."""
    await form_of(request)
    await house.registry.end_visit(request.state.visit.digest, request.state.now)
    return take(RedirectResponse(LOGIN, 303), request.scope)


@router.post(LOGOUT_EVERYWHERE)
async def log_out_everywhere(request: Request, house: TheHouse) -> Response:
    """End all sessions of this person, in whatever browser, and the links that were made for more."""
    await form_of(request)
    await house.registry.end_visits(request.state.visit.owner, request.state.now)
    return take(RedirectResponse(LOGIN, 303), request.scope)


async def _fields(request: Request) -> dict[str, str]:
    """Return what was sent to sign in; raise Refusal where others could read the cookie that comes of it."""
    fields = await fields_of(request)
    if not is_private(request.scope):
        raise Refusal(403, "page_needs_tls")
    return fields


async def _signed_in(request: Request, house: House, token: str | None, *, framed: bool = False) -> Response:
    """Give this browser a token of its own; one that it had before counts no more."""
    if token is None:
        raise Refusal(403, "page_link_old")
    if before := token_of(request.scope):
        await house.registry.end_visit(visit_digest(before, house.pepper), request.state.now)
    return give(RedirectResponse(HOME, 303), token, request.scope, framed=framed)
