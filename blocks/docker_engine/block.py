"""The Docker engine: workers, candidate images and running apps in containers of one engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, PrivateAttr, SecretStr

from blocks.docker_engine.apps import DockerApps
from blocks.docker_engine.capabilities import WorkerImages
from blocks.docker_engine.commands import DockerWorker
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.data import DockerData
from blocks.docker_engine.images import DockerImages
from blocks.docker_engine.inventory import DockerInventory
from blocks.docker_engine.networks import DockerNetworks, EgressProxy
from blocks.docker_engine.resource_image import ResourceImage
from blocks.docker_engine.resources import DockerResources
from blocks.docker_engine.spares import DockerSpares
from blocks.docker_engine.volumes import DockerVolumes
from blocks.docker_engine.workers import DockerWorkers
from blocks.kept_data import KeptData
from blocks.model_gateway import ModelGateway
from blocks.package_caches import PackageCaches
from blocks.placed_resources import PlacedResources
from blocks.resource_dumps import ResourceDumps
from blocks.server_databases import ServerDatabases
from domain.app_data import NoRoom, Saved, Schema
from domain.candidates import BuildFailed, Built
from domain.inventory import Held
from domain.workers import AppSpec, AppStatus, WorkerInfo, WorkerSpec


class DockerEngine(Block):
    """Fulfil `domain.workers.Engine` on a Docker engine of version 20.10 or newer."""

    _block_type_name: ClassVar[str] = "Slipway Docker Engine"
    _block_type_slug: ClassVar[str] = "slipway-docker-engine"

    installation: str = Field(description="Name of this installation; containers of others are never touched")
    docker_host: str | None = Field(default=None, description="Address of the engine; unset: Docker's own variables decide")
    base_image: str = Field(description="Image given to projects' Dockerfiles as BASE_IMAGE")
    worker_image: str = Field(description="Image that agents work in")
    tool_images: dict[str, str] = Field(
        default_factory=dict,
        description="Images of workers with a program from npm, by its pinned name; `node`: with Node alone",
    )
    data_folder: str = Field(description="Slipway's data folder on this machine; locks lie in it")
    app_postgres_url: SecretStr | None = Field(
        default=None, description="Address of a Postgres server for projects' databases; unset: each project has its own"
    )
    egress_port: int | None = Field(
        default=None, description="Port of the egress proxy on the workers' network; unset: agents reach nothing"
    )
    egress_key: SecretStr | None = Field(default=None, description="Key that makes the runs' tokens for the egress proxy")
    gateway_port: int | None = Field(
        default=None, description="Port of the model gateway on the workers' network; unset: no CLI agent can work"
    )
    gateway_key: SecretStr | None = Field(default=None, description="Key that makes the runs' tokens for the model gateway")

    _workers: DockerWorkers = PrivateAttr()
    _images: DockerImages = PrivateAttr()
    _apps: DockerApps = PrivateAttr()
    _data: DockerData = PrivateAttr()
    _dumps: ResourceDumps = PrivateAttr()
    _kept: KeptData = PrivateAttr()
    _caches: PackageCaches = PrivateAttr()
    _inventory: DockerInventory = PrivateAttr()
    _own_resources: DockerResources = PrivateAttr()
    _resources: PlacedResources = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        connection = DockerConnection(self.docker_host)
        networks = DockerNetworks(connection, self.installation, Path(self.data_folder))
        self._caches = PackageCaches(Path(self.data_folder))
        self._workers = DockerWorkers(
            connection,
            networks,
            self.installation,
            WorkerImages(connection, self.worker_image, self.tool_images),
            self._egress(),
            self._caches,
            DockerSpares(connection, self.installation, Path(self.data_folder)),
            self._gateway(),
        )
        self._images = DockerImages(connection, networks, self.installation, self.base_image, self._egress())
        self._inventory = DockerInventory(connection, self.installation)
        volumes = DockerVolumes(connection, self.installation, self.worker_image)
        self._data = DockerData(connection, volumes, self.worker_image)
        image = ResourceImage(connection, self.base_image, self.installation, Path(self.data_folder))
        self._own_resources = DockerResources(connection, networks, self.installation, image)
        server = ServerDatabases(Path(self.data_folder), self.app_postgres_url, self.installation, isolates=True)
        self._resources = PlacedResources(self._own_resources, server)
        self._dumps = ResourceDumps(self._resources, Path(self.data_folder) / "dumps")
        self._kept = KeptData(self._data, self._dumps)
        self._apps = DockerApps(connection, networks, volumes, self._data, self.installation)

    def _egress(self) -> EgressProxy | None:
        if self.egress_port is None or self.egress_key is None:
            return None
        return EgressProxy(self.egress_port, self.egress_key.get_secret_value())

    def _gateway(self) -> ModelGateway | None:
        if self.gateway_port is None or self.gateway_key is None:
            return None
        return ModelGateway(self.gateway_port, self.gateway_key.get_secret_value())

    @property
    def isolates(self) -> bool:
        return True

    @property
    def resources(self) -> PlacedResources:
        """Return what runs the projects' databases, on the same engine or on the operator's server."""
        return self._resources

    @property
    def own_resources(self) -> DockerResources:
        """Return what runs databases on the same engine."""
        return self._own_resources

    async def spawn(self, spec: WorkerSpec) -> DockerWorker:
        return await self._workers.spawn(spec)

    async def workers(self, run: str | None = None) -> Sequence[WorkerInfo]:
        return await self._workers.workers(run)

    async def remove_worker(self, identity: str) -> None:
        await self._workers.remove(identity)

    async def refill(self, spec: WorkerSpec, size: int) -> None:
        """Have `size` spares for workers of this shape, and no others; whose they become is told at their claim."""
        await self._workers.refill(spec, size)

    async def build(self, source: Path, project: str, run: str, seconds: float = 600.0) -> Built | BuildFailed:
        """Build with the engine's own builder; `run` is no part of a candidate, so that equal content is found again."""
        return await self._images.build(source, project, run, seconds)

    async def remove_candidate(self, candidate: str) -> None:
        await self._images.remove(candidate)

    async def candidates(self, project: str) -> Sequence[str]:
        return await self._images.of_project(project)

    async def start(self, spec: AppSpec) -> AppStatus:
        return await self._apps.start(spec)

    async def resume(self, identity: str) -> AppStatus:
        return await self._apps.resume(identity)

    async def stop(self, identity: str, seconds: float = 30.0) -> None:
        await self._apps.stop(identity, seconds)

    async def remove(self, identity: str) -> None:
        await self._apps.remove(identity)

    async def status(self, identity: str) -> AppStatus:
        return await self._apps.status(identity)

    async def apps(self, project: str | None = None) -> Sequence[AppStatus]:
        return await self._apps.apps(project)

    async def logs(self, identity: str, lines: int = 200) -> str:
        return await self._apps.logs(identity, lines)

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        return await self._kept.save_data(project, reference, limit_mb)

    async def data_schema(self, project: str) -> Schema:
        return await self._kept.data_schema(project)

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        return await self._kept.restore_data(project, reference)

    async def forget_data(self, project: str, reference: str) -> None:
        await self._kept.forget_data(project, reference)

    async def host_address(self, project: str) -> str:
        """Return the gateway address of the project's network, which is made when it is missing."""
        return await self._apps.host_address(project)

    async def remove_data(self, project: str) -> None:
        """Delete the project's volumes, its dumps, and what its workers' package managers fetched."""
        await self._data.remove(project)
        await self._dumps.remove(project)
        await self._caches.forget(project)

    async def held(self) -> Sequence[Held]:
        return await self._inventory.held()

    async def discard(self, held: Held) -> bool:
        is_gone = await self._inventory.discard(held)
        if is_gone and held.kind == "preview":
            await self._apps.remove(held.identity)  # the data that is its own
        return is_gone
