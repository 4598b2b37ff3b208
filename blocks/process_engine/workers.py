"""Workers of the process engine: a folder each, and commands run in it."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from blocks.archives import pack, unpack
from blocks.git.credentials import helper_environment
from blocks.model_gateway import ModelGateway, gateway_doors
from blocks.process_engine.candidates import Candidates
from blocks.process_engine.commands import run_command
from blocks.process_engine.environments import Environments
from blocks.process_engine.folders import base_python, copy, delete, overlaid, partial, place, scrubbed, settle
from blocks.process_engine.tree import Tree
from domain.capabilities import lacking
from domain.errors import CapabilityMissing, EngineUnreachable, UnsafeArchive
from domain.workers import Command, CommandResult, WorkerInfo, WorkerSpec

FILE_LIMIT = 50_000
"""Files that may be put into a workspace at once."""


class ProcessWorker:
    """A folder with `workspace`, `home` and `tmp`; nothing keeps its commands from leaving it."""

    def __init__(
        self,
        folder: Path,
        spec: WorkerSpec,
        venv: Path,
        ca_bundle: str | None,
        doors: Mapping[str, str] | None = None,
        programs: tuple[Path, ...] = (),
    ) -> None:
        self._folder = folder
        self._spec = spec
        base = scrubbed(folder, path=(venv / "bin", *programs), ca_bundle=ca_bundle)
        own = {"VIRTUAL_ENV": str(venv), **(doors or {})}
        self._environment = overlaid(base, own, spec.environment, {"SLIPWAY_WORKER": str(folder)})

    @property
    def identity(self) -> str:
        return self._spec.identity

    @property
    def workspace(self) -> str:
        return str(self._folder / "workspace")

    async def run(self, command: Command) -> CommandResult:
        """Run it with this worker's environment; the mark that `remove_worker` finds it by cannot be overridden."""
        if not self._folder.is_dir():
            raise EngineUnreachable(f"worker {self.identity}", "starting a command", "it is gone")
        marked = {**command.environment, "SLIPWAY_WORKER": str(self._folder)}
        folder = Path(self.workspace, command.cwd)
        bounded = command.model_copy(update={"environment": marked})
        return await run_command(bounded, folder=folder, environment=self._environment, limits=self._spec.limits)

    async def put(self, archive: bytes) -> None:
        await asyncio.to_thread(unpack, archive, Path(self.workspace), self._spec.limits.disk_mb << 20, FILE_LIMIT)

    async def get(self) -> bytes:
        """Raises UnsafeArchive when the workspace holds more than its disk limit, or what cannot be read."""
        limit = self._spec.limits.disk_mb << 20
        try:
            return await asyncio.to_thread(lambda: pack(Path(self.workspace), limit_bytes=limit))
        except OSError as error:  # closed to us, or gone while we looked
            raise UnsafeArchive(str(error.filename), f"cannot be read: {error.strerror}") from error


class Workers:
    """The folder `workers` and what is in it; `worker.json` in each is its spec from birth."""

    def __init__(
        self,
        root: Path,
        environments: Environments,
        candidates: Candidates,
        ca_bundle: str | None,
        gateway: ModelGateway | None = None,
    ) -> None:
        self._root = root
        self._environments = environments
        self._candidates = candidates
        self._ca_bundle = ca_bundle
        self._gateway = gateway

    async def spawn(self, spec: WorkerSpec) -> ProcessWorker:
        """Make the folder, or adopt the one of the same identity as it is."""
        doors = self._doors(spec)
        if lack := lacking(spec.identity, spec.capabilities, _present()):
            raise CapabilityMissing(lack)
        wants_node = spec.program is not None or "node" in spec.capabilities
        programs = await self._environments.node(spec.program) if wants_node else ()
        home = place(self._root, "workers", spec.identity)
        source = self._candidates.folder(spec.image) if spec.image else None
        venv = (source / "venv").readlink() if source else await self._environments.agent()
        if not home.is_dir():
            with partial(self._root) as folder:
                await asyncio.to_thread(_furnish, folder, spec, source / "app" if source else None)
                settle(folder, home)
        return ProcessWorker(home, _spec(home) or spec, venv, self._ca_bundle, doors, programs)

    def _doors(self, spec: WorkerSpec) -> dict[str, str]:
        """Return how programs in the worker find the gateway, and git the helper that asks it."""
        helper = helper_environment(base_python()) if "github" in spec.capabilities else {}
        return {**gateway_doors(self._gateway, "127.0.0.1", spec), **helper}

    def found(self, run: str | None = None) -> Sequence[WorkerInfo]:
        """List the workers; a folder is a worker that can run commands, so each counts as running."""
        specs = [spec for path in self._places() if (spec := _spec(path)) and run in (None, spec.run)]
        return [
            WorkerInfo(identity=spec.identity, project=spec.project, run=spec.run, role=spec.role, running=True)
            for spec in specs
        ]

    def images(self) -> set[str]:
        """Return the candidates that workers were made from."""
        return {spec.image for path in self._places() if (spec := _spec(path)) and spec.image}

    async def remove(self, identity: str) -> None:
        """Kill whatever it started and delete it."""
        home = place(self._root, "workers", identity)
        await asyncio.to_thread(Tree(f"SLIPWAY_WORKER={home}").kill)
        await asyncio.to_thread(delete, home, self._root)

    def _places(self) -> Sequence[Path]:
        return sorted((self._root / "workers").glob("*"))


def _furnish(folder: Path, spec: WorkerSpec, app: Path | None) -> None:
    for name in ("home", "tmp"):
        (folder / name).mkdir(mode=0o700)
    if app is None:
        (folder / "workspace").mkdir(mode=0o755)
    else:
        copy(app, folder / "workspace")
    with open(os.open(folder / "worker.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(spec.model_dump_json())


def _present() -> set[str]:
    """Return the capabilities of this machine's workers; there is no container for `docker`."""
    return {"python", "node", *(["git", "github"] if shutil.which("git") else [])}


def _spec(home: Path) -> WorkerSpec | None:
    """Return the spec that the worker was born with; None when it is gone."""
    try:
        return WorkerSpec.model_validate_json((home / "worker.json").read_bytes())
    except FileNotFoundError:
        return None
