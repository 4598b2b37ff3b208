"""Somebody at a terminal, with an installation elsewhere and one here that hold the same; the API is the real one, by HTTP."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from deployments.commands.sessions import Shared
from deployments.commands.table import run
from deployments.remote.logins import keep
from domain.audit import AuditLine
from domain.previews import PreviewedChange, PreviewState
from domain.proofs import SignedProof
from domain.runs import RunState
from tests.deployments.api_bench import ANN, NOON, OPERATOR, READ, WRITE, Api, ApiDesk, api_in
from tests.deployments.conftest import released
from tests.deployments.test_api_service import served
from tests.deployments.test_cli import UP
from tests.fakes.desk import a_brief
from tests.fakes.vault import MemoryVault


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """One registry behind both: what is shown must be the same, and what is done is done to one project each."""

    api: Api
    url: str
    folder: Path

    async def elsewhere(self, *words: str) -> Said:
        return await asyncio.to_thread(said, words, Shared(server=self.url))

    async def here(self, *words: str) -> Said:
        return await asyncio.to_thread(said, words, Shared(here=self.session))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Any, Any]]:
        registry = SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{self.folder}/registry.db"), budget_micro_usd=5_000_000)
        desk = ApiDesk(registry)
        desk.vault = desk.blocks.vault = self.api.desk.vault
        desk.blocks.accounts, desk.confirmed = self.api.desk.blocks.accounts, self.api.desk.confirmed
        yield desk, UP.model_copy(update={"home": str(self.folder)})
        await registry.close()


def said(words: Sequence[str], shared: Shared) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run(words, shared)
        except SystemExit as left:
            code = int(left.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@asynccontextmanager
async def desk_in(folder: Path, *projects: str) -> AsyncIterator[Desk]:
    """Yield a desk with these projects, each with everything that a command may name."""
    async with api_in(folder) as api:
        for slug in projects:
            await furnished(api, slug)
        async with served(api) as client:
            url = str(client.base_url).rstrip("/")
            keep(url, await api.key(ANN, READ, WRITE, OPERATOR))
            yield Desk(api, url, folder)


async def furnished(api: Api, slug: str) -> None:
    """Let there be a project with runs, releases, a secret, a preview, a proof and code."""
    desk, registry = api.desk, api.registry
    first = await api.project(slug)
    await desk.go_on(first, "plan", text="the architect writes the plan")
    await desk.end(first, RunState.FAILED, "it never became healthy")
    asking = await api.run(slug, at=NOON + timedelta(minutes=1))
    await desk.ask(asking)
    await released(desk, slug, 2)  # type: ignore[arg-type]
    await desk.vault.put(slug, "TOKEN", "hush-hush-hush")
    await api.committed(slug)
    change = PreviewedChange(
        project=slug, run=first, commit="new", candidate="sha256:2", base="old", brief=a_brief(slug, slug), checks=()
    )
    now = datetime.now(UTC)
    await registry.add_preview(change, "localhost", now, now + timedelta(days=3))
    address, version = f"http://{slug}-1.localhost:8080", (await registry.add_environment(slug, {}, {})).number
    await registry.move_preview(slug, 1, PreviewState.UP, address=address, environment_version=version)
    proof = SignedProof(run=first, body={"project": slug, "commit": "c" * 40}, signature="00", created=NOON)
    await registry.add_proof(slug, "c" * 40, proof)
    await registry.audit(AuditLine(project=slug, at=now, actor=ANN, what="secret TOKEN stored", version=1))


__all__ = ["Desk", "MemoryVault", "Said", "desk_in", "said"]
