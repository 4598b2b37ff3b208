"""A project that is taken down while it is worked on: first the work ends, then the project goes."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Running

from blocks.attachment_files import AttachmentFiles
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from deployments.desk.requests import Desk
from deployments.desk.takedown import take_down
from domain.errors import ServiceUnreachable
from domain.runs import RunState
from tests.conftest import PrefectServer
from tests.fakes.bot_accounts import MemoryAccounts
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.flows.workers import deploy, in_state, read
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)


@pytest.fixture
def desk(registry: SqlRegistry, tmp_path: Path) -> Desk:  # noqa: F811
    git = BareGitHost(folder=str(tmp_path / "git"))
    blocks: Any = SimpleNamespace(
        registry=registry,
        wakeups=MemoryWakeups(),
        vault=MemoryVault(),
        engine=FakeEngine(),
        proxy=MemoryProxy(),
        git=git,
        attachments=AttachmentFiles(tmp_path),
        accounts=MemoryAccounts(),
        installation=Installation(home=str(tmp_path), engine="process", model="m"),
    )
    return Desk(blocks)


async def flow_run(*, running: bool) -> UUID:
    """Return a run of a deployment for the project `notes`, in a pool that no worker takes runs from."""
    deployment = await deploy("note", f"pool-{uuid4().hex[:8]}")
    async with get_client() as client:
        made = await client.create_flow_run_from_deployment(deployment, parameters={"folder": ""}, tags=["project:notes"])
        if running:
            await client.set_flow_run_state(made.id, Running(), force=True)
    return made.id


async def test_work_on_a_project_ends_before_the_project_goes(prefect_api: PrefectServer, desk: Desk) -> None:
    delivery, rollback = await flow_run(running=True), await flow_run(running=False)
    await desk.registry.update_run("r-000001", state=RunState.RUNNING, flow_run=str(delivery))

    going = asyncio.create_task(take_down("notes", "me", desk))
    await in_state(delivery, "Cancelling")
    assert await desk.registry.project("notes") is not None  # its process lives, and could still make something
    async with get_client() as client:
        await client.set_flow_run_state(delivery, Cancelled(), force=True)  # as the worker does when the process is gone
    await going

    assert await desk.registry.project("notes") is None
    ended = await desk.registry.run("r-000001")
    assert ended is not None
    assert (ended.state, ended.message) == (RunState.CANCELLED, "stopped by me")
    state = (await read(rollback)).state
    assert state is not None
    assert state.name == "Cancelled"


async def test_nothing_is_removed_while_the_runner_does_not_end_the_work(prefect_api: PrefectServer, desk: Desk) -> None:
    delivery = await flow_run(running=True)
    with pytest.raises(ServiceUnreachable, match="the runner did not answer while ending the runs of notes"):
        await take_down("notes", "me", desk, seconds=0)
    assert await desk.registry.project("notes") is not None
    async with get_client() as client:
        await client.set_flow_run_state(delivery, Cancelled(), force=True)
