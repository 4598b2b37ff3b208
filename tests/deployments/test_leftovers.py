"""Whose name is free again: only one's own, of a project that never served and on which nobody works."""

from datetime import timedelta

from blocks.registry.block import SqlRegistry
from deployments.desk.leftovers import is_leftover
from domain.releases import ReleaseState
from domain.runs import RunState
from tests.tasks.conftest import COMMIT, NOW, registry, request  # noqa: F401  (a fixture among them)


async def free(registry: SqlRegistry, owner: str = "local:me") -> bool:  # noqa: F811
    project = await registry.project("notes")
    assert project is not None
    return await is_leftover(project, owner, registry)


async def fail(registry: SqlRegistry, run: str) -> None:  # noqa: F811
    await registry.update_run(run, state=RunState.FAILED, message="stopped", ended=NOW)


async def test_a_name_is_free_when_every_run_of_a_project_that_never_served_has_ended(registry: SqlRegistry) -> None:  # noqa: F811
    assert not await free(registry)
    await fail(registry, "r-000001")
    assert await free(registry)
    assert not await free(registry, "local:you")
    await registry.add_run(request("r-000002", change=True), NOW + timedelta(hours=1))
    assert not await free(registry)


async def test_a_release_that_failed_its_gate_keeps_no_name_and_one_that_served_does(registry: SqlRegistry) -> None:  # noqa: F811
    await registry.add_release("notes", "r-000001", COMMIT, "sha256:1", 1, NOW, fence=await registry.fence("notes"))
    await registry.move_release("notes", 1, ReleaseState.FAILED, reason="the gate", fence=await registry.fence("notes"))
    await fail(registry, "r-000001")
    assert await free(registry)
    await registry.add_run(request("r-000002", change=True), NOW)
    await registry.add_release("notes", "r-000002", COMMIT, "sha256:1", 1, NOW, fence=await registry.fence("notes"))
    await registry.promote("notes", 2, "127.0.0.1:1", ReleaseState.DRAINING, "", NOW, fence=await registry.fence("notes"))
    await fail(registry, "r-000002")
    assert not await free(registry)
