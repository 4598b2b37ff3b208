"""The way home: GitHub that refuses, or is not there, costs a delivery nothing but a sentence in its journal."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prefect import flow

from blocks.github.block import GitHubAccess
from blocks.registry.block import SqlRegistry
from domain.runs import RunState
from flows.home import catch_up, go_home
from tests.conftest import PrefectServer
from tests.fakes.github_places import NAME, github_place
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW, registry  # noqa: F401  (a fixture among them)
from tests.tasks.github_bench import Serving

RUN = "r-0000a1"


async def notes(registry: SqlRegistry) -> list[str]:  # noqa: F811
    return [line.text for line in await registry.progress(RUN) if line.kind == "note"]


async def test_what_could_not_come_home_is_told_and_comes_later_by_itself(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
    tmp_path: Path,
) -> None:
    with github_place(tmp_path) as place:
        serving = Serving(place, registry, tmp_path)
        commit = await serving.deliver(RUN, "one")
        blocks: Any = SimpleNamespace(
            registry=registry, git=place.host, vault=serving.vault, github=GitHubAccess(**place.app.model_dump()),
            remote=place.remote_of(place.app), installation=serving.installation, wakeups=MemoryWakeups(),
        )  # fmt: skip
        place.api.access.installations.clear()

        @flow
        async def goes() -> None:
            await go_home("notes", RUN, blocks)

        await goes()
        [told] = await notes(registry)
        assert told.startswith("what serves as notes is not at GitHub: GitHub refused to make the repository club/notes (404)")
        assert told.endswith("It is tried again by itself")

        place.api.access.installations["club"] = 77
        for run in await registry.runs("notes"):
            await registry.update_run(run.id, state=RunState.DELIVERED, ended=NOW)

        @flow
        async def tidies() -> None:
            await catch_up(blocks, NOW)

        await tidies()
        assert place.state.head(NAME, "main") == commit


class Stuck:
    """A registry behind a GitHub that does not answer."""

    async def releases(self, **_: object) -> None:
        await asyncio.Event().wait()


async def test_github_that_does_not_answer_holds_the_janitor_no_longer_than_it_may() -> None:
    blocks: Any = SimpleNamespace(github=object(), installation=SimpleNamespace(github_owner=""), registry=Stuck())
    async with asyncio.timeout(60):
        await catch_up(blocks, NOW, seconds=0.01)
