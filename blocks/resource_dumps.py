"""Snapshots of a project's Postgres: a dump each, in a folder of this machine that nobody else may read."""

import asyncio
import shutil
from pathlib import Path

from blocks.data_keeper import MB, SPARE
from blocks.process_engine.folders import delete, partial, place
from domain.app_data import NoRoom, Saved, Schema
from domain.resources import ResourceKind, ResourceRunner

KIND = ResourceKind.POSTGRES


class ResourceDumps:
    """Fulfil `domain.app_data.DataKeeper` for the Postgres of projects; one that has none has nothing to keep.

    A dump lies at `<root>/postgres/<project>/<reference>`. It is written elsewhere under a name of its own and moved there, so
    that what a killed process left at work writes into nobody's.
    """

    def __init__(self, runner: ResourceRunner, root: Path, spare: int = SPARE) -> None:
        self._runner = runner
        self._root = root
        self._spare = spare

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        """Dump it; how large that becomes is known when it is written."""
        await self.forget_data(project, reference)
        if not await self._has_one(project):
            return Saved(bytes=0)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if lack := self._lack(0, limit_mb):
            return lack
        with partial(self._root) as folder:
            size = await self._runner.dump(project, folder / "dump")
            lines = await self._runner.schema(project, KIND)
            if lack := self._lack(size, limit_mb):
                return lack
            target = self._shelf(project) / reference
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / "dump").replace(target)
        return Saved(bytes=size, schema_lines=lines)

    async def data_schema(self, project: str) -> Schema:
        return await self._runner.schema(project, KIND) if await self._has_one(project) else ()

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        """Put it back. Where the snapshot has none, since the project had no Postgres then, the one that is there stays."""
        dump = self._shelf(project) / reference
        if dump.exists():
            await self._runner.restore(project, dump)
        return None

    async def forget_data(self, project: str, reference: str) -> None:
        (self._shelf(project) / reference).unlink(missing_ok=True)

    async def remove(self, project: str) -> None:
        """Delete all dumps of the project; nothing happens when there are none."""
        if self._shelf(project).exists():
            await asyncio.to_thread(delete, self._shelf(project), self._root)

    async def _has_one(self, project: str) -> bool:
        return any(found.kind is KIND and not found.scratch_of for found in await self._runner.status(project))

    def _shelf(self, project: str) -> Path:
        return place(self._root, KIND.value, project)

    def _lack(self, size: int, limit_mb: int) -> NoRoom | None:
        """Return what is missing for a dump of this size that is written already."""
        free = shutil.disk_usage(self._root).free
        needed, over = -(-size // MB), bool(limit_mb) and size > limit_mb * MB
        if over or free < self._spare:
            return NoRoom(needed_mb=needed if over else needed + self._spare // MB, free_mb=free // MB, over_limit=over)
        return None
