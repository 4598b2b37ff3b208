"""Workers in containers: no root, no capability, no socket, no key, and writable folders in memory only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.docker_commands import WORKER_UID, DockerWorker
from blocks.docker_connection import DockerConnection
from blocks.docker_containers import Container, DockerContainers, container_name, hardening, labels, tmpfs
from blocks.docker_networks import DockerNetworks
from domain.egress import proxy_environment, run_token
from domain.workers import WorkerInfo, WorkerSpec

WORKSPACE = "/workspace"
HOME = "/tmp/home"  # noqa: S108 a folder inside the container
LIFETIME_SECONDS = 2 * 60 * 60
"""A worker that nobody reaped ends by itself."""

IDLE = f"""
trap 'kill -s KILL -- -1; killed=yes' USR1
trap 'exec /bin/sh -c "$0" "$0"' EXIT
while :; do
  killed=
  sleep {LIFETIME_SECONDS} & wait $!
  [ "$killed" ] || {{ trap - EXIT; exit 0; }}
done
"""
"""The main process, given itself as $0. On SIGUSR1 it kills all others: that works where no further process can be started.

A shell that cannot fork ends: then it begins anew, which needs no fork, until the killed ones have been reaped.
"""


NO_NAMES = {"dns": ["127.0.0.1"], "dns_opt": ["timeout:1", "attempts:1"]}
"""Name server of the workers: their own loopback, where none is. Engines before 25 forward the questions of internal networks
to the machine's own resolver (CVE-2024-29018); only the proxy shall ask for names. The engine answers nothing then, which
would keep a program that asks waiting for 20 seconds."""


@dataclass(frozen=True)
class EgressProxy:
    """Where the way to package registries is, on the gateway address of the workers' network."""

    port: int
    key: str = field(repr=False)


class DockerWorkers:
    """Spawns, lists and removes the workers of one installation."""

    def __init__(
        self,
        connection: DockerConnection,
        networks: DockerNetworks,
        installation: str,
        worker_image: str,
        egress: EgressProxy | None,
    ) -> None:
        self._connection = connection
        self._networks = networks
        self._containers = DockerContainers(connection, installation, "worker")
        self._installation = installation
        self._image = worker_image
        self._egress = egress

    async def spawn(self, spec: WorkerSpec) -> DockerWorker:
        """Return a running worker; one that has ended is thrown away, whatever was in it."""
        found = await self._containers.find(spec.identity)
        if found is not None and found["State"]["Status"] not in ("running", "created"):
            await self._containers.remove(spec.identity)
            found = None
        workspace = await self._workspace(spec)
        if found is None:
            await self._containers.create(spec.identity, await self._settings(spec, workspace))
        if found is None or not found["State"]["Running"]:
            await self._containers.start(spec.identity)
        name = container_name(self._installation, spec.identity)
        return DockerWorker(self._connection, name, spec.identity, workspace, spec.limits.disk_mb * 1024 * 1024)

    async def workers(self, run: str | None) -> Sequence[WorkerInfo]:
        return [_info(found) for found in await self._containers.labelled(run=run)]

    async def remove(self, identity: str) -> None:
        await self._containers.remove(identity)

    async def _workspace(self, spec: WorkerSpec) -> str:
        """Return the workspace's path: a folder in memory, or where a candidate image has its files."""
        if not spec.image:
            return WORKSPACE
        image = await self._connection.ask(f"looking at {spec.image}", lambda api: api.inspect_image(spec.image))
        return str(image["Config"].get("WorkingDir") or "/")

    async def _settings(self, spec: WorkerSpec, workspace: str) -> dict[str, Any]:
        """Return what the container is created with. A candidate's own files stay writable: its layer is thrown away."""
        writable = tmpfs(spec.limits.disk_mb, executable=True)
        folders = {"/tmp": writable, HOME: writable} | ({} if spec.image else {WORKSPACE: writable})  # noqa: S108
        network, egress = await self._network(spec)
        host = {
            **hardening(spec.limits),
            "read_only": not spec.image,
            "tmpfs": folders,
            "network_mode": network,
            **(NO_NAMES if network != "none" else {}),
        }
        marks = labels(self._installation, "worker", spec.project, spec.run, spec.role, spec.identity)
        config = await self._connection.ask("preparing a worker", lambda api: api.create_host_config(**host))
        return {
            "image": spec.image or self._image,
            "entrypoint": ["/bin/sh", "-c"],
            "command": [IDLE, IDLE],
            "user": WORKER_UID,
            "working_dir": workspace,
            "environment": {"HOME": HOME, **egress, **spec.environment},
            "labels": marks,
            "healthcheck": {"test": ["NONE"]},
            "host_config": config,
        }

    async def _network(self, spec: WorkerSpec) -> tuple[str, dict[str, str]]:
        """Return what the worker is connected to, and how its programs find the proxy; the one place that decides it."""
        if spec.network == "none":
            return "none", {}
        network = await self._networks.of_workers()
        if self._egress is None:
            return network.id, {}
        token = run_token(self._egress.key, spec.run)
        return network.id, proxy_environment(network.gateway, self._egress.port, spec.run, token)


def _info(found: Container) -> WorkerInfo:
    marks = found["Labels"]
    return WorkerInfo(
        identity=marks["slipway.identity"],
        project=marks["slipway.project"],
        run=marks["slipway.run"],
        role=marks["slipway.role"],
        running=found["State"] == "running",
    )
