"""The image of resources: made on this machine, once, when the first project asks for one.

Its name is a digest of what it is made from, so a second call finds it at once.
"""

import fcntl
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound

from blocks.docker_connection import DockerConnection
from domain.errors import Broken

FOLDER = Path(__file__).parent / "images"
SCRIPT = FOLDER / "resource.sh"
SAID = 2_000


class ResourceImage:
    """Debian's Postgres and Redis on one base image."""

    def __init__(self, connection: DockerConnection, base_image: str, data_folder: Path) -> None:
        self._connection = connection
        self._base_image = base_image
        self._lock = data_folder / "docker-resources.lock"

    async def ensure(self) -> str:
        """Return its name, after making it where it is missing; one process of this installation at a time does."""
        return await self._connection.ask("making the image of databases", self._ensured)

    def _ensured(self, api: Any) -> str:
        files = {path.name: path.read_bytes() for path in (FOLDER / "Dockerfile", SCRIPT)}
        digest = hashlib.sha256(
            b"".join(hashlib.sha256(part).digest() for part in (self._base_image.encode(), *files.values()))
        )
        name = f"slipway-resource:{digest.hexdigest()[:12]}"
        if _has(api, name):
            return name
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _has(api, name):
                self._build(api, name, files)
        return name

    def _build(self, api: Any, name: str, files: dict[str, bytes]) -> None:
        said = ""
        arguments = {"BASE_IMAGE": self._base_image}
        options = {"tag": name, "buildargs": arguments, "rm": True, "forcerm": True, "use_config_proxy": True, "decode": True}
        for message in api.build(fileobj=_context(files), custom_context=True, **options):
            said = (said + message.get("stream", "") + message.get("error", ""))[-SAID:]
            if "error" in message:
                raise Broken(f"building the image of databases failed: {said}")


def _has(api: Any, name: str) -> bool:
    try:
        api.inspect_image(name)
    except ImageNotFound:
        return False
    return True


def _context(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer
