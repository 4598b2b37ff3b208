"""Everything that the engine without containers holds: copies of apps, databases, data of projects and copies, candidates."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from blocks.process_engine.apps import Apps
from blocks.process_engine.candidates import PREFIX, Candidates
from blocks.process_engine.data import ProcessData
from blocks.process_engine.resources import ProcessResources
from domain.inventory import Held


class ProcessInventory:
    """Lists the folders below `root`; all in it is this installation's."""

    def __init__(
        self, root: Path, installation: str, apps: Apps, data: ProcessData, candidates: Candidates, resources: ProcessResources
    ) -> None:
        self._root = root
        self._installation = installation
        self._apps = apps
        self._data = data
        self._candidates = candidates
        self._resources = resources

    def held(self) -> Sequence[Held]:
        return [*self._copies(), *self._data_of_copies(), *self._databases(), *self._volumes(), *self._prepared()]

    async def discard(self, held: Held) -> bool:
        """Remove it; False for what is none of these."""
        match held.kind:
            case "volume":
                await asyncio.to_thread(self._data.remove, held.name)
            case "image":
                await self._candidates.remove(held.name)
            case "resource" if found := next((each for each in self._resources.found() if each.identity == held.name), None):
                await self._resources.remove(found.project, found.kind, found.scratch_of)
            case "release" | "preview" if held.name in self._copies_there():
                await self._apps.remove(held.name)
            case "data-of-copy" if held.name not in self._copies_there():
                await asyncio.to_thread(self._data.remove_own, held.name)
            case _:
                return False
        return True

    def _copies(self) -> Iterator[Held]:
        for app in self._apps.found():
            if (made := _made(self._root / "apps" / app.identity)) is not None:
                yield self._of(app.role, app.identity, app.project, made=made, run=app.run)

    def _copies_there(self) -> set[str]:
        return {app.identity for app in self._apps.found()}

    def _data_of_copies(self) -> Iterator[Held]:
        """Yield the data of copies that are not there; that of the others goes with them."""
        there = self._copies_there()
        for folder in sorted((self._root / "own").glob("*")):
            if folder.name not in there and (made := _made(folder)) is not None:
                yield self._of("data-of-copy", folder.name, made=made)

    def _databases(self) -> Iterator[Held]:
        for found in self._resources.found():
            if (made := _made(self._root / "resources" / found.identity)) is not None:
                yield self._of("resource", found.identity, found.project, made=made, run=found.run)

    def _volumes(self) -> Iterator[Held]:
        found = {path.name: path for room in ("snapshots", "data") for path in (self._root / room).glob("*")}
        for _, folder in sorted(found.items()):
            if (made := _made(folder)) is not None:
                yield self._of("volume", folder.name, folder.name, made=made)

    def _prepared(self) -> Iterator[Held]:
        for folder in sorted((self._root / "candidates").glob("*")):
            if (made := _made(folder)) is not None:
                projects = sorted(mark.name for mark in (folder / "projects").glob("*"))
                yield self._of("image", f"{PREFIX}{folder.name}", *projects, made=made)

    def _of(self, kind: str, name: str, *projects: str, made: datetime, run: str = "") -> Held:
        return Held(kind=kind, name=name, identity=name, installation=self._installation, projects=projects, run=run, made=made)


def _made(folder: Path) -> datetime | None:
    """Return when it was last written to; None when it has gone since it was listed."""
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
