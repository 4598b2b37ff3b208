"""Workers in containers: no root, no capability, no socket, no key, and writable folders in memory only."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from blocks import package_caches
from blocks.docker_engine.capabilities import WorkerImages
from blocks.docker_engine.commands import WORKER_UID, DockerWorker
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.containers import MB, Container, DockerContainers, container_name, folder_mb, hardening, labels, tmpfs
from blocks.docker_engine.networks import DockerNetworks, EgressProxy
from blocks.docker_engine.spares import SPARE_SECONDS, DockerSpares
from blocks.model_gateway import ModelGateway, gateway_doors
from blocks.package_caches import PackageCaches
from domain.egress import proxy_environment, run_token
from domain.errors import Broken, TryAgain
from domain.workers import WorkerInfo, WorkerSpec

WORKSPACE = "/workspace"
HOME = "/tmp"  # noqa: S108 a folder inside the container
LIFETIME_SECONDS = 2 * 60 * 60 + SPARE_SECONDS
"""A worker that nobody reaped ends by itself. What it waited as a spare counts, so two hours are left at the least."""
KEEPING_SECONDS = 20.0
"""For taking the caches out of a worker that is going to be removed."""

IDLE = f"""
trap 'kill -s KILL -- -1' USR1
trap 'exec /bin/sh -c "$0" "$0"' EXIT
while :; do
  sleep {LIFETIME_SECONDS} & wait $! && {{ trap - EXIT; exit 0; }}
done
"""
"""The first process, given itself as $0: no `kill -9 -1` of the worker reaches it, and it takes in orphans.

