"""A project whose repository is at a GitHub on loopback, and what answers that GitHub's webhooks here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from deployments.desk.allowances import Allowances
from deployments.desk.pushing import pushed_run
from deployments.github.listener import Listener
from deployments.github.place import Place
from domain.heard import Commented, Heard, Labelled, Pushed
from domain.registry import Registry
from domain.runs import DeliveryRequest, Origin, Project, Run
from domain.webhooks import Webhook, digest_of
from tests.deployments.api_bench import ANN, ApiDesk
from tests.fakes.desk import a_brief
from tests.fakes.git_server import IDENTITY, git
from tests.fakes.github_places import NAME, github_place
from tests.fakes.github_places import Place as Remote
from tests.registry_database import lay_registry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WRITER, OWNER, STRANGER = "wanda", "olga", "stan"
"""Who may write to the repository, who administers it, and who may neither."""


@dataclass(kw_only=True)
class Bench:
    """What a test looks at; `hear` is what the door has written down."""

    place: Place
    remote: Remote
    desk: ApiDesk
    pushed: list[DeliveryRequest] = field(default_factory=list)
    heard: int = 0

    @property
    def registry(self) -> SqlRegistry:
        return self.desk.registry

    async def hear(self, *events: Heard) -> list[str]:
        """Let these be heard and answered; return what came of each."""
        ids = []
        for event in events:
            self.heard += 1
            ids.append(f"d-{self.heard}")
            digest = digest_of(f"{self.heard}".encode())
            assert await self.registry.hear(Webhook(id=ids[-1], digest=digest, event=event, at=NOW))
        return await self.answer(ids)

    async def answer(self, ids: Sequence[str]) -> list[str]:
        await Listener(self.place).take_waiting()
        return [await self.outcome(id) for id in ids]

    async def outcome(self, id: str) -> str:
        from sqlalchemy import select

        from blocks.registry.door_tables import webhooks

        async with self.registry.reading() as db:
            return str((await db.execute(select(webhooks.c.outcome).where(webhooks.c.id == id))).scalar())

    def said(self, issue: int = 1) -> list[str]:
        """Return what was said at the issue, without marks."""
        return [each["body"].partition("-->\n")[2] for each in self.remote.state.comments[NAME, issue]]

    def reactions(self) -> set[tuple[str, int, str]]:
        return {(kind, number, content) for _, kind, number, content in self.remote.state.reactions}

    def commit(self, files: dict[str, str], parent: str | None) -> str:
        """Let a person push a commit with these files to main of the repository at GitHub."""
        bare = self.remote.state.folder / f"{NAME}.git"
        tree = git(bare, "mktree", given="".join(self._entry(bare, *each) for each in files.items()).encode())
        onto = ("-p", parent) if parent else ()
        commit = git(bare, *IDENTITY, "commit-tree", tree, *onto, "-m", f"Commit of {len(files)} files")
        git(bare, "update-ref", "refs/heads/main", commit)
        return commit

    def _entry(self, bare: Path, name: str, text: str) -> str:
        return f"100644 blob {git(bare, 'hash-object', '-w', '--stdin', given=text.encode())}\t{name}\n"


def label(sender: str = WRITER, issue: int = 1, title: str = "Notes can be pinned", text: str = "A pin.") -> Labelled:
    return Labelled(repository=NAME, sender=sender, happened=NOW, issue=issue, title=title, text=text)


def comment(words: str, sender: str = WRITER, issue: int = 1, id: int = 7) -> Commented:
    return Commented(repository=NAME, sender=sender, happened=NOW, issue=issue, comment=id, words=words)


def push(after: str, sender: str = WRITER, title: str = "Pins") -> Pushed:
    return Pushed(repository=NAME, sender=sender, happened=NOW, branch="main", before="0" * 40, after=after, title=title)


@asynccontextmanager
async def github_bench(folder: Path) -> AsyncIterator[Bench]:
    """Serve GitHub with the repository of the project `notes`, whose owner is Ann."""
    url = f"sqlite+aiosqlite:///{folder}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=5_000_000)
    with github_place(folder) as remote:
        desk = ApiDesk(registry)
        desk.blocks.git = desk.git = remote.host
        remote.state.make(NAME)
        remote.state.people.update({(NAME, WRITER): "write", (NAME, OWNER): "admin", (NAME, STRANGER): "read"})
        await registry.add_project(a_brief("notes", "Notes"), ANN, "notes.localhost", NOW)
        await registry.set_repository("notes", NAME)
        place = Place(
            desk=desk,  # type: ignore[arg-type]
            registry=registry,
            wakeups=desk.wakeups,  # type: ignore[arg-type]
            github=remote.app,
            remote=remote.remote_of(remote.app),
            allowances=Allowances(registry, desk.wakeups),  # type: ignore[arg-type]
            label="slipway",
            clock=lambda: NOW,
        )
        bench = Bench(place=place, remote=remote, desk=desk)

        async def start_push(project: Project, commit: str, why: str, origin: Origin, store: Registry) -> Run:
            request = DeliveryRequest(
                run=pushed_run(project, commit), project=project.slug, change=True, request=why, brief=project.brief,
                origin=origin, commit=commit,
            )  # fmt: skip
            if await store.run(request.run) is None:
                bench.pushed.append(request)
            return await store.add_run(request, NOW)

        bench.place = replace(place, start_push=start_push)
        yield bench
    await registry.close()


def fields(run: Run) -> dict[str, Any]:
    return run.origin.model_dump(include={"channel", "chat", "person"})


async def proposed(bench: Bench) -> str:
    """Let the issue be labelled and approved; return its run."""
    await bench.hear(label(), comment("approve", id=70))
    [run] = await bench.registry.runs("notes")
    return run.id
