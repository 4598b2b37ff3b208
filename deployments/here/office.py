"""Whom and what the installation on this machine lets in. The HTTP API works by this too, for who may: its caller."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployments.desk import inviting, membership
from deployments.place_values import Document
from domain.bots import Bot, named
from domain.errors import BadInput
from domain.keys import ApiKey, checked_scopes, state_of

if TYPE_CHECKING:
    from deployments.desk.requests import Desk
    from domain.doors import DoorRegistry


class OwnOffice:
    """Fulfil `deployments.asked_place.Office` over the desk, in the name of `who`."""

    def __init__(self, desk: "Desk", registry: "DoorRegistry", who: str, pepper: Callable[[], bytes], maker: str = "") -> None:
        self._desk = desk
        self._registry = registry
        self._who = who
        self._secret = pepper
        self._maker = maker

    async def keys(self) -> Sequence[Document]:
        return [key_document(key) for key in await self._registry.api_keys()]

    async def add_key(self, name: str, owner: str | None, scopes: Sequence[str], days: float | None) -> Document:
        from tasks.keys import make_key

        whose, may, now = owner or self._who, checked_scopes(scopes), datetime.now(UTC)
        made = await make_key(name, whose, may, days, self._who, self._secret(), self._registry, now, self._maker)
        return {"key": made.shown, **key_document(made.row)}

    async def revoke_key(self, which: str) -> Document:
        from tasks.keys import revoke_key

        gone = await revoke_key(which, self._who, self._registry, datetime.now(UTC))
        first, *made = map(key_document, gone)
        return {**first, "made": made}

    async def bots(self) -> Sequence[Document]:
        return [bot_document(bot) for bot in await self._registry.bots()]

    async def add_bot(self, token: str) -> Document:
        from tasks.bot_upkeep import add_bot

        at, own, now = self._desk.blocks, await self._desk.own_bot(), datetime.now(UTC)
        return bot_document(await add_bot(token, self._who, own, self._desk.registry, self._desk.vault, at.accounts, now))

    async def retire_bot(self, name: str) -> str:
        """Take it out of the pool, and return its username."""
        from tasks.bot_upkeep import retire_bot

        found = named(await self._registry.bots(), name)
        await retire_bot(found, self._who, self._desk.registry, self._desk.vault, datetime.now(UTC))
        return found.username

    async def invitations(self) -> Sequence[Document]:
        return inviting.documents(await self._registry.invitations())

    async def invite(self, uses: int, days: float | None, note: str) -> Document:
        from deployments.bot.access import bot_name

        at = self._desk.blocks.installation
        bot = await bot_name(await self._desk.own_bot(), at.telegram_api_url)  # first: what it raises costs no code
        made = await inviting.new_invitation(uses, days, note, self._who, at.home, self._registry)
        link = inviting.link_of(bot, made.code)
        warning = "" if at.telegram_access == "invite" else inviting.NEEDS_SETTING.format(access=at.telegram_access)
        [document] = inviting.documents([made.invitation])
        return {"code": made.code, "link": link, **document, "warning": warning}

    async def revoke_invitation(self, number: int) -> Document:
        revoked = await self._registry.revoke_invitation(number, datetime.now(UTC))
        if revoked is None:
            raise BadInput(f"there is no invitation {number}: `slipway invite list` lists what there is")
        [document] = inviting.documents([revoked])
        return document

    async def people(self) -> Sequence[Document]:
        return await membership.documents(self._registry)

    async def block(self, person: str) -> str:
        return await membership.blocked(person, self._who, self._registry)

    async def allow(self, person: str) -> str:
        return await membership.allowed(person, self._who, self._registry)

    async def limit(self, person: str, given: Mapping[str, float | None], *, usual: bool) -> str:
        member = await membership.limited(person, given, self._registry, usual=usual)
        return f"{member.name}: {membership.limits_text(member)}\n"


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return everything about a key but what would open anything."""
    shown = key.model_dump(mode="json", exclude={"digest"})
    return {**shown, "prefix": key.prefix, "state": state_of(key, datetime.now(UTC)).value}


def bot_document(bot: Bot) -> dict[str, Any]:
    return bot.model_dump(mode="json", exclude={"fence", "profile"})
