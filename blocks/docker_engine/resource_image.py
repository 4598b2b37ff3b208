"""The image of resources: made on this machine, once, when the first project asks for one.

Its name is a digest of what it is made from, so a second call finds it at once.
"""

import fcntl
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound

from blocks.docker_engine.connection import DockerConnection, is_conflict
from domain.errors import Broken

FOLDER = Path(__file__).parent / "images"
SCRIPT = FOLDER / "resource.sh"
REPOSITORY = "slipway-resource"
MAKER = "slipway.maker"
"""The label that says which installation made it. Not whose it is: any installation uses what it finds under the name."""
SAID = 2_000
BUILD_MB = 1024
"""Memory of each step of the build, without any swap."""


class ResourceImage:
    """Debian's Postgres and Redis on one base image."""

    def __init__(self, connection: DockerConnection, base_image: str, installation: str, data_folder: Path) -> None:
        self._connection = connection
        self._installation = installation
        self._base_image = base_image
        self._lock = data_folder / "docker-resources.lock"

    async def ensure(self) -> str:
        """Return its name, after making it where it is missing; one process of this installation at a time does."""
        return await self._connection.ask("making the image of databases", self._ensured)

    async def remove_unused(self) -> None:
        """Delete those that this installation made before, and that no container uses any more, stopped ones included."""
        name, marks = self._name(self._files()), [f"{MAKER}={self._installation}"]

        def remove(api: Any) -> None:
            for image in api.images(name=REPOSITORY, filters={"label": marks}):
                for tag in {*(image["RepoTags"] or ())} - {name}:
                    _remove(api, tag)

        await self._connection.ask("removing old images of databases", remove)

    def _ensured(self, api: Any) -> str:
        files = self._files()
        name = self._name(files)
        if _has(api, name):
            return name
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _has(api, name):
                self._build(api, name, files)
        return name

    def _files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (FOLDER / "Dockerfile", SCRIPT)}

    def _name(self, files: dict[str, bytes]) -> str:
        parts = (self._base_image.encode(), *files.values())
        digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
        return f"{REPOSITORY}:{digest.hexdigest()[:12]}"

    def _build(self, api: Any, name: str, files: dict[str, bytes]) -> None:
        said, memory = "", BUILD_MB * 1024 * 1024
        options = {
            "tag": name,
            "buildargs": {"BASE_IMAGE": self._base_image},
            "labels": {MAKER: self._installation},
            "container_limits": {"memory": memory, "memswap": memory},
            "rm": True,
            "forcerm": True,
            "use_config_proxy": True,
            "decode": True,
        }
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


def _remove(api: Any, tag: str) -> None:
    try:
        api.remove_image(tag)
    except APIError as error:  # a container uses it; or somebody else has removed it
        if not is_conflict(error) and not isinstance(error, ImageNotFound):
            raise


def _context(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer
