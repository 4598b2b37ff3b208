"""Leftovers: what nobody owns any more is removed, and said.

True afterwards: the engine and the data folder hold nothing of this installation that has no owner by `domain.leftovers`, but
what is still in use; each removal has its reason in the log, in the artifact and in its project's history.
Blocks: registry, engine, data folder. Safe to repeat.
"""

from collections.abc import Sequence
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.inventory import Held, Holder
from domain.leftovers import Leftover, leftovers, owners_of
from domain.previews import OPEN
from domain.registry import Registry
from domain.report_tables import cell
from tasks.artifacts import publish
from tasks.audit import record
from tasks.retrying import only_try_again
from tasks.run_log import run_log

LOOK_BACK = 500
"""Runs that may be open; older ones have ended."""


@task(
    task_run_name="remove what nobody owns",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def remove_leftovers(
    registry: Registry, holders: Sequence[Holder], installation: str, now: datetime
) -> Sequence[Leftover]:
    """Remove them and return what really went, with its reason.

    The inventory is made before the registry is read: whoever makes something has written down before whose it is.
    """
    inventory: dict[int, Sequence[Held]] = {index: await holder.held() for index, holder in enumerate(holders)}
    runs, previews = await registry.runs(limit=LOOK_BACK), await registry.previews(states=OPEN)
    owners = owners_of(installation, await registry.projects(), runs, await registry.releases(), previews)
    removed: list[Leftover] = []
    for index, holder in enumerate(holders):
        for left in leftovers(inventory[index], owners, now):
            if await holder.discard(left.held):
                removed.append(left)
                for project in left.held.projects:
                    await record(project, JANITOR, f"{left.held.kind} {left.held.name} removed", registry, why=left.why)
    return removed


async def tell_removed(removed: Sequence[tuple[str, str]]) -> None:
    """Say in the log, and in the artifact `janitor-removed`, what was removed and why; nothing when that is nothing."""
    for name, why in removed:
        run_log("slipway.janitor").info("removed %s: %s", name, why)
    if removed:
        rows = "\n".join(f"| {cell(name, 120)} | {cell(why, 200)} |" for name, why in removed)
        await publish("janitor", "removed", f"| what | why |\n|---|---|\n{rows}\n", "What the janitor removed")
