"""What takes the place of the switch while a person is to look first: a preview comes up beside what serves."""

from contextlib import suppress

from domain.environment import EnvironmentVersion
from domain.errors import TryAgain
from domain.outcomes import Previewed, Rejected
from domain.previews import Preview
from flows.opening import Blocks
from tasks.preview_ends import REMOVER, clear_previews
from tasks.previews import gate_preview, open_preview, show_preview, start_preview
from tasks.readiness import Readiness


async def put_up(preview: Preview, version: EnvironmentVersion, plan: Readiness, blocks: Blocks) -> Previewed | Rejected:
    """Start, gate, open; of one that does not come up nothing is left."""
    place, registry, engine = blocks.installation, blocks.registry, blocks.engine
    started = await start_preview(preview, version.number, plan.process, registry, engine, blocks.vault)
    unfit = await gate_preview(started, plan.health, place.health_seconds, registry, engine)
    address = place.address_of(preview.host)
    end = unfit or await open_preview(started, address, place.preview_days, registry, engine, blocks.proxy, blocks.wakeups)
    if isinstance(end, Rejected):
        with suppress(TryAgain):  # what an engine or proxy that is away keeps, the janitor removes
            owner = f"{REMOVER}-{preview.run}"
            await clear_previews(registry, engine, blocks.proxy, blocks.wakeups, blocks.git, preview.project, owner)
        return end
    await show_preview(end.preview, registry, blocks.wakeups)
    return end
