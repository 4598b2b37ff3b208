"""Visits: browsers sign in, are known again, and are let in no more.

True afterwards: what a browser or a link shows is known to nobody else, and the registry has its digest; each link, each key
that was typed in and each word of Telegram's began at most what it may. Blocks: registry.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from domain.admission import CHAT, Entry, Members, Rules, entry
from domain.doors import DoorRegistry
from domain.keys import ApiKey, KeyState, Scope, state_of
from domain.telegram_identity import NotBelieved, Word, telegram_person
from domain.visits import LASTS, LINK_LASTS, LoginLink, Visit, Visits, link_digest, proof_digest, visit_digest

PERSONAL = (Scope.READ, Scope.WRITE)
"""What somebody may who has shown who they are: change what is theirs."""


async def make_link(owner: str, scopes: Sequence[Scope], pepper: bytes, registry: Visits, now: datetime) -> str:
    """Return the code of a new link that signs this person in once, within minutes."""
    code = secrets.token_urlsafe(32)
    link = LoginLink(digest=link_digest(code, pepper), owner=owner, scopes=tuple(scopes), created=now, expires=now + LINK_LASTS)
    await registry.add_link(link)
    return code


async def begin_by_link(code: str, pepper: bytes, registry: Visits, now: datetime) -> str | None:
    """Return the token of a new visit, and let the link count no more; None when it does not count."""
    digest = link_digest(code, pepper)
    link = await registry.login_link(digest)
    if link is None or not link.counts(now):
        return None
    return await _begin(link.owner, link.scopes, f"link {code}", pepper, registry, now, link=digest)


async def begin_by_key(key: ApiKey, pepper: bytes, registry: Visits, now: datetime) -> str | None:
    """Return the token of a new visit that ends with this key, which has been believed."""
    typed = f"key {key.id} {secrets.token_hex(16)}"  # a key may be typed in as often as its owner likes
    return await _begin(key.owner, key.scopes, typed, pepper, registry, now, key=key)


async def begin_by_word(owner: str, word: str, pepper: bytes, registry: Visits, now: datetime) -> str | None:
    """Return the token of a new visit of whom Telegram has named; None when the same word has begun one before."""
    return await _begin(owner, PERSONAL, f"telegram {word}", pepper, registry, now)


async def visit_by_word(
    said: str, bot_token: str, pepper: bytes, registry: DoorRegistry, rules: Rules, now: datetime
) -> Visit | None:
    """Return the visit of which a Mini App's init data are themselves the token; the first time begins it.

    None for what Telegram has not said within `AGE`, for a person who is not let in, and where the same word began another.
    """
    try:
        person = telegram_person(said, Word.MINI_APP, bot_token, now)
    except NotBelieved:
        return None
    known = await known_visit(said, pepper, registry, rules, now)
    if known is None and await standing(person.name, rules, registry) is Entry.OPEN:
        await _begin(person.name, PERSONAL, f"telegram {person.hash}", pepper, registry, now, token=said)
        known = await known_visit(said, pepper, registry, rules, now)
    return known


async def known_visit(token: str, pepper: bytes, registry: DoorRegistry, rules: Rules, now: datetime) -> Visit | None:
    """Return the visit of this token if it counts: its person is still let in, and the key that it began with still opens."""
    visit = await registry.visit(visit_digest(token, pepper))
    if visit is None or not visit.counts(now) or await standing(visit.owner, rules, registry) is not Entry.OPEN:
        return None
    if visit.key:
        key = await registry.key(visit.key)
        if key is None or state_of(key, now) is not KeyState.ACTIVE:
            return None
    return visit


async def standing(owner: str, rules: Rules, registry: Members) -> Entry:
    """Say what the door says to this person; who is not of the messenger was let in by this machine."""
    number = owner.removeprefix(CHAT)
    if number == owner:
        return Entry.OPEN
    named = number.isascii() and number.isdecimal() and int(number) in rules.named
    return entry(rules.access, named, (await registry.member(owner)).standing)


async def _begin(
    owner: str,
    scopes: Sequence[Scope],
    proof: str,
    pepper: bytes,
    registry: Visits,
    now: datetime,
    *,
    link: str | None = None,
    key: ApiKey | None = None,
    token: str = "",
) -> str | None:
    token = token or secrets.token_urlsafe(32)
    ends = [now + LASTS, *([key.expires] if key and key.expires else [])]
    visit = Visit(
        digest=visit_digest(token, pepper),
        owner=owner,
        scopes=tuple(scopes),
        proof=proof_digest(proof, pepper),
        key=key.id if key else "",
        created=now,
        expires=min(ends),
    )
    return token if await registry.begin_visit(visit, link) else None
