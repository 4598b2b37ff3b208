"""Networks of one installation: who can reach whom."""

import fcntl
from pathlib import Path
from typing import Any, Literal

from docker.errors import APIError, NotFound

from blocks.docker_connection import DockerConnection, is_conflict
from domain.errors import NeedsPerson

SEPARATED = {"com.docker.network.bridge.enable_icc": "false"}
"""Containers on such a bridge reach out, but not one another."""


class DockerNetworks:
    """Bridges made when missing, by one process of this installation at a time: engines before 25 let two have one name."""

    def __init__(self, connection: DockerConnection, installation: str, data_folder: Path) -> None:
        self._connection = connection
        self._installation = installation
        self._lock = data_folder / "docker-networks.lock"

    async def of_worker(self, wanted: Literal["none", "packages"]) -> str:
        """Return what a worker is connected to; the one place that decides it."""
        if wanted == "none":
            return "none"
        return await self._ensure("workers", "", SEPARATED)

    async def of_project(self, project: str) -> str:
        """Return the network that only the project's own apps are on."""
        return await self._ensure(project, project, {})

    async def remove_of_project(self, project: str) -> None:
        """Delete the project's network; one that is in use or gone is left as it is. Engines have only some thirty."""
        name = self._name(project)

        def remove(api: Any) -> None:
            try:
                api.remove_network(name)
            except NotFound:
                return
            except APIError as error:
                if error.status_code not in (403, 409):  # 403: it has active endpoints
                    raise

        await self._connection.ask(f"removing the network {name}", remove)

    async def _ensure(self, suffix: str, project: str, options: dict[str, str]) -> str:
        name = self._name(suffix)
        labels = {"slipway.installation": self._installation, "slipway.project": project}
        return await self._connection.ask(f"making the network {name}", lambda api: self._ensured(api, name, labels, options))

    def _ensured(self, api: Any, name: str, labels: dict[str, str], options: dict[str, str]) -> str:
        if not _named(api, name):
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            with self._lock.open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _named(api, name):
                    _create(api, name, labels, options)
        return _named(api, name)[0]

    def _name(self, suffix: str) -> str:
        return f"slipway-{self._installation}-{suffix}"


def _create(api: Any, name: str, labels: dict[str, str], options: dict[str, str]) -> None:
    try:
        api.create_network(name, driver="bridge", labels=labels, options=options, check_duplicate=True)
    except APIError as error:
        if "address pool" in str(error.explanation):
            raise NeedsPerson(
                "the Docker engine has no address range left for another network: stop projects you do not need, run "
                "`docker network prune`, or widen `default-address-pools` in its daemon.json"
            ) from error
        if not is_conflict(error):
            raise


def _named(api: Any, name: str) -> list[str]:
    return [network["Id"] for network in api.networks(names=[name]) if network["Name"] == name]
