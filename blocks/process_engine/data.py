"""Apps' data on the process engine: a folder a project, and beside it the folder with its snapshots."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from blocks import data_keeper
from blocks.process_engine.folders import delete, partial, place, settle
from domain.app_data import NoRoom, Saved, Schema
from domain.errors import DiskFull, EngineUnreachable, UnknownObject

T = TypeVar("T")


class ProcessData:
    """The folders `data`, `snapshots` and, of copies that have their own, `own`.

    What is done with a project's data is done by one process at a time.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        data, shelf = self._folders(project)
        found = await self._alone(lambda: data_keeper.save(data, shelf, reference, limit_mb))
        return NoRoom.model_validate(found) if "needed_mb" in found else Saved.model_validate(found)

    async def data_schema(self, project: str) -> Schema:
        data, _ = self._folders(project)
        return tuple(await self._alone(lambda: data_keeper.schema(data)))

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        data, shelf = self._folders(project)
        found = await self._alone(lambda: data_keeper.restore(data, shelf, reference))
        if "unknown" in found:
            raise UnknownObject("snapshot", f"{project} {reference}")
        return NoRoom.model_validate(found) if found else None

    async def give(self, identity: str, project: str, *, copied: bool) -> None:
        """Let a copy have data of its own, empty or as the project's are now; what it has already stays as it is.

        Raises DiskFull, and copies nothing, when there is no room for it.
        """
        data, own = self._folders(project)[0], self.own(identity)

        def make() -> None:
            if own.exists():
                return
            with partial(self._root) as folder:
                if copied and data_keeper.fill(data, str(folder)):
                    raise DiskFull(str(self._root))
                settle(folder, own)

        await self._alone(make)

    def own(self, identity: str) -> Path:
        return place(self._root, "own", identity)

    async def forget_data(self, project: str, reference: str) -> None:
        _, shelf = self._folders(project)
        await self._alone(lambda: data_keeper.wipe(f"{shelf}/{reference}"))

    def remove(self, project: str) -> None:
        """Delete the project's data with all snapshots of it; nothing happens when there is none."""
        for room in ("data", "snapshots"):
            delete(place(self._root, room, project), self._root)

    def remove_own(self, identity: str) -> None:
        """Delete the data that a copy has of its own; nothing happens when there is none."""
        delete(self.own(identity), self._root)

    def _folders(self, project: str) -> tuple[str, str]:
        return str(place(self._root, "data", project)), str(place(self._root, "snapshots", project))

    async def _alone(self, work: Callable[[], T]) -> T:
        """Do it in a thread that holds the lock to its end, also when nobody waits for it any more."""

        def locked() -> T:
            with (self._root / "snapshots.lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                return work()

        try:
            return await asyncio.to_thread(locked)
        except (sqlite3.Error, OSError) as error:
            raise EngineUnreachable("this machine", "copying an app's data", str(error)) from error
