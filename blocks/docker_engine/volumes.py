"""Volumes of projects, owned by the apps' user."""

from contextlib import suppress
from typing import Any

from docker.errors import APIError, NotFound

from blocks.docker_engine.connection import DockerConnection, is_conflict

DATA = "/data"


class DockerVolumes:
    """The volumes of one installation's projects: their data, the snapshots of it, and what copies have for themselves."""

    def __init__(self, connection: DockerConnection, installation: str, worker_image: str) -> None:
        self._connection = connection
        self._installation = installation
        self._image = worker_image

    def data(self, project: str) -> str:
        return f"slipway-{self._installation}-{project}-data"

    def snapshots(self, project: str) -> str:
        return f"slipway-{self._installation}-{project}-snapshots"

    def own(self, identity: str) -> str:
        """Name the volume of one copy alone."""
        return f"slipway-{self._installation}-{identity}-own"

    def marks(self, project: str) -> dict[str, str]:
        return {"slipway.installation": self._installation, "slipway.project": project}

    async def ensure(self, name: str, project: str) -> str:
        """Return the volume's name; it is there then, owned by the apps' user.

        The engine copies the owner from the image that an empty volume is mounted in, when the container is created; the
        workers' image has such a folder for sure, a project's may not. That container never runs. It is made each time, since
        a process that died in between leaves a volume that looks finished.
        """

        def make(api: Any) -> None:
            api.create_volume(name, driver="local", labels=self.marks(project))
            config = api.create_host_config(binds=[f"{name}:{DATA}"])
            forget(api, name)
            try:
                api.create_container(
                    self._image, name=name, labels={**self.marks(project), "slipway.kind": "volume"}, host_config=config
                )
            except APIError as error:
                if not is_conflict(error):  # 409: somebody else does the same now
                    raise
            forget(api, name)

        await self._connection.ask(f"making the volume {name}", make)
        return name

    async def remove(self, name: str) -> None:
        """Delete it, and the container that an interrupted step left on it."""

        def gone(api: Any) -> None:
            forget(api, name)
            with suppress(NotFound):
                api.remove_volume(name)

        await self._connection.ask(f"deleting the volume {name}", gone)


def forget(api: Any, name: str) -> None:
    """Delete a container whose work nobody waits for, if it is there."""
    try:
        api.remove_container(name, force=True)
    except APIError as error:
        if not (isinstance(error, NotFound) or is_conflict(error)):
            raise
