"""Networks of one installation: who can reach whom."""

import fcntl
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import chain
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from blocks.docker_engine.address_ranges import OWN_RANGE, free_ranges, routed
from blocks.docker_engine.connection import DockerConnection, is_conflict
from domain.errors import Broken, NeedsPerson

_NO_RANGE = ("address pool", "Pool overlaps")
"""What the engine says when it has no range left, and when the one asked for is taken. It has no code for either."""
WORKERS = "workers.internal"
"""End of the workers' network's name. No project's name has a dot: none can share this network."""
Network = Mapping[str, Any]
"""A network as the engine lists it."""


@dataclass(frozen=True)
class WorkersNetwork:
    """The bridge that workers are on. Nothing is routed from it; the egress proxy listens on its gateway address."""

    id: str
    bridge: str
    """Name of the interface on the engine's machine."""
    gateway: str
    subnet: IPv4Network


@dataclass(frozen=True)
class EgressProxy:
    """Where the way to package registries is, on the gateway address of the workers' network."""

    port: int
    key: str = field(repr=False)


class DockerNetworks:
    """Bridges made when missing, by one process of this installation at a time: engines before 25 let two have one name."""

    def __init__(self, connection: DockerConnection, installation: str, data_folder: Path) -> None:
        self._connection = connection
        self._installation = installation
        self._lock = data_folder / "docker-networks.lock"

    async def of_workers(self) -> WorkersNetwork:
        """Return the internal network of all workers, which cannot reach one another on it either."""
        bridge = bridge_name(self._installation)
        options = {"com.docker.network.bridge.enable_icc": "false", "com.docker.network.bridge.name": bridge}
        found = await self._ensure(WORKERS, "", options, internal=True)
        if not found["Internal"]:
            raise Broken(
                f"the network {found['Name']} is open to the outside and not ours: `docker network rm {found['Name']}`"
            )
        address = next(each for each in found["IPAM"]["Config"] if ":" not in each["Subnet"])
        return WorkersNetwork(found["Id"], bridge, address["Gateway"], IPv4Network(address["Subnet"]))

    async def workers_are_attached(self) -> bool:
        """Tell whether a running worker is on the network."""
        name = self._name(WORKERS)

        def attached(api: Any) -> bool:
            return any(api.inspect_network(found["Id"])["Containers"] for found in _named(api, name))

        return await self._connection.ask(f"looking at the network {name}", attached)

    async def of_project(self, project: str) -> str:
        """Return the network that only the project's own apps are on."""
        return str((await self._ensure(project, project, {}, internal=False))["Id"])

    async def gateway_of_project(self, project: str) -> str:
        """Return the address that the engine's machine has on the project's network."""
        found = await self._ensure(project, project, {}, internal=False)
        return str(next(each["Gateway"] for each in found["IPAM"]["Config"] if ":" not in each["Subnet"]))

    async def remove_of_project(self, project: str) -> None:
        """Delete the project's network, unless something of the project is still made for it.

        A stopped container does not hold its network, but could not be started again without it.
        """
        name = self._name(project)
        marks = [f"slipway.installation={self._installation}", f"slipway.project={project}"]

        def remove(api: Any) -> None:
            for kind in ("app", "resource"):
                if api.containers(all=True, filters={"label": [*marks, f"slipway.kind={kind}"]}):
                    return
            try:
                api.remove_network(name)
            except NotFound:
                return
            except APIError as error:
                if error.status_code not in (403, 409):  # 403: it has active endpoints
                    raise

        await self._connection.ask(f"removing the network {name}", remove)

    async def _ensure(self, suffix: str, project: str, options: dict[str, str], *, internal: bool) -> Network:
        name = self._name(suffix)
        labels = {"slipway.installation": self._installation, "slipway.project": project}
        settings = {"driver": "bridge", "labels": labels, "options": options, "internal": internal, "check_duplicate": True}
        return await self._connection.ask(f"making the network {name}", lambda api: self._ensured(api, name, settings))

    def _ensured(self, api: Any, name: str, settings: dict[str, Any]) -> Network:
        if found := _named(api, name):
            return found[0]
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _named(api, name):
                _create(api, name, settings)
        return _named(api, name)[0]

    def _name(self, suffix: str) -> str:
        return f"slipway-{self._installation}-{suffix}"


def bridge_name(installation: str) -> str:
    """Return a name of at most 15 characters, all that the kernel takes; known beforehand for the firewall."""
    return f"slw-{hashlib.sha256(installation.encode()).hexdigest()[:10]}"


def _create(api: Any, name: str, settings: dict[str, Any]) -> None:
    """Make the network in a range of the engine's choice, else of ours: with its usual settings it has some thirty in all."""
    for ipam in chain((None,), map(_ipam, _own_ranges(api, name))):
        try:
            api.create_network(name, ipam=ipam, **settings)
        except APIError as error:
            if is_conflict(error):  # another process was quicker
                return
            if not any(words in str(error.explanation) for words in _NO_RANGE):
                raise
        else:
            return
    raise NeedsPerson(
        f"the Docker engine has no address range left for another network, nor is one of {OWN_RANGE} free: stop projects "
        "you do not need, run `docker network prune`, or widen `default-address-pools` in its daemon.json"
    )


def _own_ranges(api: Any, name: str) -> Iterator[IPv4Network]:
    configs = chain.from_iterable(each["IPAM"]["Config"] or () for each in api.networks())
    given = [IPv4Network(config["Subnet"]) for config in configs if ":" not in config["Subnet"]]
    yield from free_ranges([*given, *routed()], name)


def _ipam(subnet: IPv4Network) -> IPAMConfig:
    """Name the gateway as well: the engine tells of one that it chose by itself only in another place."""
    return IPAMConfig(pool_configs=[IPAMPool(str(subnet), gateway=str(subnet[1]))])


def _named(api: Any, name: str) -> list[Network]:
    return [network for network in api.networks(names=[name]) if network["Name"] == name]
