"""Previews as rows: one a run, one end each, and a host that nobody else has."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput, UnknownObject
from domain.host_claims import Domain
from domain.previews import OPEN, Preview, PreviewedChange, PreviewState
from tests.blocks.test_registry import a_brief, a_check

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
EXPIRES = NOON + timedelta(days=3)


def a_change(run: str = "r-000001", project: str = "notes") -> PreviewedChange:
    return PreviewedChange(
        project=project,
        run=run,
        commit="new",
        candidate="sha256:1",
        base="old",
        brief=a_brief(project),
        checks=(a_check("adds"),),
    )


async def add(registry: SqlRegistry, run: str = "r-000001") -> Preview:
    return await registry.add_preview(a_change(run), "localhost", NOON, EXPIRES)


async def project(registry: SqlRegistry, slug: str = "notes") -> None:
    await registry.add_project(a_brief(slug), "me", f"{slug}.localhost", NOON)


async def test_preview_is_kept_whole_and_a_run_has_one(registry: SqlRegistry) -> None:
    await project(registry)
    first = await add(registry)
    assert (first.host, first.state, first.identity) == ("notes-1.localhost", PreviewState.STARTING, "notes-p1")
    assert await add(registry) == first
    second = await add(registry, "r-000002")
    assert await registry.previews("notes") == (second, first)
    assert await registry.previews(states=OPEN) == (second, first)
    assert await registry.previews("notes", states=(PreviewState.UP,)) == ()
    assert (first.brief, first.checks) == (a_brief(), (a_check("adds"),))
    with pytest.raises(UnknownObject):
        await registry.add_preview(a_change("r-000003", "ghost"), "localhost", NOON, EXPIRES)


async def test_run_that_goes_on_with_another_commit_shows_that_one_unless_it_was_up(registry: SqlRegistry) -> None:
    await project(registry)
    first = await add(registry)
    other = a_change().model_copy(update={"commit": "newer", "candidate": "sha256:2"})
    renewed = await registry.add_preview(other, "localhost", EXPIRES, EXPIRES)
    assert (renewed.commit, renewed.candidate, renewed.created) == ("newer", "sha256:2", first.created)
    up = await registry.move_preview("notes", 1, PreviewState.UP)
    assert await add(registry) == up


async def test_of_two_ends_the_first_counts(registry: SqlRegistry) -> None:
    await project(registry)
    await add(registry)
    up = await registry.move_preview(
        "notes", 1, PreviewState.UP, environment_version=4, address="http://notes-1.localhost", expires=EXPIRES
    )
    assert (up.environment_version, up.address) == (4, "http://notes-1.localhost")
    ends = (PreviewState.PROMOTED, PreviewState.EXPIRED, PreviewState.REMOVED)
    said = await asyncio.gather(*(registry.move_preview("notes", 1, end, reason=end.value) for end in ends))
    [kept] = await registry.previews("notes")
    assert {preview.state for preview in said} == {kept.state}
    assert kept.reason == kept.state.value
    assert kept.state in ends


async def test_clearing_is_written_once(registry: SqlRegistry) -> None:
    await project(registry)
    await add(registry)
    await registry.move_preview("notes", 1, PreviewState.REMOVED)
    await registry.clear_preview("notes", 1, NOON)
    await registry.clear_preview("notes", 1, EXPIRES)
    assert [preview.cleared for preview in await registry.previews()] == [NOON]


async def test_number_whose_host_is_a_projects_is_passed_over(registry: SqlRegistry) -> None:
    await project(registry)
    await project(registry, "notes-1")
    assert (await add(registry)).host == "notes-2.localhost"


async def test_host_of_an_open_preview_is_no_new_projects_and_no_domain(registry: SqlRegistry) -> None:
    await project(registry)
    await project(registry, "chat")
    await add(registry)
    with pytest.raises(BadInput, match=r"notes-1\.localhost is a preview of a project until that ends"):
        await project(registry, "notes-1")
    with pytest.raises(BadInput, match="is a preview of a project"):
        await registry.add_domain(Domain(host="notes-1.localhost", project="chat", added=NOON, by="me"))
    await registry.move_preview("notes", 1, PreviewState.REMOVED)
    await project(registry, "notes-1")
    assert (await add(registry, "r-000002")).host == "notes-2.localhost"


async def test_of_a_project_and_a_preview_that_want_a_host_at_once_one_gets_it(registry: SqlRegistry) -> None:
    await project(registry)
    preview, refused = await asyncio.gather(add(registry), project(registry, "notes-1"), return_exceptions=True)
    assert isinstance(preview, Preview)
    assert (preview.host == "notes-1.localhost") == isinstance(refused, BadInput)


async def test_previews_go_with_their_project(registry: SqlRegistry) -> None:
    await project(registry)
    await add(registry)
    await registry.remove_project("notes")
    assert await registry.previews() == ()
