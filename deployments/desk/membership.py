"""What the operator decides of people who use the bot, and what is said of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deployments.place_values import stamp
from domain.admission import CHAT, Member, Standing, person_named
from domain.allowances import OwnLimits, month_of
from domain.doors import DoorRegistry
from domain.registry import Registry
from tasks.keys import revoke_key


async def documents(registry: Registry) -> list[dict[str, Any]]:
    """Return one document for each person of whom something was decided, or who has a project."""
    known = {member.name: member for member in await registry.members()}
    owners = [project.owner for project in await registry.projects() if project.owner.startswith(CHAT)]
    since = month_of(datetime.now(UTC))
    return [
        {
            "person": name,
            "access": member.standing.value,
            "invitation": member.invitation,
            "by": member.by,
            "since": stamp(member.since) if member.since else None,
            "projects": owners.count(name),
            "open_runs": await registry.open_runs(name),
            "month_usd": await registry.spent_by(name, since) / 1_000_000,
            "own": member.own.model_dump(),
        }
        for name in sorted({*known, *owners})
        for member in [known.get(name, Member(name=name))]
    ]


async def blocked(word: str, by: str, registry: DoorRegistry) -> str:
    """Take the person's access back, and say what of theirs goes on."""
    member = await registry.decide_standing(person_named(word), Standing.BLOCKED, by, datetime.now(UTC))
    now = datetime.now(UTC)
    keys = [key for key in await registry.api_keys() if key.owner == member.name and key.revoked is None]
    for key in keys:
        await revoke_key(key.id, by, registry, now)
    projects = [project.slug for project in await registry.projects() if project.owner == member.name]
    lines = [f"{member.name} may not use the bot any more; `slipway people allow {member.name}` lets them in again"]
    if keys:
        lines.append(f"{len(keys)} API keys of theirs open nothing any more: `slipway keys add` makes others")
    if at_work := await registry.open_runs(member.name):
        lines.append(f"{at_work} runs of theirs go on and tell them how they end: `slipway cancel RUN` stops one")
    if projects:
        lines.append(f"their projects stay as they are: {', '.join(projects)}; `slipway down PROJECT` removes one")
    return "".join(f"{line}\n" for line in lines)


async def allowed(word: str, by: str, registry: Registry) -> str:
    """Let the person in, whatever the setting is."""
    member = await registry.decide_standing(person_named(word), Standing.ALLOWED, by, datetime.now(UTC))
    return f"{member.name} may use the bot\n"


async def limited(word: str, given: Mapping[str, float | None], registry: Registry, *, usual: bool = False) -> Member:
    """Set the limits that are given; the person's others stay, or with `usual` become those of everybody."""
    name = person_named(word)
    before = OwnLimits() if usual else (await registry.member(name)).own
    chosen = {each: value for each, value in given.items() if value is not None}
    return await registry.limit_member(name, OwnLimits.model_validate({**before.model_dump(), **chosen}))


def limits_text(member: Member) -> str:
    """Say which limits are the person's own."""
    own = [f"{name} {value:g}" for name, value in member.own if value is not None]
    return ", ".join(own) or "as everybody"
