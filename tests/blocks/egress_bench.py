"""One installation with its egress service, as `slipway up` runs it, for tests of workers on the network."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks, WorkersNetwork, bridge_name
from deployments.base_image import ensure_images
from deployments.data_folder import DataFolder
from deployments.egress.firewall import can_lock
from deployments.supervision.ports import free_port
from tests.blocks.engine_bench import until


class Place:
    """One installation with its egress service; `names` are lines of /etc/hosts that only the service sees.

    With a gateway's port, the firewall leaves that open too, and workers are told of it.
    """

    def __init__(self, home: Path, names: str = "", gateway_port: int = 0) -> None:
        self._names = names
        self.gateway_port = gateway_port
        self.folder = DataFolder(home)
        self.folder.prepare()
        self.port = free_port("0.0.0.0")
        self.mark = home / "egress.ready"
        self.log = home / "egress.log"
        self.connection = DockerConnection(None)
        self.networks = DockerNetworks(self.connection, self.folder.installation, self.folder.engine)
        self.service: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.mark.unlink(missing_ok=True)
        environment = {**os.environ, "SLIPWAY_HOME": str(self.folder.home), "SLIPWAY_EGRESS": "*.slipway-test.example"}
        words = ("egress", str(self.port), str(self.mark), str(self.gateway_port))
        command = [*self._hosts(), sys.executable, "-m", "deployments.supervision.alone", *words]
        with self.log.open("ab") as log:
            self.service = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _hosts(self) -> list[str]:
        """Return what runs a command in a mount namespace with our names in its /etc/hosts."""
        if not self._names:
            return []
        hosts = self.folder.home / "hosts"
        hosts.write_text(Path("/etc/hosts").read_text() + self._names)
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]

    async def ready(self) -> None:
        async def marked() -> bool:
            assert self.service is not None
            assert self.service.poll() is None, self.log.read_text()
            return self.mark.exists()

        await until(marked, "the egress service is ready", 60)

    def stop(self) -> None:
        if self.service:
            self.service.send_signal(signal.SIGTERM)
            self.service.wait(60)
            self.service = None

    def engine(self, *, egress: bool = True) -> DockerEngine:
        bundle = os.environ.get("SSL_CERT_FILE")
        images = asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print))
        return DockerEngine(
            installation=self.folder.installation,
            base_image=images.base,
            worker_image=images.worker,
            data_folder=str(self.folder.engine),
            egress_port=self.port if egress else None,
            egress_key=self.folder.egress_key if egress else None,
            gateway_port=self.gateway_port or None,
            gateway_key=self.folder.gateway_key if self.gateway_port else None,
        )

    async def network(self) -> WorkersNetwork:
        return await self.networks.of_workers()


@contextmanager
def installed(home: Path, names: str = "", gateway_port: int = 0) -> Iterator[Place]:
    """Yield a place with its service begun; all of it is gone afterwards, the firewall's rules too."""
    made = Place(home, names, gateway_port)
    made.start()
    try:
        yield made
    finally:
        _remove(made)
    if can_lock():
        assert bridge_name(made.folder.installation).upper() not in rules(), "the rules go with the last worker"


def _remove(place: Place) -> None:
    client = docker.from_env(version="auto")
    ours = {"label": f"slipway.installation={place.folder.installation}"}
    for container in client.containers.list(all=True, filters=ours):
        container.remove(force=True, v=True)
    place.stop()
    for thing in (*client.volumes.list(filters=ours), *client.networks.list(filters=ours)):
        thing.remove()
    for image in client.images.list(filters=ours):
        client.images.remove(image.id, force=True)
    client.close()


def rules() -> str:
    return subprocess.run(["iptables", "-S", "INPUT"], check=True, capture_output=True, text=True).stdout
