"""What `slipway up` does with the apps when it begins and when it ends."""

import logging

from domain.errors import SlipwayError
from flows.opening import Blocks, open_blocks
from tasks.janitor import remove_orphans
from tasks.reconciler import pause_apps, reconcile_routes, resume_apps
from tasks.resources import pause_resources, revive_resources
from tasks.unfinished import end_unfinished

log = logging.getLogger("slipway.apps")


async def resume() -> None:
    """Start the databases, then every live release with its route; one that does not start is left to the watch."""
    blocks = await open_blocks()
    await revive_resources(blocks.registry, blocks.vault, blocks.engine.resources)
    for failure in await resume_apps(blocks.registry, blocks.engine, blocks.vault):
        log.error("%s", failure)
    await reconcile_routes(blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups, blocks.installation.own_routes)


async def dismiss_orphans(blocks: Blocks) -> None:
    """Remove what runs that have ended left in the engine; what cannot be removed now is left to the janitor."""
    try:
        await remove_orphans.fn(blocks.registry, blocks.engine, blocks.wakeups)
        await end_unfinished.fn(blocks.registry, blocks.engine, blocks.wakeups)
    except SlipwayError as error:
        log.warning("what a cancelled run left is still there: %s", error)


async def pause() -> None:
    """Stop every app, then the databases, but for those of a release command that goes on; the next `up` resumes them."""
    blocks = await open_blocks()
    await pause_apps(blocks.engine)
    await pause_resources(blocks.engine)
