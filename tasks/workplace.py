"""The developer's worker, with the repository in it.

True afterwards: the worker's workspace is where the conversation is. For our own loop that is the base and every answered tool
call of the transcript; a CLI's session is in the worker, so a new one begins at the last committed round. Blocks: engine, git
host, registry (transcripts).
"""

import asyncio
import tempfile
from pathlib import Path

from blocks.archives import pack
from domain.attachments import FOLDER, Attachments
from domain.capabilities import Capability, granted
from domain.cli_agents import Arrangement, CliAgent
from domain.conversations import Transcripts
from domain.protocols import GitHost
from domain.runs import DeliveryRequest
from domain.workers import Command, Limits, Worker, WorkerSpawner, WorkerSpec
from tasks.agent_calls import replay_tools
from tasks.agent_tools import Toolbox
from tasks.kinds import kind_named

LOOK = 'test -f "$HOME/.slipway-ready" || { ls -A; exit 1; }'
MARK = 'mkdir -p "$HOME" && touch "$HOME/.slipway-ready"'
"""A worker carries this mark when the repository is in it and every answered tool call of the transcript has been run."""
LIMITS = Limits(memory_mb=3072, cpus=2.0, pids=512, disk_mb=1024)

# A repository of the worker's own: agents see what they changed. It never comes out, only files do.
OWN_GIT = (
    "git init -q && git add -A && git -c user.name=Slipway -c user.email=slipway@localhost commit -q --allow-empty -m Start"
)
REPORT = ".git/last-report.md"
"""Where Ralph finds the report of the last test: in the workspace, but in no commit."""
REPORT_IN = f'mkdir -p .git && cat >"{REPORT}"'


def worker_name(run: str, number: int, arrangement: Arrangement) -> str:
    """Return the worker's identity: one for the run, or one for each fresh round."""
    return f"{run}-developer-{number}" if arrangement.ralph else f"{run}-developer"


def conversation_name(run: str, number: int, arrangement: Arrangement) -> str:
    return f"{run}/developer-{number}" if arrangement.ralph else f"{run}/developer"


def usual_worker(capabilities: tuple[Capability, ...] = ()) -> WorkerSpec:
    """Return the shape of the worker that most runs of an installation ask for; whose it is is nobody's yet."""
    return WorkerSpec(
        identity="usual", project="", run="", role="developer", network="packages", limits=LIMITS, capabilities=capabilities
    )


def wanted_capabilities(kind: str, arrangement: Arrangement) -> tuple[Capability, ...]:
    """Return what the kind and the installation name for a developer's worker."""
    return (*kind_named(kind).capabilities, *arrangement.capabilities)


async def ready_worker(
    request: DeliveryRequest,
    number: int,
    base: str,
    arrangement: Arrangement,
    agent: CliAgent | None,
    git: GitHost,
    engine: WorkerSpawner,
    transcripts: Transcripts,
    repository: str = "",
    files: Attachments | None = None,
) -> Worker:
    """Return the round's worker with the repository in it; a new one is brought to where the conversation is.

    `repository` is the project's own at GitHub, if any. The files that came with the request are put in at the very beginning:
    later they are part of the run's commits, as far as the developer has kept them.
    """
    spec = _spec(request, number, arrangement, agent, repository)
    worker = await engine.spawn(spec)
    found = await worker.run(Command(argv=("sh", "-c", LOOK), seconds=20))
    if found.ok:
        return worker
    if found.stdout.strip():  # killed while it was made ready: nobody knows how far that came
        await engine.remove_worker(spec.identity)
        worker = await engine.spawn(spec)
    if arrangement.ralph and number > 1:
        await engine.remove_worker(worker_name(request.run, number - 1, arrangement))
    goes_on = arrangement.ralph or agent is not None
    begin = await git.head(request.project, f"run/{request.run}") if goes_on else None
    await _check_out(request.project, begin or base, git, worker)
    if request.attachments and begin is None and files is not None:
        await _put_files(request, files, worker)
    await worker.run(Command(argv=("sh", "-c", OWN_GIT), seconds=60))
    if agent is None:
        await replay_tools(await transcripts.load(conversation_name(request.run, number, arrangement)), Toolbox(worker))
    await worker.run(Command(argv=("sh", "-c", MARK), seconds=20))
    return worker


async def put_report(worker: Worker, text: str | None) -> None:
    """Put what a fresh round is to know of the last one where it finds it."""
    await worker.run(Command(argv=("sh", "-c", REPORT_IN), stdin=(text or "There was no test yet.").encode(), seconds=20))


def _spec(
    request: DeliveryRequest, number: int, arrangement: Arrangement, agent: CliAgent | None, repository: str
) -> WorkerSpec:
    return WorkerSpec(
        identity=worker_name(request.run, number, arrangement),
        project=request.project,
        run=request.run,
        role="developer",
        network="packages",
        limits=LIMITS,
        capabilities=granted(wanted_capabilities(request.brief.kind, arrangement), repository),
        program=agent.program if agent else None,
        gateway_role="developer" if agent else "",
    )


async def _put_files(request: DeliveryRequest, files: Attachments, worker: Worker) -> None:
    with tempfile.TemporaryDirectory(prefix="slipway-files-") as folder:
        root = Path(folder)
        (root / FOLDER).mkdir()
        await files.lay_out(request.run, request.attachments, root / FOLDER)
        await worker.put(await asyncio.to_thread(pack, root))


async def _check_out(project: str, commit: str, git: GitHost, worker: Worker) -> None:
    with tempfile.TemporaryDirectory(prefix="slipway-develop-") as folder:
        root = Path(folder) / "clone"
        root.mkdir()
        await git.checkout(project, commit, root)
        await worker.put(await asyncio.to_thread(pack, root))
