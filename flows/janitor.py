"""janitor: removes what nobody owns any more, and says what it was."""

from datetime import UTC, datetime

from prefect import flow

from flows.opening import open_blocks
from tasks.answering import answer_overdue
from tasks.artifacts import publish
from tasks.janitor import close_reservations, end_forgotten, remove_candidates, remove_orphans, remove_retired
from tasks.missing_secrets import sweep_provided
from tasks.redaction import shield_all
from tasks.resuming import resume
from tasks.secret_use import forget_superseded
from tasks.unfinished import end_unfinished


@flow(name="janitor", flow_run_name="tidy up")
async def janitor() -> list[str]:
    """Return the names of everything that was removed, answered by default or ended."""
    blocks = await open_blocks()
    await shield_all(blocks.registry, blocks.vault)
    removed = [
        *await answer_overdue(blocks.registry, blocks.wakeups, resume, datetime.now(UTC)),
        *await sweep_provided(blocks.registry, blocks.wakeups, blocks.vault, resume),
        *await end_forgotten(blocks.registry, blocks.wakeups, datetime.now(UTC)),
        *await close_reservations(blocks.registry, datetime.now(UTC)),
        *await remove_orphans(blocks.registry, blocks.engine, blocks.wakeups),
        *await end_unfinished(blocks.registry, blocks.engine, blocks.wakeups),
        *await remove_retired(blocks.registry, blocks.engine, blocks.wakeups),
        *await forget_superseded(blocks.registry, blocks.vault, datetime.now(UTC)),
        *await remove_candidates(blocks.registry, blocks.engine),
    ]
    if removed:
        await publish("janitor", "removed", "\n".join(f"- `{name}`" for name in removed), "What the janitor removed")
    return removed
