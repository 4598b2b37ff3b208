"""One project that serves, and the steps of a preview beside it: registry and git are real, the rest is in memory."""

from pathlib import Path

from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from domain.checks import HttpCheck, HttpStep
from domain.health import HealthCheck
from domain.outcomes import Previewed, Rejected
from domain.previews import Preview, PreviewedChange
from tasks.preview_ends import accept_preview, clear_previews, promote_preview
from tasks.previews import announce_preview, gate_preview, open_preview, show_preview, start_preview
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW, brief, request
from tests.tasks.test_upkeep import release

CHECK = HttpCheck(id="list", covers="keep", title="listed", steps=(HttpStep(path="/"),))
RUN = "r-change1"


class Stage:
    """What previews touch; each method is a step as its flow takes it."""

    def __init__(self, registry: SqlRegistry, folder: Path, address: str) -> None:
        self.registry = registry
        self.engine = FakeEngine(address=address)
        self.proxy = MemoryProxy()
        self.vault = MemoryVault()
        self.wakeups = MemoryWakeups()
        self.git = BareGitHost(folder=str(folder / "git"))
        self._work = folder / "work"

    async def commit(self, text: str, parent: str | None, branch: str = "main") -> str:
        self._work.mkdir(exist_ok=True)
        (self._work / "app.py").write_text(text)
        made = await self.git.commit_tree("notes", self._work, branch=branch, parent=parent, message=text, author="a <a@b.c>")
        return made.sha

    async def serve(self) -> str:
        """Let release 1 serve; return the commit of main."""
        await self.git.create("notes")
        base = await self.commit("one", None)
        await release(self.registry, self.engine, 1, base)
        return base

    async def change(self, base: str, run: str = RUN) -> PreviewedChange:
        """Let a delivery of this run have built a change of `base`."""
        await self.registry.add_run(request(run, change=True), NOW)
        commit = await self.commit(run, base, f"run/{run}")
        new = brief(title="Better notes")
        return PreviewedChange(
            project="notes", run=run, commit=commit, candidate=f"sha256:{run}", base=base, brief=new, checks=(CHECK,)
        )

    async def announce(self, change: PreviewedChange, days: float = 3.0) -> Preview:
        return await announce_preview.fn(change, "localhost", days, self.registry)

    async def put_up(self, change: PreviewedChange, days: float = 3.0) -> Previewed | Rejected:
        """Take all steps, as `flows.preview` does."""
        preview = await self.announce(change, days)
        version = await self.registry.add_environment("notes", {}, {"PUBLIC_URL": f"http://{preview.host}"})
        started = await start_preview.fn(preview, version.number, "web", self.registry, self.engine, self.vault)
        unfit = await gate_preview.fn(started, HealthCheck(path="/health"), 20.0, self.registry, self.engine)
        end = unfit or await open_preview.fn(
            started, f"http://{preview.host}", days, self.registry, self.engine, self.proxy, self.wakeups
        )
        if isinstance(end, Previewed):
            await show_preview.fn(end.preview, self.registry, self.wakeups)
        return end

    async def up(self, change: PreviewedChange, days: float = 3.0) -> Preview:
        end = await self.put_up(change, days)
        assert isinstance(end, Previewed), end
        return end.preview

    async def confirm(self, preview: Preview) -> None:
        """Take the steps around the release of a confirmed preview."""
        accepted = await accept_preview.fn("r-live1", "notes", preview.number, self.registry, self.git)
        assert isinstance(accepted, Preview), accepted
        await promote_preview.fn(accepted, self.registry)
        await self.clear()

    async def clear(self) -> list[str]:
        return list(await clear_previews.fn(self.registry, self.engine, self.proxy, self.wakeups, self.git))

    async def row(self, number: int = 1) -> Preview:
        return next(preview for preview in await self.registry.previews("notes") if preview.number == number)
