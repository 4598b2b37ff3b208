"""digest: tells the operator once a day what happened."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from flows.opening import open_blocks
from tasks.digest import tell_day
from tasks.redaction import shield_all


@flow(name="digest", flow_run_name="tell of the day")
async def digest() -> str:
    """Put the day's digest into the outbox, and return it; a second run of the same day tells nothing."""
    blocks = await open_blocks()
    await shield_all(blocks.registry, blocks.vault)
    return await tell_day(Path(blocks.installation.home), datetime.now(UTC), blocks.registry, blocks.wakeups)
