"""Networks of one installation: who can reach whom."""

from typing import Any, Literal

from docker.errors import APIError, NotFound

from blocks.docker_connection import DockerConnection, is_conflict
from domain.errors import NeedsPerson

SEPARATED = {"com.docker.network.bridge.enable_icc": "false"}
"""Containers on such a bridge reach out, but not one another."""


class DockerNetworks:
    """Bridges made when missing; two processes that make one at once end with the same one."""

    def __init__(self, connection: DockerConnection, installation: str) -> None:
        self._connection = connection
        self._installation = installation

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
        return await self._connection.ask(f"making the network {name}", lambda api: _ensured(api, name, labels, options))

    def _name(self, suffix: str) -> str:
        return f"slipway-{self._installation}-{suffix}"


def _ensured(api: Any, name: str, labels: dict[str, str], options: dict[str, str]) -> str:
    """Return the id of the network: old engines let two of one name come into being, so the eldest counts."""
    if not _named(api, name):
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
    return _named(api, name)[0]


def _named(api: Any, name: str) -> list[str]:
    found = [network for network in api.networks(names=[name]) if network["Name"] == name]
    return [network["Id"] for network in sorted(found, key=lambda each: (each["Created"], each["Id"]))]
