"""Who may talk to the bot, and by which invitation, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blocks.registry import people_tables as tables
from blocks.registry.store import Store
from domain.admission import Member, Standing
from domain.allowances import OwnLimits
from domain.invitations import Invitation, Redeemed

_MEMBERS = tables.members
_INVITATIONS = tables.invitations
_LIMITS = tuple(OwnLimits.model_fields)
_DOOR = "the door"


class KnownMembers(Store):
    """The part of the registry that knows members and invitations."""

    async def member(self, name: str) -> Member:
        """Return what was decided of the person; of whom nothing was, the defaults."""
        async with self.reading() as db:
            return await _member(db, name)

    async def members(self) -> Sequence[Member]:
        """Return all of whom something was decided, by name."""
        async with self.reading() as db:
            rows = await db.execute(select(_MEMBERS).order_by(_MEMBERS.c.name))
        return tuple(_as_member(row) for row in rows)

    async def decide_standing(self, name: str, standing: Standing, by: str, at: datetime) -> Member:
        """Write down what the operator decided; the person's limits and invitation stay."""
        async with self.writing(_DOOR) as db:
            known = await _member(db, name)
            return await _keep(db, known.model_copy(update={"standing": standing, "by": by, "since": at}))

    async def limit_member(self, name: str, own: OwnLimits) -> Member:
        """Put the person's own limits in the place of those that were stored; their standing stays."""
        async with self.writing(_DOOR) as db:
            return await _keep(db, (await _member(db, name)).model_copy(update={"own": own}))

    async def add_invitation(
        self, digest: str, note: str, uses: int, by: str, at: datetime, expires: datetime | None
    ) -> Invitation:
        """Store it under the next number."""
        row = {"digest": digest, "note": note, "uses": uses, "used": 0, "by": by, "created": at, "expires": expires}
        async with self.writing(_DOOR) as db:
            return _as_invitation((await db.execute(insert(_INVITATIONS).values(row).returning(_INVITATIONS))).one())

    async def invitations(self) -> Sequence[Invitation]:
        """Return all, oldest first."""
        async with self.reading() as db:
            rows = await db.execute(select(_INVITATIONS).order_by(_INVITATIONS.c.number))
        return tuple(_as_invitation(row) for row in rows)

    async def revoke_invitation(self, number: int, at: datetime) -> Invitation | None:
        """Let nobody in by it any more; the first time stands, and who came in stays. None when there is none."""
        found = select(_INVITATIONS).where(_INVITATIONS.c.number == number)
        first = update(_INVITATIONS).where(_INVITATIONS.c.number == number, _INVITATIONS.c.revoked.is_(None))
        async with self.writing(_DOOR) as db:
            await db.execute(first.values(revoked=at))
            row = (await db.execute(found)).first()
        return None if row is None else _as_invitation(row)

    async def redeem(self, digest: str, person: str, at: datetime) -> Redeemed:
        """Let the person in and count one use, in one transaction: of two for the last use one comes in."""
        async with self.writing(_DOOR) as db:
            known = await _member(db, person)
            if known.standing is Standing.BLOCKED:
                return Redeemed.BLOCKED
            row = (await db.execute(select(_INVITATIONS).where(_INVITATIONS.c.digest == digest))).first()
            invitation = None if row is None else _as_invitation(row)
            if known.standing is not Standing.UNKNOWN:
                return _again(known, invitation)
            if invitation is None or not invitation.counts(at):
                return Redeemed.WRONG
            same = update(_INVITATIONS).where(_INVITATIONS.c.number == invitation.number)
            await db.execute(same.values(used=invitation.used + 1))
            entered = {"standing": Standing.INVITED, "invitation": invitation.number, "by": invitation.by, "since": at}
            await _keep(db, known.model_copy(update=entered))
            return Redeemed.JOINED


def _again(known: Member, invitation: Invitation | None) -> Redeemed:
    by_this = invitation is not None and known.invitation == invitation.number
    return Redeemed.JOINED if by_this else Redeemed.MEMBER


async def _member(db: AsyncConnection, name: str) -> Member:
    row = (await db.execute(select(_MEMBERS).where(_MEMBERS.c.name == name))).first()
    return Member(name=name) if row is None else _as_member(row)


async def _keep(db: AsyncConnection, member: Member) -> Member:
    row = {**member.model_dump(exclude={"own"}), **member.own.model_dump(), "standing": member.standing.value}
    await db.execute(delete(_MEMBERS).where(_MEMBERS.c.name == member.name))
    await db.execute(insert(_MEMBERS).values(row))
    return member


def _as_member(row: Row[Any]) -> Member:
    fields = dict(row._mapping)
    own = {name: fields.pop(name) for name in _LIMITS}
    return Member.model_validate({**fields, "own": own})


def _as_invitation(row: Row[Any]) -> Invitation:
    return Invitation.model_validate({name: value for name, value in row._mapping.items() if name != "digest"})
