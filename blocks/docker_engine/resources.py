"""Resources in containers: on their project's own network, with no published port, each kept one on a volume of its own."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from blocks.docker_engine.commands import WORKER_UID
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.containers import Container, DockerContainers, container_name, hardening, labels, tmpfs
from blocks.docker_engine.execs import DockerExecs
from blocks.docker_engine.networks import DockerNetworks
from blocks.docker_engine.resource_containers import PORTS, address_of, fits, libpq, own_url, status_of
from blocks.docker_engine.resource_image import ResourceImage
from blocks.postgres_schema import postgres_schema
from blocks.resource_clients import await_answer, endpoint_at, settle_file
from domain.app_data import Schema
from domain.errors import Broken, ServiceUnreachable, UnknownObject
from domain.resources import (
    Endpoint,
    ResourceKind,
    ResourceSpec,
    ResourceStatus,
    resource_identity,
)
from domain.workers import Limits

DATA = "/data"
PROGRAM = "/usr/local/bin/slipway-resource"
LIMITS = {
    ResourceKind.POSTGRES: Limits(memory_mb=512, cpus=1.0, pids=128),
    ResourceKind.REDIS: Limits(memory_mb=256, cpus=0.5, pids=32),
}
REDIS_MB = 160
"""What Redis may fill with data; the rest is for rewriting its file, and for clients."""
LOG_LINES = 20
STOP_SECONDS = 20


class DockerResources:
    """Fulfil `domain.resources.ResourceRunner` on a Docker engine."""

    def __init__(self, connection: DockerConnection, networks: DockerNetworks, installation: str, image: ResourceImage) -> None:
        self._connection = connection
        self._networks = networks
        self._installation = installation
        self._image = image
        self._containers = DockerContainers(connection, installation, "resource")

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        """Return its name on the project's network, which stays whatever address it has there."""
        return endpoint_at(spec.kind, _host(spec), PORTS[spec.kind])

    async def provide(self, spec: ResourceSpec) -> None:
        """Make or adopt it, and return when it answers. A container of another image, password or network is replaced."""
        network, image = await self._networks.of_project(spec.project), await self._image.ensure()
        found = await self._containers.find(spec.identity)
        if found is not None and not fits(found, spec, network, image):
            await self.stop(spec.project, spec.kind, spec.scratch_of)
            await self._containers.remove(spec.identity)
            found = None
        if found is None:
            await self._containers.create(spec.identity, await self._settings(spec, network, image))
        if found is None or not found["State"]["Running"]:
            await self._containers.start(spec.identity)
        await await_answer(
            spec.kind,
            f"{spec.kind.value} of {spec.project}",
            lambda: self._url(spec.identity),
            lambda: self._log(spec.identity),
        )
        if found is None:
            await self._image.remove_unused()

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        listed = await self._containers.labelled(project=project)
        found = await asyncio.gather(*(self._containers.find(each["Labels"]["slipway.identity"]) for each in listed))
        return [status_of(container) for container in found if container is not None]

    async def keeps(self, project: str, kind: ResourceKind, scratch_of: str = "") -> bool:
        """Tell whether its container is there, or its volume: whoever prunes an engine takes what is stopped."""
        if await self._containers.find(resource_identity(project, kind, scratch_of)) is not None:
            return True
        return not scratch_of and await self._has_volume(self._volume(project, kind))

    async def _has_volume(self, name: str) -> bool:
        def find(api: Any) -> bool:
            try:
                return bool(api.inspect_volume(name))
            except NotFound:
                return False

        return await self._connection.ask(f"looking for the volume {name}", find)

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        if await self._containers.find(identity) is not None:
            name = container_name(self._installation, identity)
            await self._connection.ask(f"stopping {name}", lambda api: api.stop(name, timeout=STOP_SECONDS))

    async def remove(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        await self._containers.remove(identity)
        if not scratch_of:
            volume = self._volume(project, kind)

            def remove(api: Any) -> None:
                with suppress(NotFound):
                    api.remove_volume(volume)

            await self._connection.ask(f"deleting the volume {volume}", remove)
        await self._networks.remove_of_project(project)

    async def dump(self, project: str, path: Path) -> int:
        found = await self._running(resource_identity(project, ResourceKind.POSTGRES))
        partial = path.with_name(f"{path.name}.partial")
        await DockerExecs(self._connection, found["Id"]).to_file([PROGRAM, "dump"], libpq(found), partial)
        return await asyncio.to_thread(settle_file, partial, path)

    async def restore(self, project: str, path: Path) -> None:
        found = await self._running(resource_identity(project, ResourceKind.POSTGRES))
        said = await DockerExecs(self._connection, found["Id"]).from_file([PROGRAM, "restore"], libpq(found), path)
        if "restored" not in said:
            raise Broken(f"{path.name} could not be restored into postgres of {project}: {said[-300:]}")

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        identity = resource_identity(project, kind)
        found = await self._running(identity)
        return await postgres_schema(own_url(found), identity) if kind is ResourceKind.POSTGRES else ()

    async def _found(self, identity: str) -> Container:
        found = await self._containers.find(identity)
        if found is None:
            raise UnknownObject("resource", identity)
        return found

    async def _running(self, identity: str) -> Container:
        found = await self._found(identity)
        if not found["State"]["Running"]:
            raise ServiceUnreachable(identity, "asking for its data", "it does not run")
        return found

    async def _url(self, identity: str) -> str:
        found = await self._found(identity)
        return own_url(found) if address_of(found) else ""

    async def _log(self, identity: str) -> str:
        name = container_name(self._installation, identity)
        output = await self._connection.ask(f"reading the log of {name}", lambda api: api.logs(name, tail=LOG_LINES))
        return str(output.decode("utf-8", "replace"))

    def _volume(self, project: str, kind: ResourceKind) -> str:
        return f"slipway-{self._installation}-{project}-{kind.value}"

    async def _settings(self, spec: ResourceSpec, network: str, image: str) -> dict[str, Any]:
        """Return what the container is created with. The engine gives a fresh volume the owner of /data in the image."""
        limits = LIMITS[spec.kind]
        marks = labels(
            self._installation, "resource", spec.project, spec.run, "scratch" if spec.scratch_of else "kept", spec.identity
        )
        folders, volumes = {"/tmp": tmpfs(limits, executable=False)}, []  # noqa: S108 inside the container
        if spec.scratch_of:
            folders[DATA] = tmpfs(limits, executable=False)
        else:
            volume = self._volume(spec.project, spec.kind)
            volumes = [f"{volume}:{DATA}"]
            marks_of_volume = {key: marks[key] for key in ("slipway.installation", "slipway.project", "slipway.kind")}
            await self._connection.ask(
                f"making the volume {volume}", lambda api: api.create_volume(volume, driver="local", labels=marks_of_volume)
            )
        host = {
            **hardening(limits),
            "read_only": True,
            "tmpfs": folders,
            "binds": volumes,
            "network_mode": network,
            "restart_policy": {"Name": "no" if spec.scratch_of else "unless-stopped"},
        }
        config = await self._connection.ask("preparing a resource", lambda api: api.create_host_config(**host))
        return {
            "image": image,
            "command": [PROGRAM, "start"],
            "user": WORKER_UID,
            "environment": _environment(spec),
            "labels": {**marks, "slipway.resource": spec.kind.value, "slipway.scratch_of": spec.scratch_of},
            "healthcheck": {"test": ["NONE"]},
            "stop_signal": "SIGINT",  # Postgres: end the clients' sessions, write everything down, and go
            "host_config": config,
            "networking_config": {"EndpointsConfig": {network: {"Aliases": [_host(spec)]}}},
        }


def _host(spec: ResourceSpec) -> str:
    """Return the name on the project's network: a scratch one's is short, since a name has 63 characters at most."""
    if not spec.scratch_of:
        return spec.kind.value
    return f"{spec.kind.value}-{hashlib.sha256(spec.identity.encode()).hexdigest()[:10]}"


def _environment(spec: ResourceSpec) -> dict[str, str]:
    return {
        "KIND": spec.kind.value,
        "DATA": DATA,
        "BIND": "*" if spec.kind is ResourceKind.POSTGRES else "0.0.0.0",  # noqa: S104  in its own network namespace
        "PORT": str(PORTS[spec.kind]),
        "PASSWORD": spec.password.get_secret_value(),
        "SCRATCH": "yes" if spec.scratch_of else "no",
        "MEMORY_MB": str(REDIS_MB),
        "AS": "",
    }
