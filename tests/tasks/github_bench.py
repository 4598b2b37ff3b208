"""A project that serves here, and its home at a GitHub of our own; registry, git and HTTP are real."""

from pathlib import Path

from blocks.github.block import GitHubAccess
from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from domain.github import CommitCheck
from domain.mutants import MutationRun
from domain.rehearsals import SUITE
from domain.releases import ReleaseState
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.reviews import Review
from domain.turns import Judged
from tasks.github import Homes, bring_to_github, show_check
from tasks.proof import prove
from tests.fakes.github_places import OWNER, Place
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW, request

WORKFLOW = "on: push\nenv:\n  KEY: ${{ secrets.API_KEY }}\n  OWN: ${{ secrets.GITHUB_TOKEN }}\n"
ADDRESS = "http://notes.localhost:8080"


class Serving:
    """The project `notes`, with what serves of it."""

    def __init__(self, place: Place, registry: SqlRegistry, folder: Path, **choices: object) -> None:
        self.place, self.registry, self.vault = place, registry, MemoryVault()
        self.work = folder / "work"
        given = {"home": str(folder), "engine": "docker", "model": "m", "github": True, "github_owner": OWNER, **choices}
        self.installation = Installation.model_validate(given)

    async def commit(self, text: str, parent: str | None, branch: str = "main") -> str:
        workflow = self.work / ".github/workflows/tests.yml"
        workflow.parent.mkdir(parents=True, exist_ok=True)
        workflow.write_text(WORKFLOW)
        (self.work / "app.py").write_text(text)
        await self.place.host.create("notes")
        made = await self.place.host.commit_tree(
            "notes", self.work, branch=branch, parent=parent, message=text, author="a <a@b.c>"
        )
        return made.sha

    async def deliver(self, run: str, text: str) -> str:
        """Let a run be accepted and serve; return its commit."""
        await self.registry.add_run(request(run), NOW)
        base = await self.place.host.head("notes") if await self.place.host.exists("notes") else None
        base = base or await self.commit("scaffold", None)
        commit = await self.commit(text, base, f"run/{run}")
        cases = (
            TestCase(suite="tests.test_a", name="test_lists", result=CaseResult.PASSED),
            TestCase(suite=SUITE, name="keep: it is listed", result=CaseResult.PASSED),
        )
        report = TestReport(outcome=Outcome.PASSED, cases=cases, summary="All 2 tests passed.", candidate="sha256:1")
        judged = Judged(number=1, commit=commit, report=report, mutation=MutationRun(), review=Review())
        await prove.fn(request(run), base, judged, (), self.installation, self.registry)
        await self.place.host.advance("notes", "main", commit)
        await self.serve(run, commit)
        return commit

    async def serve(self, run: str, commit: str) -> None:
        """Let a release of this commit serve, and what served before be kept."""
        fence = await self.registry.next_fence("notes")
        version = await self.registry.add_environment("notes", {}, {})
        made = await self.registry.add_release("notes", run, commit, "sha256:1", version.number, NOW, fence=fence)
        await self.registry.promote("notes", made.number, "127.0.0.1:1", ReleaseState.KEPT, "", NOW, fence=fence)

    async def bring(self, *, as_person: bool = False, only_if_missing: bool = False) -> str:
        """Bring it to GitHub, as a process does that has asked nothing before."""
        who = self.place.person if as_person else self.place.app
        return await bring_to_github.fn("notes", self.homes(who.model_copy()), only_if_missing=only_if_missing)

    async def show(self, check: CommitCheck, base: str) -> None:
        await show_check.fn("notes", check, base, self.homes(self.place.app))

    def homes(self, who: GitHubAccess) -> Homes:
        """Return both homes of the code, GitHub by somebody's access."""
        return Homes(
            registry=self.registry, git=self.place.host, vault=self.vault, github=who, remote=self.place.remote_of(who),
            installation=self.installation,
        )  # fmt: skip
