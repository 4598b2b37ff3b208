"""What package managers fetched for a project, kept between its workers: one archive a project, on our side.

Workers get a copy in memory, so that no cache has a volume that could be filled, and none is shared. An archive is never
unpacked here: it was made by a stranger, and is unpacked as the worker's user in the next worker of the same project.
"""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

FOLDER = "/tmp/.cache"  # noqa: S108 in the worker
ENVIRONMENT = {"PIP_CACHE_DIR": f"{FOLDER}/pip", "npm_config_cache": f"{FOLDER}/npm", "npm_config_prefer_offline": "true"}
LIMIT_BYTES = 128 * 1024 * 1024
"""Of one project. A larger cache is not kept: the one of before stays."""


class PackageCaches:
    """The caches of one installation."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / "package-caches"

    async def load(self, project: str) -> bytes | None:
        """Return the project's archive; None when it has none."""
        return await asyncio.to_thread(self._load, project)

    async def store(self, project: str, archive: bytes) -> None:
        """Replace the project's archive in one step."""
        await asyncio.to_thread(self._store, project, archive)

    async def forget(self, project: str) -> None:
        """Delete the project's archive; nothing happens when it has none."""
        await asyncio.to_thread(self._file(project).unlink, missing_ok=True)

    def _load(self, project: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return self._file(project).read_bytes()
        return None

    def _store(self, project: str, archive: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(archive)
            Path(name).replace(self._file(project))
        except BaseException:
            os.unlink(name)
            raise

    def _file(self, project: str) -> Path:
        return self._folder / f"{quote(project, safe='')}.tar"
