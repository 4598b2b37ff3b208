"""An engine in memory: keeps what was asked of it, obeys the Protocol's rules, shouts when its script runs out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.app_data import NoRoom, Saved, Schema
from domain.candidates import BuildFailed, Built
from domain.errors import EngineUnreachable, UnknownObject
from domain.inventory import Held
from domain.workers import AppSpec, AppState, AppStatus, Command, CommandResult, WorkerInfo, WorkerSpec
from tests.fakes.resources import MemoryResources

Answer = CommandResult | Exception
Runner = Callable[[WorkerSpec, Command], Awaitable[CommandResult]]


class FakeWorker:
    """A worker whose commands are answered by its engine's script or runner."""

    def __init__(self, engine: "FakeEngine", spec: WorkerSpec) -> None:
        self._engine = engine
        self.spec = spec
        self.archives: list[bytes] = []
        self.content = b""
        """What `get` returns."""

    @property
    def identity(self) -> str:
        return self.spec.identity

    @property
    def workspace(self) -> str:
        return f"/workspace/{self.identity}"

    async def run(self, command: Command) -> CommandResult:
        self._check()
        return await self._engine.answer(self.spec, command)

    async def put(self, archive: bytes) -> None:
        self._check()
        self.archives.append(archive)

    async def get(self) -> bytes:
        self._check()
        return self.content

    def _check(self) -> None:
        self._engine.check_reachable(f"using worker {self.identity}")
        if self._engine.live_workers.get(self.identity) is not self:
            raise EngineUnreachable(f"worker {self.identity}", "starting a command", "it is gone")


