"""All that a project keeps, as one: its data folder and its Postgres."""

from blocks.data_keeper import MB
from domain.app_data import DataKeeper, NoRoom, Saved, Schema


class KeptData:
    """Fulfil `domain.app_data.DataKeeper` with two: of files, which has every snapshot, and of databases.

    The part is kept first: a snapshot is whole when its files are. It is put back last: files may not fit, and then nothing
    has been replaced.
    """

    def __init__(self, files: DataKeeper, databases: DataKeeper) -> None:
        self._files = files
        self._databases = databases

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        """Keep both; the limit is for both together."""
        part = await self._databases.save_data(project, reference, limit_mb)
        if isinstance(part, NoRoom):
            return part
        taken = -(-part.bytes // MB)
        left = max(limit_mb - taken, 1) if limit_mb else 0  # 0 is no limit
        saved = await self._files.save_data(project, reference, left)
        if isinstance(saved, NoRoom):
            await self._databases.forget_data(project, reference)
            return saved.model_copy(update={"needed_mb": saved.needed_mb + taken}) if saved.over_limit else saved
        return Saved(bytes=part.bytes + saved.bytes, schema_lines=(*saved.schema_lines, *part.schema_lines))

    async def data_schema(self, project: str) -> Schema:
        return (*await self._files.data_schema(project), *await self._databases.data_schema(project))

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        return await self._files.restore_data(project, reference) or await self._databases.restore_data(project, reference)

    async def forget_data(self, project: str, reference: str) -> None:
        await self._databases.forget_data(project, reference)
        await self._files.forget_data(project, reference)
