"""What runs elsewhere: workers for agents and tests, running apps; and the Protocols of what runs them.

Docker and local processes fulfil them (`domain.engines`). A failed command is a value; an engine that cannot be asked raises
EngineUnreachable.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from domain.capabilities import Capability, NpmProgram
from domain.gateway import DOOR
from domain.values import Value


class Limits(Value):
    """Bounds of one container or process group."""

    memory_mb: int = Field(default=2048, ge=32)
    cpus: float = Field(default=1.0, gt=0)
    pids: int = Field(default=256, ge=8)
    disk_mb: int = Field(default=1024, ge=8, description="Size of the writable workspace and of /tmp, each")


class WorkerSpec(Value):
    """A worker for an agent or for a test run. Spawning the same identity again adopts the running one."""

    identity: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,80}$", description="Unique name: run, role and round")
    project: str
    run: str
    role: str
    image: str = Field(default="", description="Candidate to run in; empty means the engine's own worker image")
    network: Literal["none", "packages"] = Field(default="none", description="`packages`: package registries")
    limits: Limits = Field(default_factory=Limits)
    environment: dict[str, str] = Field(default_factory=dict, description="Never a secret")
    capabilities: tuple[Capability, ...] = Field(default=(), description="What it must have; what it lacks is said at spawn")
    program: NpmProgram | None = Field(default=None, description="Program that its image or folder must have")
    gateway_role: str = Field(
        default="", description="Role as which a CLI in it asks models, by a token that the engine adds; empty: it reaches none"
    )
    door: str = Field(default="", pattern=DOOR, description="Door to tools of ours; its tokens end with it")

    @model_validator(mode="after")
    def _gateway_needs_a_network(self) -> Self:
        if self.gateway_role and self.network == "none":
            raise ValueError("a worker without a network cannot reach the model gateway")
        if "github" in self.capabilities and self.network == "none":
            raise ValueError("a worker without a network cannot reach GitHub")
        return self


class Command(Value):
    """One command in a worker. `argv` is run without a shell of ours."""

    argv: tuple[str, ...] = Field(min_length=1)
    cwd: str = Field(default="", description="Relative to the workspace, or absolute; empty is the workspace")
    environment: dict[str, str] = Field(default_factory=dict)
    stdin: bytes = b""
    seconds: float = Field(default=60.0, gt=0, description="Deadline; then the whole process tree is killed")
    output_limit: int = Field(default=1_000_000, ge=1, description="Bytes kept of each stream; head and tail are kept")


class CommandResult(Value):
    """How a command ended. `exit_code` is -1 when it was killed by its deadline."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False
    timed_out: bool = False
    out_of_memory: bool = False
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out

    @property
    def text(self) -> str:
        """Both streams as text, stdout first."""
        return self.stdout.decode("utf-8", "replace") + self.stderr.decode("utf-8", "replace")


class Worker(Protocol):
    """A running worker."""

    @property
    def identity(self) -> str: ...

    @property
    def workspace(self) -> str:
        """Absolute path of the writable workspace as commands in the worker see it."""
        ...

    async def run(self, command: Command) -> CommandResult:
        """Run one command to its end or deadline; raise EngineUnreachable when the worker is gone."""
        ...

    async def put(self, archive: bytes) -> None:
        """Unpack a tar archive into the workspace, as the worker's user."""
        ...

    async def get(self) -> bytes:
        """Return the workspace as a tar archive without `.git`, at most the disk limit. It is not to be trusted."""
        ...


class WorkerInfo(Value):
    """A worker found by its labels."""

    identity: str
    project: str
    run: str
    role: str
    running: bool


class WorkerSpawner(Protocol):
    """Isolated places for agents and tests."""

    @property
    def isolates(self) -> bool:
        """Tell whether strangers' code may run here."""
        ...

    async def spawn(self, spec: WorkerSpec) -> Worker:
        """Return a running worker for `spec`, adopting one of the same identity."""
        ...

    async def workers(self, run: str | None = None) -> Sequence[WorkerInfo]:
        """List this installation's workers, of one run or of all."""
        ...

    async def remove_worker(self, identity: str) -> None:
        """Kill and delete the worker with all its processes; nothing happens when there is none."""
        ...


class AppSpec(Value):
    """One running copy of a candidate."""

    identity: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,80}$", description="Unique name: project and release, or rehearsal")
    project: str
    run: str
    role: Literal["release", "rehearsal", "command", "preview"] = Field(
        default="release",
        description="A release or a preview is started again when it fails; a command is to end by itself",
    )
    candidate: str
    process: str = Field(default="web", description="Entry of the Procfile")
    first: str = Field(
        default="", description="Entry that has to end well in the same copy before `process` starts; one that is not there has"
    )
    port: int = Field(default=8000, description="PORT in its environment; where it listens inside its container")
    environment: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="Holds secret values: never log it. `${DATA_DIR}` in a value stands for the copy's own data folder",
    )
    data: Literal["project", "scratch", "copy", "empty"] = Field(
        default="project",
        description="What /data (DATA_DIR) is: the project's kept volume, an empty throw-away one, or a volume of this copy "
        "alone that goes with it: a copy of the project's as it was at the first start, or empty at first",
    )
    limits: Limits = Field(default_factory=lambda: Limits(memory_mb=512))


def filled(environment: dict[str, str], data_folder: str) -> dict[str, str]:
    """Return the environment with `${DATA_DIR}` replaced: only the engine knows where a copy's data lies."""
    return {name: value.replace("${DATA_DIR}", data_folder) for name, value in environment.items()}


class AppState(StrEnum):
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    GONE = "gone"


class AppStatus(Value):
    """What the engine knows of one running copy."""

    identity: str
    project: str = ""
    run: str = ""
    role: str = ""
    state: AppState
    address: str = Field(default="", description="`host:port` where Caddy reaches it; empty unless running")
    exit_code: int | None = None
    out_of_memory: bool = False
    restarts: int = 0
    """How often it ended by itself and was started again, since somebody started it."""
    started: datetime | None = None
    """Since when it runs as it runs now; None when it does not, or where nothing tells."""


class AppRunner(Protocol):
    """Runs releases. Nothing it starts is reachable from outside this machine."""

    async def start(self, spec: AppSpec) -> AppStatus:
        """Start the copy, or adopt one of the same identity and candidate; return at once, healthy or not."""
        ...

    async def resume(self, identity: str) -> AppStatus:
        """Start a stopped copy again, with the environment it had."""
        ...

    async def stop(self, identity: str, seconds: float = 30.0) -> None:
        """Ask it to end (SIGTERM), kill it after `seconds`; keep it so that `resume` works."""
        ...

    async def remove(self, identity: str) -> None:
        """Kill and delete the copy; nothing happens when it is gone."""
        ...

    async def status(self, identity: str) -> AppStatus:
        """Return its status; state GONE when there is none."""
        ...

    async def apps(self, project: str | None = None) -> Sequence[AppStatus]:
        """List this installation's copies, of one project or of all, cheaply enough to be asked every two seconds.

        `restarts` and `started` are only told of a copy that was started within the last minute; else they are 0 and None.
        """
        ...

    async def logs(self, identity: str, lines: int = 200) -> str:
        """Return the last lines of both its streams; empty when it is gone."""
        ...

    async def host_address(self, project: str) -> str:
        """Return the address of this machine at which the project's apps, and no machine outside, reach what listens on it."""
        ...

    async def remove_data(self, project: str) -> None:
        """Delete the project's kept data and all snapshots of it, after its copies were removed; there may be none."""
        ...
