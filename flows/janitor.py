"""janitor: removes what nobody owns any more, and says what it was and why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import flow

from blocks.kept_records import KeptRecords
from flows.home import catch_up
from flows.opening import Blocks, open_blocks
from tasks.abandoned import end_abandoned, look_at_flow_run, schedule_again
from tasks.answering import answer_overdue
from tasks.bot_upkeep import tidy_bots
from tasks.janitor import close_reservations, end_forgotten, remove_candidates, remove_orphans, remove_retired
from tasks.leftovers import remove_leftovers, tell_removed
from tasks.missing_secrets import sweep_provided
from tasks.preview_ends import clear_previews, expire_previews
from tasks.redaction import shield_all
from tasks.resuming import resume
from tasks.secret_use import forget_superseded
from tasks.unfinished import end_unfinished, stop_idle_copies


@flow(name="janitor", flow_run_name="tidy up")
async def janitor() -> list[str]:
    """Return the names of everything that was removed, answered by default or ended."""
    blocks = await open_blocks()
    await shield_all(blocks.registry, blocks.vault)
    done = [*await end_waits(blocks), *await remove_unowned(blocks)]
    await tell_removed(done)
    await catch_up(blocks, datetime.now(UTC))
    return [name for name, _ in done]


async def end_waits(blocks: Blocks) -> list[tuple[str, str]]:
    """End what waits for nobody any more; return names and reasons."""
    registry, wakeups, now = blocks.registry, blocks.wakeups, datetime.now(UTC)
    return [
        *because("nobody answered in time", await answer_overdue(registry, wakeups, resume, now)),
        *because("its missing secrets are there", await sweep_provided(registry, wakeups, blocks.vault, resume)),
        *because("nobody will work on it", await end_forgotten(registry, wakeups, now)),
        *because("its flow run is over", await end_abandoned(registry, wakeups, now, look_at_flow_run, schedule_again)),
        *because("nobody confirmed it in time, or its run ended", await expire_previews(registry, wakeups, now)),
        *because("its run has ended", await close_reservations(registry, now)),
    ]


async def remove_unowned(blocks: Blocks) -> list[tuple[str, str]]:
    """Remove what no run, release or project needs; return names and reasons."""
    registry, engine, wakeups, now = blocks.registry, blocks.engine, blocks.wakeups, datetime.now(UTC)
    place, rest = blocks.installation, timedelta(hours=blocks.installation.bots_rest_hours)
    return [
        *because("its run has ended", await remove_orphans(registry, engine, wakeups)),
        *because("it is no preview any more", await clear_previews(registry, engine, blocks.proxy, wakeups, blocks.git)),
        *because("its run ended before it served", await end_unfinished(registry, engine, wakeups)),
        *because("it runs and serves no more", await stop_idle_copies(registry, engine, blocks.proxy, wakeups)),
        *because("it failed, or newer good ones are kept", await remove_retired(registry, engine, wakeups)),
        *because("a newer value is there, and no release needs it", await forget_superseded(registry, blocks.vault, now)),
        *because("no release needs it", await remove_candidates(registry, engine)),
        *because("as the bot pool needs it", await tidy_bots(rest, registry, blocks.vault, engine, blocks.accounts, now)),
        *[
            (f"{left.held.kind} {left.held.name}", left.why)
            for left in await remove_leftovers(registry, [engine, KeptRecords(Path(place.home), place.mark)], place.mark, now)
        ],
    ]


def because(why: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, why) for name in names]
