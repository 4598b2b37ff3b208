"""rollback: roll out the previous good release by the same steps as any other."""

from typing import Literal

from prefect import flow

from domain.errors import NothingToRollBackTo, UnknownObject
from domain.releases import Release, ReleaseState, live, previous_good
from domain.values import Value
from flows.opening import Blocks, open_blocks
from tasks.deployer import gate_release, hold, retire_releases, start_copy, switch_release
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

    `release` names the broken one: when it does not serve any more, there is nothing to do, so a late or repeated
    event is harmless. The person is told why, once per pair of releases.
    """
    blocks = await open_blocks()
    await tag_run(f"project:{project}")
    releases = await blocks.registry.releases(project)
    bad = live(releases)
    if bad is None or (release is not None and bad.number != release):
        return RolledBack(outcome="nothing to do", project=project, message=f"{project}: release {release} does not serve")
    good = previous_good(releases) if to is None else next((r for r in releases if r.number == to), None)
    if good is None or good.number == bad.number:
        message = str(NothingToRollBackTo(project))
        await tell_rollback(project, bad.number, None, f"{message} ({reason})", blocks.registry, blocks.wakeups)
        return RolledBack(outcome="nothing to go back to", project=project, bad=bad.number, message=message)
    return await roll_out(good, bad, reason, blocks)


async def roll_out(good: Release, bad: Release, reason: str, blocks: Blocks) -> RolledBack:
    """Start the good release, gate it, switch to it, stop the bad one, tell the person."""
    project, owner, place = good.project, f"rollback-{good.project}-{bad.number}", blocks.installation
    found = await blocks.registry.project(project)
    check = await health_check_of(project, good.commit, blocks.git)
    await hold(project, owner, blocks.wakeups)
    if found is None:
        raise UnknownObject("project", project)
    await start_copy(good, kind_named(found.kind).process, blocks.registry, blocks.engine, blocks.vault)
    rejected = await gate_release(owner, good, check, place.health_seconds, blocks.registry, blocks.engine, blocks.wakeups)
    if rejected is not None:
        message = (
            f"{project}: release {bad.number} is broken and release {good.number} does not start either: {rejected.reason}"
        )
        await tell_rollback(project, bad.number, good.number, message, blocks.registry, blocks.wakeups)
        return RolledBack(outcome="not healthy", project=project, bad=bad.number, good=good.number, message=message)
    back = await switch_release(
        owner,
        good,
        place.domain_of(project),
        ReleaseState.ROLLED_BACK,
        reason,
        blocks.registry,
        blocks.engine,
        blocks.proxy,
        blocks.wakeups,
    )
    await retire_releases(owner, project, place.drain_seconds, blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups)
    await publish_release(back, place.address_of(place.domain_of(project)), blocks.registry)
    message = f"{project} is back on release {good.number}: release {bad.number} was taken back because {reason}"
    await tell_rollback(project, bad.number, good.number, message, blocks.registry, blocks.wakeups)
    return RolledBack(outcome="rolled back", project=project, bad=bad.number, good=good.number, message=message)
