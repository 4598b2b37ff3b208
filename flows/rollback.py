"""rollback: roll out the previous good release by the same steps as any other."""

from typing import Literal

from prefect import flow

from domain.errors import NothingToRollBackTo, UnknownObject
from domain.releases import Release, ReleaseState, live, previous_good, startable
from domain.values import Value
from flows.opening import Blocks, open_blocks
from tasks.deployer import claim_project, gate_release, retire_releases, start_copy, switch_release
from tasks.kinds import kind_named
from tasks.readiness import health_check_of, publish_release
from tasks.rollback import tell_rollback
from tasks.tagging import tag_run


class RolledBack(Value):
    """What a rollback came to."""

    outcome: Literal["rolled back", "nothing to do", "nothing to go back to", "not healthy"]
    project: str
    bad: int | None = None
    good: int | None = None
    message: str


@flow(name="rollback", flow_run_name="roll back {project}", persist_result=True)
async def rollback(
    project: str, release: int | None = None, to: int | None = None, reason: str = "asked for by hand"
) -> RolledBack:
    """Bring the previous good release (or release `to`) back.

    `release` names the broken one: when it does not serve any more there is nothing to decide, and only what an
    interrupted rollback left undone is finished; so a late or repeated event is harmless. The person is told once.
    """
    blocks = await open_blocks()
    await tag_run(f"project:{project}")
    owner = f"rollback-{project}-{release or 'by-hand'}"
    await claim_project(project, owner, blocks.wakeups)
    try:
        releases = await blocks.registry.releases(project)
        bad, good = live(releases), previous_good(releases) if to is None else startable(releases, to)
        if bad is not None and release not in (None, bad.number):
            await switch_to(bad, owner, "", blocks)
        if bad is None or release not in (None, bad.number):
            return RolledBack(outcome="nothing to do", project=project, message=f"{project}: release {release} does not serve")
        if good is None:
            return await stay(project, bad, to, reason, blocks)
        return await roll_out(good, bad, owner, reason, blocks)
    finally:
        await blocks.wakeups.unlock(f"deploy:{project}", owner)


async def stay(project: str, bad: Release, to: int | None, reason: str, blocks: Blocks) -> RolledBack:
    """Leave everything as it is, and tell the person."""
    message = (
        str(NothingToRollBackTo(project)) if to is None else f"{project} keeps no startable release {to}; it stays as it is"
    )
    await tell_rollback(project, bad.number, to, f"{message} ({reason})", blocks.registry, blocks.wakeups)
    return RolledBack(outcome="nothing to go back to", project=project, bad=bad.number, message=message)


async def roll_out(good: Release, bad: Release, owner: str, reason: str, blocks: Blocks) -> RolledBack:
    """Start the good release, gate it, switch to it, stop the bad one, tell the person."""
    project = good.project
    found = await blocks.registry.project(project)
    if found is None:
        raise UnknownObject("project", project)
    check = await health_check_of(found, good.commit, blocks.git)
    await start_copy(good, kind_named(found.kind).process, blocks.registry, blocks.engine, blocks.vault)
    seconds = blocks.installation.health_seconds
    rejected = await gate_release(owner, good, check, seconds, blocks.registry, blocks.engine, blocks.wakeups)
    if rejected is not None:
        message = (
            f"{project}: release {bad.number} is broken and release {good.number} does not start either: {rejected.reason}"
        )
        await tell_rollback(project, bad.number, good.number, message, blocks.registry, blocks.wakeups)
        return RolledBack(outcome="not healthy", project=project, bad=bad.number, good=good.number, message=message)
    await switch_to(good, owner, reason, blocks)
    message = f"{project} is back on release {good.number}: release {bad.number} was taken back because {reason}"
    await tell_rollback(project, bad.number, good.number, message, blocks.registry, blocks.wakeups)
    return RolledBack(outcome="rolled back", project=project, bad=bad.number, good=good.number, message=message)


async def switch_to(good: Release, owner: str, reason: str, blocks: Blocks) -> None:
    """Make the release the one that serves, and retire what ran before; repeating it changes nothing."""
    place = blocks.installation
    domain = place.domain_of(good.project)
    back = await switch_release(
        owner,
        good,
        domain,
        ReleaseState.ROLLED_BACK,
        reason,
        blocks.registry,
        blocks.engine,
        blocks.proxy,
        blocks.wakeups,
    )
    await retire_releases(
        owner, good.project, place.drain_seconds, blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups
    )
    await publish_release(back, place.address_of(domain), blocks.registry)