class FakeEngine:
    """Fulfils `domain.workers.Engine`.

    `builds` and `commands` are used up one by one, an exception among them is raised; `run`, when given, answers
    commands instead. Apps run at `address`; `app_states[identity]` scripts what `status` says, its last one stays.
    """

    def __init__(
        self,
        *,
        builds: Sequence[Built | BuildFailed | Exception] = (),
        commands: Sequence[Answer] = (),
        run: Runner | None = None,
        address: str = "127.0.0.1:1",
        isolates: bool = True,
    ) -> None:
        self.builds = list(builds)
        self.commands = list(commands)
        self.run = run
        self.address = address
        self.addresses: dict[str, str] = {}
        """Where single apps run, instead of at `address`."""
        self._isolates = isolates
        self.reachable = True
        self.live_workers: dict[str, FakeWorker] = {}
        self.spawned: list[WorkerSpec] = []
        self.removed_workers: list[str] = []
        self.asked: list[Command] = []
        self.built: list[dict[str, bytes]] = []
        """Files of each folder that was built."""
        self.made: dict[str, str] = {}
        """Project by candidate."""
        self.started: list[AppSpec] = []
        self.live_apps: dict[str, AppSpec] = {}
        self.pruned: set[str] = set()
        """Candidates that somebody deleted by hand."""
        self.stopped: set[str] = set()
        self.removed_data: list[str] = []
        self.data: dict[str, str] = {}
        self.own_data: dict[str, str] = {}
        """By copy, of those that have data of their own."""
        """What each project keeps, as one text; a line of it that begins with `schema ` is of its schema."""
        self.copies: dict[str, dict[str, str]] = {}
        self.room_mb: int | None = None
        """What the disk has left; None is enough for everything."""
        self.resources = MemoryResources()
        self.since: dict[str, datetime] = {}
        """Since when a copy runs: each began a second after the one before, years ago, unless a test says otherwise."""
        self._begun = datetime(2000, 1, 1, tzinfo=UTC)
        self.app_states: dict[str, list[AppStatus]] = {}
        self.app_logs: dict[str, str] = {}
        self.other: list[Held] = []
        """What it holds beside copies and candidates."""

    @property
    def isolates(self) -> bool:
        return self._isolates

    def check_reachable(self, attempted: str) -> None:
        if not self.reachable:
            raise EngineUnreachable("the fake engine", attempted, "switched off by the test")

    async def answer(self, spec: WorkerSpec, command: Command) -> CommandResult:
        self.asked.append(command)
        if self.run is not None:
            return await self.run(spec, command)
        assert self.commands, f"FakeEngine's script has no answer left for {command.argv}"
        answer = self.commands.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    # workers
    async def spawn(self, spec: WorkerSpec) -> FakeWorker:
        self.check_reachable(f"spawning {spec.identity}")
        self.spawned.append(spec)
        return self.live_workers.setdefault(spec.identity, FakeWorker(self, spec))

    async def workers(self, run: str | None = None) -> Sequence[WorkerInfo]:
        self.check_reachable("listing workers")
        specs = [worker.spec for worker in self.live_workers.values() if run in (None, worker.spec.run)]
        return [WorkerInfo(identity=s.identity, project=s.project, run=s.run, role=s.role, running=True) for s in specs]

    async def remove_worker(self, identity: str) -> None:
        self.check_reachable(f"removing {identity}")
        if self.live_workers.pop(identity, None) is not None:
            self.removed_workers.append(identity)

    # candidates
    async def build(self, source: Path, project: str, run: str, seconds: float = 600.0) -> Built | BuildFailed:
        self.check_reachable(f"building {project}")
        assert self.builds, f"FakeEngine's script has no build left for {project}"
        self.built.append(_files(source))
        result = self.builds.pop(0)
        if isinstance(result, Exception):
            raise result
        if isinstance(result, Built):
            self.made[result.candidate] = project
        return result

    async def remove_candidate(self, candidate: str) -> None:
        self.check_reachable(f"removing {candidate}")
        if not any(spec.candidate == candidate for spec in self.live_apps.values()):
            self.made.pop(candidate, None)

    async def candidates(self, project: str) -> Sequence[str]:
        self.check_reachable(f"listing the candidates of {project}")
        return [candidate for candidate, owner in self.made.items() if owner == project]

    # apps
    async def start(self, spec: AppSpec) -> AppStatus:
        self.check_reachable(f"starting {spec.identity}")
        if spec.identity not in self.live_apps:
            if spec.candidate in self.pruned:
                raise UnknownObject("candidate", spec.candidate)
            self.live_apps[spec.identity] = spec
            self.started.append(spec)
            if spec.data in ("copy", "empty"):
                self.own_data[spec.identity] = self.data.get(spec.project, "") if spec.data == "copy" else ""
            self.stopped.add(spec.identity)
        return self._run(spec.identity)

    async def resume(self, identity: str) -> AppStatus:
        self.check_reachable(f"resuming {identity}")
        if identity not in self.live_apps:
            raise UnknownObject("app", identity)
        return self._run(identity)

    async def stop(self, identity: str, seconds: float = 30.0) -> None:
        self.check_reachable(f"stopping {identity}")
        if identity in self.live_apps:
            self.stopped.add(identity)

    async def remove(self, identity: str) -> None:
        self.check_reachable(f"removing {identity}")
        self.live_apps.pop(identity, None)
        self.own_data.pop(identity, None)
        self.stopped.discard(identity)

    async def status(self, identity: str) -> AppStatus:
        self.check_reachable(f"asking for {identity}")
        script = self.app_states.get(identity)
        if script and identity in self.live_apps and identity not in self.stopped:
            return script.pop(0) if len(script) > 1 else script[0]
        return self._status(identity)

    async def apps(self, project: str | None = None) -> Sequence[AppStatus]:
        self.check_reachable("listing apps")
        return [await self.status(name) for name, spec in [*self.live_apps.items()] if project in (None, spec.project)]

    async def logs(self, identity: str, lines: int = 200) -> str:
        self.check_reachable(f"reading the logs of {identity}")
        if identity not in self.live_apps:
            return ""
        return "\n".join(self.app_logs.get(identity, "").splitlines()[-lines:])

    # data
    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        self.check_reachable(f"saving the data of {project}")
        if self.room_mb is not None:
            return NoRoom(needed_mb=self.room_mb + 1, free_mb=self.room_mb)
        data = self.data.get(project, "")
        self.copies.setdefault(project, {})[reference] = data
        return Saved(bytes=len(data), schema_lines=_schema(data))

    async def data_schema(self, project: str) -> Schema:
        self.check_reachable(f"reading the schema of {project}")
        return _schema(self.data.get(project, ""))

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        self.check_reachable(f"restoring the data of {project}")
        running = [app for app, spec in self.live_apps.items() if spec.project == project and app not in self.stopped]
        assert not running, f"{running} still run on the data of {project}"
        if reference not in self.copies.get(project, {}):
            raise UnknownObject("snapshot", f"{project} {reference}")
        if self.room_mb is not None:
            return NoRoom(needed_mb=self.room_mb + 1, free_mb=self.room_mb)
        self.data[project] = self.copies[project][reference]
        return None

    async def forget_data(self, project: str, reference: str) -> None:
        self.check_reachable(f"deleting a snapshot of {project}")
        self.copies.get(project, {}).pop(reference, None)

    async def host_address(self, project: str) -> str:
        self.check_reachable(f"asking where apps of {project} find this machine")
        return "127.0.0.1"

    async def remove_data(self, project: str) -> None:
        self.check_reachable(f"deleting the data of {project}")
        assert not any(spec.project == project for spec in self.live_apps.values()), f"copies of {project} are still there"
        self.removed_data.append(project)
        self.data.pop(project, None)
        self.copies.pop(project, None)

    # what is held
    async def held(self) -> Sequence[Held]:
        self.check_reachable("listing what is held")
        copies = [
            Held(kind=spec.role, name=name, identity=name, projects=(spec.project,), run=spec.run)
            for name, spec in self.live_apps.items()
        ]
        images = [Held(kind="image", name=name, projects=(project,)) for name, project in self.made.items()]
        return [*copies, *images, *self.other]

    async def discard(self, held: Held) -> bool:
        self.check_reachable(f"removing {held.name}")
        match held.kind:
            case "release" | "rehearsal" | "preview":
                return self.live_apps.pop(held.name, None) is not None
            case "image" if any(spec.candidate == held.name for spec in self.live_apps.values()):
                return False
            case "image":
                return self.made.pop(held.name, None) is not None
            case _ if held not in self.other:
                return False
        self.other.remove(held)
        return True

    def _run(self, identity: str) -> AppStatus:
        if identity in self.stopped:
            self.stopped.remove(identity)
            self._begun += timedelta(seconds=1)
            self.since[identity] = self._begun
        return self._status(identity)

    def _status(self, identity: str) -> AppStatus:
        spec = self.live_apps.get(identity)
        if spec is None:
            return AppStatus(identity=identity, state=AppState.GONE)
        running = identity not in self.stopped
        return AppStatus(
            identity=identity,
            project=spec.project,
            run=spec.run,
            role=spec.role,
            state=AppState.RUNNING if running else AppState.STOPPED,
            address=self.addresses.get(identity, self.address) if running else "",
            exit_code=None if running else 0,
            started=self.since.get(identity) if running else None,
        )


def _schema(data: str) -> Schema:
    return tuple(line.removeprefix("schema ") for line in data.splitlines() if line.startswith("schema "))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
