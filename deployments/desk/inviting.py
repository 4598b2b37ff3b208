"""Making invitations, and what the operator is shown of them."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deployments.data_folder import DataFolder
from domain.invitations import BYTES, Invitation, code_of, digest_of
from domain.registry import Registry
from domain.values import Value

NEEDS_SETTING = "codes count only with SLIPWAY_TELEGRAM_ACCESS=invite (it is {access}): set it and start `slipway up` again"


class Made(Value):
    """A new invitation with its code, which nobody can look up again."""

    code: str
    invitation: Invitation


async def new_invitation(uses: int, days: float | None, note: str, by: str, home: str, registry: Registry) -> Made:
    """Store a new invitation and return its code."""
    code, now = code_of(secrets.token_bytes(BYTES)), datetime.now(UTC)
    key = await asyncio.to_thread(lambda: DataFolder(Path(home)).invitation_key)
    expires = None if days is None else now + timedelta(days=days)
    return Made(code=code, invitation=await registry.add_invitation(digest_of(code, key), note, uses, by, now, expires))


def link_of(bot: str, code: str) -> str:
    """Return the link that opens the bot with the code; empty when the bot's name is not known."""
    return f"https://t.me/{bot}?start={code}" if bot else ""


def as_text(made: dict[str, Any]) -> str:
    """Say how to use the new invitation."""
    people = "one person" if made["uses"] == 1 else f"{made['uses']} people"
    until = f" until {datetime.fromisoformat(made['expires']):%Y-%m-%d %H:%M} UTC" if made["expires"] else ""
    how = f"{made['link']}\n" if made["link"] else "send it to the bot as a message\n"
    return f"{made['code']}\n{how}invitation {made['number']} lets {people} in{until}; the code is not shown again\n"


def documents(invitations: Sequence[Invitation]) -> list[dict[str, Any]]:
    """Return one document for each, with how it stands now."""
    now = datetime.now(UTC)
    return [{**each.model_dump(mode="json"), "state": each.state(now)} for each in invitations]
