"""Snapshots of projects' data, as rows of the registry; the data itself lies with the engine."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from blocks.registry import tables
from blocks.registry.releases import check_fence
from blocks.registry.store import Store
from domain.snapshots import Snapshot

_TABLE = tables.snapshots


class SnapshotRows(Store):
    """The part of the registry that knows snapshots. Only the newest fence of the project may write."""

    async def put_snapshot(self, snapshot: Snapshot, *, fence: int) -> None:
        """Store it, in the place of the row of the same release and reference."""
        row = {**snapshot.model_dump(), "state": snapshot.state.value}
        same = (_TABLE.c.release == snapshot.release, _TABLE.c.reference == snapshot.reference)
        async with self.writing(f"project {snapshot.project}") as db:
            await check_fence(db, snapshot.project, fence)
            await db.execute(delete(_TABLE).where(_TABLE.c.project == snapshot.project, *same))
            await db.execute(insert(_TABLE).values(row))

    async def snapshots(self, project: str) -> Sequence[Snapshot]:
        """Return the project's snapshots, the newest first."""
        newest = select(_TABLE).where(_TABLE.c.project == project).order_by(_TABLE.c.taken.desc(), _TABLE.c.reference)
        async with self.reading() as db:
            return tuple(Snapshot.model_validate(dict(row._mapping)) for row in await db.execute(newest))

    async def drop_snapshot(self, project: str, reference: str, *, fence: int) -> None:
        """Forget it; nothing happens when there is none."""
        async with self.writing(f"project {project}") as db:
            await check_fence(db, project, fence)
            await db.execute(delete(_TABLE).where(_TABLE.c.project == project, _TABLE.c.reference == reference))
