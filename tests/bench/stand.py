"""An app on the benches' own installation: its repository and candidates made here, its releases by Slipway's own flows."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client

from deployments.desk.opening import open_desk
from deployments.desk.releasing import start_release
from deployments.desk.requests import Desk
from deployments.prefect_server.flow_results import has_ended
from domain.briefs import AcceptanceCheck, Brief
from domain.candidates import Built
from domain.releases import Release, live
from domain.runs import DeliveryRequest, Origin, Run, RunState
from tasks.preparer import AUTHOR, prepare_repository
from tests.bench import frail_app
from tests.bench.installation import Installation
from tests.bench.load import Target

T = TypeVar("T")

MANIFEST = """{"name": "bench", "healthchecks": {"web": [
    {"type": "startup", "path": "/health", "content": "well", "attempts": 60, "wait": 1, "timeout": 5}]}}
"""
APP = Path(frail_app.__file__).read_text(encoding="utf-8")
ORIGIN = Origin(channel="cli", person="local:bench")
SOUND, FRAIL = "sound", "frail"


@dataclass(frozen=True)
class Code:
    """What a release is made of."""

    commit: str
    candidate: str


@dataclass(frozen=True)
class Stand:
    """One project, ready to be released again and again."""

    desk: Desk
    slipway: Installation
    project: str
    sound: Code
    frail: Code

    @property
    def target(self) -> Target:
        return Target(port=self.slipway.up.http_port, host=f"{self.project}.localhost:{self.slipway.up.http_port}")

    async def begin_release(self, code: Code, key: str | None = None) -> Run:
        """Hand a run to the release deployment."""
        return await start_release(self.project, code.commit, code.candidate, "bench", ORIGIN, key, self.desk.registry)

    async def release(self, code: Code) -> Release:
        """Put the code online and return what serves, when the run has ended."""
        run = await self.ended(await self.begin_release(code))
        if run.state is not RunState.DELIVERED:
            raise SystemExit(f"a release of {self.project} failed: {run.message}")
        return await self.live()

    async def ended(self, run: Run) -> Run:
        return await until(lambda: self._ended(run.id), f"run {run.id} has ended")

    async def _ended(self, run: str) -> Run | None:
        found = await self.desk.registry.run(run)
        return found if found is not None and found.state.ended else None

    async def flow_ended(self, flow_run: str) -> None:
        """Wait until the flow run has come to its end."""
        async with get_client() as client:

            async def final() -> bool | None:
                return has_ended(await client.read_flow_run(UUID(flow_run))) or None

            await until(final, f"flow run {flow_run} has ended")

    async def releases(self) -> Sequence[Release]:
        return await self.desk.registry.releases(self.project)

    async def live(self) -> Release:
        found = live(await self.releases())
        if found is None:
            raise SystemExit(f"no release of {self.project} serves")
        return found

    async def replaced(self, number: int, seconds: float = 120.0) -> Release:
        """Wait until another release than this one serves, and return it."""

        async def another() -> Release | None:
            found = await self.live()
            return found if found.number != number else None

        return await until(another, f"another release than {number} of {self.project} serves", seconds)


async def until(condition: Callable[[], Awaitable[T | None]], what: str, seconds: float = 180.0) -> T:
    """Return what the condition returns as soon as it is something; end the bench when it never is."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = await condition()
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise SystemExit(f"it never came true within {seconds:.0f} s that {what}")


@asynccontextmanager
async def stand(slipway: Installation, project: str = "bench") -> AsyncIterator[Stand]:
    """Yield a project with both candidates built; nothing of it is online yet."""
    async with open_desk(slipway.prefect) as desk:
        head = await founded(desk, project)
        sound = await built(desk, project, head, SOUND)
        yield Stand(desk, slipway, project, sound, await built(desk, project, sound.commit, FRAIL))
        await desk.registry.close()  # type: ignore[attr-defined]


def bench_brief(project: str) -> Brief:
    return Brief(
        title="Bench",
        slug=project,
        kind="web-service",
        language="en",
        summary="It serves, and breaks when told to.",
        stories=("As a bench I measure.",),
        checks=(AcceptanceCheck(id="up", text="When it is asked for its health, then it is well."),),
    )


async def founded(desk: Desk, project: str) -> str:
    """Make project and repository as the first delivery does; return the scaffold's commit."""
    brief = bench_brief(project)
    now = datetime.now(UTC)
    await desk.registry.add_project(brief, "local:bench", desk.blocks.installation.domain_of(project), now)
    run = f"r-{project.replace('-', '')}000000"
    await desk.registry.add_run(DeliveryRequest(run=run, project=project, request="bench", brief=brief, origin=ORIGIN), now)
    await desk.registry.update_run(run, state=RunState.DELIVERED, ended=now)
    return await prepare_repository.fn(run, brief, desk.blocks.git)


async def built(desk: Desk, project: str, parent: str, release: str) -> Code:
    """Commit the app of this name and build its candidate."""
    git, engine = desk.blocks.git, desk.blocks.engine
    source = APP.replace('RELEASE = "sound"', f'RELEASE = "{release}"')
    with tempfile.TemporaryDirectory(prefix="slipway-bench-app-") as name:
        folder = Path(name)
        await git.checkout(project, parent, folder)
        (folder / "app/main.py").write_text(source, encoding="utf-8")
        (folder / "app.json").write_text(MANIFEST, encoding="utf-8")
        commit = await git.commit_tree(project, folder, branch="main", parent=parent, message=release, author=AUTHOR)
        candidate = await engine.build(folder, project, f"r-{release}000000")
    if not isinstance(candidate, Built):
        raise SystemExit(f"the bench's app could not be built:\n{candidate.log[-2000:]}")
    return Code(commit.sha, candidate.candidate)
