"""What the nodes' tests share: a real registry on SQLite, and one project in it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.briefs import AcceptanceCheck, Brief
from domain.runs import DeliveryRequest, Origin
from tests.registry_database import lay_registry

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
COMMIT = "a" * 40


def brief(slug: str = "notes", **changes: object) -> Brief:
    given = {
        "title": "Notes",
        "slug": slug,
        "kind": "web-service",
        "language": "en",
        "summary": "Keeps notes.",
        "stories": ("As a person I keep notes.",),
        "checks": (AcceptanceCheck(id="keep", text="Given a note, when it is saved, then it is listed."),),
        **changes,
    }
    return Brief.model_validate(given)


def request(run: str = "r-000001", slug: str = "notes", **changes: object) -> DeliveryRequest:
    given = {"run": run, "project": slug, "request": "keep notes", "brief": brief(slug), "origin": Origin(person="local:me")}
    return DeliveryRequest.model_validate({**given, **changes})


@pytest_asyncio.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    """Yield a registry that holds the project `notes` and its queued run `r-000001`."""
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=url, budget_micro_usd=5_000_000)
    async with registry.kept():
        await registry.add_project(brief(), "local:me", "notes.localhost", NOW)
        await registry.add_run(request(), NOW)
        yield registry