On SIGUSR1 it kills all others, which works where no further process can be started. A shell that cannot fork ends: then it
begins anew, which needs no fork, until the killed ones have been reaped.
"""


NO_NAMES = {"dns": ["127.0.0.1"], "dns_opt": ["timeout:1", "attempts:1"]}
"""Name server of the workers: their own loopback, where none is. Engines before 25 forward the questions of internal networks
to the machine's own resolver (CVE-2024-29018); only the proxy shall ask for names. The engine answers nothing then, which
would keep a program that asks waiting for 20 seconds."""


class DockerWorkers:
    """Spawns, lists and removes the workers of one installation."""

    def __init__(
        self,
        connection: DockerConnection,
        networks: DockerNetworks,
        installation: str,
        images: WorkerImages,
        egress: EgressProxy | None,
        caches: PackageCaches,
        spares: DockerSpares,
        gateway: ModelGateway | None = None,
    ) -> None:
        self._caches = caches
        self._spares = spares
        self._connection = connection
        self._networks = networks
        self._containers = DockerContainers(connection, installation, "worker")
        self._installation = installation
        self._images = images
        self._egress = egress
        self._gateway = gateway

    async def spawn(self, spec: WorkerSpec) -> DockerWorker:
        """Return a running worker; one that has ended is thrown away, whatever was in it."""
        found, (network, environment) = await asyncio.gather(self._containers.find(spec.identity), self._network(spec))
        if found is not None and found["State"]["Status"] not in ("running", "created"):
            await self._containers.remove(spec.identity)
            found = None
        workspace = await self._workspace(spec)
        worker = self._worker(spec.identity, workspace, folder_mb(spec.limits) * MB, environment)
        if found is None or not found["State"]["Running"]:
            if found is not None or not await self._made(spec, await self._settings(spec, workspace, network), environment):
                await self._containers.start(spec.identity)
            if spec.network == "packages" and (cached := await self._caches.load(spec.project)):
                await worker.put(cached, package_caches.FOLDER)
        if spec.image:
            await worker.fill()
        return worker

    async def workers(self, run: str | None) -> Sequence[WorkerInfo]:
        listed = [_info(found) for found in await self._containers.labelled(run=run)]
        return [*listed, *await self._spares.claimed(run)]

    async def refill(self, spec: WorkerSpec, size: int) -> None:
        """Have `size` running containers that a spec with the image, limits and network of this one is given at once."""
        network = (await self._networks.of_workers()).id if spec.network == "packages" else "none"
        await self._spares.refill(await self._settings(spec, await self._workspace(spec), network), size)

    async def remove(self, identity: str) -> None:
        """Delete it; what its package managers fetched is kept for the project's next worker."""
        found = await self._containers.find(identity)
        if found is not None and found["State"]["Running"] and found["HostConfig"]["NetworkMode"] != "none":
            with suppress(TryAgain, Broken):  # whatever is wrong with a stranger's cache, the worker has to go
                worker = self._worker(identity, WORKSPACE, 0, {})
                cached = await worker.get(package_caches.FOLDER, package_caches.LIMIT_BYTES, KEEPING_SECONDS)
                if project := found["Config"]["Labels"].get("slipway.project") or self._spares.project_of(found):
                    await self._caches.store(project, cached)
        await self._containers.remove(identity)
        await self._spares.forget(identity)

    def _worker(self, identity: str, workspace: str, disk_bytes: int, environment: Mapping[str, str]) -> DockerWorker:
        name = container_name(self._installation, identity)
        return DockerWorker(self._connection, name, identity, workspace, disk_bytes, environment)

    async def _workspace(self, spec: WorkerSpec) -> str:
        """Return the path of the workspace, a folder in memory: where a candidate has its files, that folder."""
        if not spec.image:
            return WORKSPACE
        image = await self._connection.ask(f"looking at {spec.image}", lambda api: api.inspect_image(spec.image))
        folder = str(image["Config"].get("WorkingDir") or "/")
        if folder in ("/", HOME):
            raise Broken(f"the candidate {spec.image} has its files in {folder}: its Dockerfile needs a WORKDIR of its own")
        return folder

    async def _made(self, spec: WorkerSpec, settings: dict[str, Any], environment: dict[str, str]) -> bool:
        """Claim a spare, or create a container; tell whether it runs already."""
        if await self._spares.claim(spec, settings):
            return True
        await self._containers.create(spec.identity, self._own(spec, settings, environment))
        return False

    def _own(self, spec: WorkerSpec, settings: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
        """Add what only this worker has. Commands get the environment too; an engine in the worker has it from here."""
        marks = labels(self._installation, "worker", spec.project, spec.run, spec.role, spec.identity)
        return {**settings, "labels": marks, "environment": {**settings["environment"], **environment}}

    async def _settings(self, spec: WorkerSpec, workspace: str, network: str) -> dict[str, Any]:
        """Return what the container is created with, whoever's it is. Nothing is written to a layer: that has no bounds."""
        writable = tmpfs(spec.limits, executable=True)
        host = {
            **hardening(spec.limits),
            "init": False,
            "read_only": True,
            "tmpfs": {HOME: writable, workspace: writable},
            "network_mode": network,
            **self._images.runtime(spec),
            **(NO_NAMES if network != "none" else {}),
        }
        config = await self._connection.ask("preparing a worker", lambda api: api.create_host_config(**host))
        return {
            "image": await self._images.chosen(spec),
            "entrypoint": ["/bin/sh", "-c"],
            "command": [IDLE, IDLE],
            "user": WORKER_UID,
            "working_dir": workspace,
            "environment": {"HOME": HOME, **package_caches.ENVIRONMENT},
            "healthcheck": {"test": ["NONE"]},
            "host_config": config,
            **self._images.main(spec, IDLE),
        }

    async def _network(self, spec: WorkerSpec) -> tuple[str, dict[str, str]]:
        """Return what the worker is connected to, and its environment: how programs find proxy and models, and the spec's."""
        if spec.network == "none":
            return "none", spec.environment
        network = await self._networks.of_workers()
        doors = gateway_doors(self._gateway, network.gateway, spec)
        if self._egress is None:
            return network.id, {**doors, **spec.environment}
        token = run_token(self._egress.key, spec.run, github="github" in spec.capabilities)
        proxy = proxy_environment(network.gateway, self._egress.port, spec.run, token)
        return network.id, {**proxy, **doors, **spec.environment}


def _info(found: Container) -> WorkerInfo:
    marks = found["Labels"]
    return WorkerInfo(
        identity=marks["slipway.identity"],
        project=marks["slipway.project"],
        run=marks["slipway.run"],
        role=marks["slipway.role"],
        running=found["State"] == "running",
    )
