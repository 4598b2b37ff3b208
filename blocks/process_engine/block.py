"""The engine of a machine without containers: workers, candidates and apps are folders and processes of this user."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.kept_data import KeptData
from blocks.model_gateway import ModelGateway
from blocks.placed_resources import PlacedResources
from blocks.process_engine.apps import Apps
from blocks.process_engine.candidates import Candidates
from blocks.process_engine.data import ProcessData
from blocks.process_engine.environments import Environments
from blocks.process_engine.inventory import ProcessInventory
from blocks.process_engine.resources import ProcessResources
from blocks.process_engine.workers import ProcessWorker, Workers
from blocks.resource_dumps import ResourceDumps
from blocks.server_databases import ServerDatabases
from domain.app_data import NoRoom, Saved, Schema
from domain.candidates import BuildFailed, Built
from domain.inventory import Held
from domain.workers import AppSpec, AppStatus, WorkerInfo, WorkerSpec


class ProcessEngine(Block):
    """Local processes under `folder`. It bounds and cleans up, it does not isolate: see docs/engines.md.

    A project's Dockerfile is not executed: requirements.txt is installed and the Procfile is run.
    """

    _block_type_name: ClassVar[str] = "Slipway Process Engine"
    _block_type_slug: ClassVar[str] = "slipway-process-engine"

    installation: str = Field(description="Name of this installation")
    folder: str = Field(description="Folder for workers, candidates, apps and their data; nobody else may read it")
    ca_bundle: str | None = Field(default=None, description="CA bundle file for programs that fetch packages")
    redis_server: str = Field(default="redis-server", description="Program that projects' Redis runs")
    app_postgres_url: SecretStr | None = Field(
        default=None, description="Address of a Postgres server for projects' databases; unset: each project has its own"
    )
    gateway_port: int | None = Field(
        default=None, description="Port of the model gateway on loopback; unset: no CLI agent can work"
    )
    gateway_key: SecretStr | None = Field(default=None, description="Key that makes the runs' tokens for the model gateway")

    @property
    def isolates(self) -> bool:
        return False

    @property
    def resources(self) -> PlacedResources:
        """Return what runs the projects' databases, on this machine or on the operator's server."""
        server = ServerDatabases(self._root, self.app_postgres_url, self.installation, isolates=False)
        return PlacedResources(self.own_resources, server)

    @property
    def own_resources(self) -> ProcessResources:
        """Return what runs databases on this machine."""
        return ProcessResources(self._root, self.redis_server)

    async def spawn(self, spec: WorkerSpec) -> ProcessWorker:
        return await self._workers.spawn(spec)

    async def workers(self, run: str | None = None) -> Sequence[WorkerInfo]:
        return await asyncio.to_thread(self._workers.found, run)

    async def remove_worker(self, identity: str) -> None:
        await self._workers.remove(identity)

    async def build(
        self,
        source: Path,
        project: str,
        run: str,  # noqa: ARG002 - equal files are one candidate, whoever asks
        seconds: float = 600.0,
    ) -> Built | BuildFailed:
        """Prepare the folder; a failing or endless installation is a value."""
        return await self._candidates.build(source, project, seconds)

    async def remove_candidate(self, candidate: str) -> None:
        if candidate not in self._apps.images() | self._workers.images():
            await self._candidates.remove(candidate)

    async def candidates(self, project: str) -> Sequence[str]:
        return await asyncio.to_thread(self._candidates.of_project, project)

    async def start(self, spec: AppSpec) -> AppStatus:
        """Start the copy on a free port of loopback; `spec.port` is not used, the status tells the real one."""
        return await self._apps.start(spec)

    async def resume(self, identity: str) -> AppStatus:
        return await self._apps.resume(identity)

    async def stop(self, identity: str, seconds: float = 30.0) -> None:
        await self._apps.stop(identity, seconds)

    async def remove(self, identity: str) -> None:
        await self._apps.remove(identity)

    async def status(self, identity: str) -> AppStatus:
        return await asyncio.to_thread(self._apps.status, identity)

    async def apps(self, project: str | None = None) -> Sequence[AppStatus]:
        return await asyncio.to_thread(self._apps.found, project)

    async def logs(self, identity: str, lines: int = 200) -> str:
        return await asyncio.to_thread(self._apps.logs, identity, lines)

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        return await self._kept.save_data(project, reference, limit_mb)

    async def data_schema(self, project: str) -> Schema:
        return await self._kept.data_schema(project)

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        return await self._kept.restore_data(project, reference)

    async def forget_data(self, project: str, reference: str) -> None:
        await self._kept.forget_data(project, reference)

    async def host_address(self, project: str) -> str:  # noqa: ARG002  (the same for all)
        return "127.0.0.1"

    async def remove_data(self, project: str) -> None:
        await asyncio.to_thread(self._data.remove, project)
        await self._dumps.remove(project)

    async def held(self) -> Sequence[Held]:
        return await asyncio.to_thread(self._inventory.held)

    async def discard(self, held: Held) -> bool:
        if held.kind == "image" and held.name in self._apps.images() | self._workers.images():
            return False
        return await self._inventory.discard(held)

    @property
    def _inventory(self) -> ProcessInventory:
        return ProcessInventory(self._root, self.installation, self._apps, self._data, self._candidates, self.own_resources)

    @property
    def _root(self) -> Path:
        root = Path(self.folder).resolve()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return root

    @property
    def _environments(self) -> Environments:
        return Environments(self._root, self.ca_bundle)

    @property
    def _candidates(self) -> Candidates:
        return Candidates(self._root, self._environments)

    @property
    def _workers(self) -> Workers:
        return Workers(self._root, self._environments, self._candidates, self.ca_bundle, self._gateway)

    @property
    def _gateway(self) -> ModelGateway | None:
        if self.gateway_port is None or self.gateway_key is None:
            return None
        return ModelGateway(self.gateway_port, self.gateway_key.get_secret_value())

    @property
    def _apps(self) -> Apps:
        return Apps(self._root, self._candidates, self.ca_bundle)

    @property
    def _data(self) -> ProcessData:
        return ProcessData(self._root)

    @property
    def _dumps(self) -> ResourceDumps:
        return ResourceDumps(self.resources, self._root / "dumps")

    @property
    def _kept(self) -> KeptData:
        return KeptData(self._data, self._dumps)
