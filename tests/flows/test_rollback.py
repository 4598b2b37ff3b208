"""rollback: one step back for one wish, whoever else is at work, and finished when it was interrupted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost
from domain.releases import ReleaseState
from domain.rollbacks import RollbackRequest
from domain.routes import Route
from flows.rollback import roll_back
from flows.rollback_ends import RolledBack
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow, site
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)

LIVE, KEPT, FAILED, TAKEN_BACK = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.FAILED, ReleaseState.ROLLED_BACK


@pytest_asyncio.fixture
async def place(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    async with site(registry, tmp_path) as made:
        yield made


def wish(
    owner: str,
    release: int | None = None,
    asked: datetime | None = None,
    to: int | None = None,
    *,
    automatic: bool = False,
    reason: str = "it answers 500",
) -> RollbackRequest:
    when = asked or datetime.now(UTC)
    return RollbackRequest(project="notes", release=release, to=to, reason=reason, automatic=automatic, owner=owner, asked=when)


async def go_back(place: Site, request: RollbackRequest) -> RolledBack:
    return await in_flow(partial(roll_back, request, place.blocks))


async def test_the_release_before_serves_again_and_the_person_is_told_once(place: Site) -> None:
    await place.serve(2)
    done = await go_back(place, wish("rollback-1", release=2))
    assert (done.outcome, done.bad, done.good) == ("rolled back", 2, 1)
    assert await place.states() == {2: TAKEN_BACK, 1: LIVE}
    assert place.engine.stopped == {"notes-v2"}
    [note] = await place.registry.unsent("cli")
    assert note.text == "notes is back on release 1: release 2 was taken back because it answers 500"
    assert place.wakeups.owners == {}


async def test_two_wishes_by_hand_at_once_make_one_step(place: Site) -> None:
    await place.serve(3)
    asked = datetime.now(UTC)

    async def both() -> list[RolledBack]:
        return await asyncio.gather(*(roll_back(wish(f"rollback-{n}", asked=asked), place.blocks) for n in (1, 2)))

    done = await in_flow(both)
    assert sorted(each.outcome for each in done) == ["nothing to do", "rolled back"]
    assert await place.states() == {3: TAKEN_BACK, 2: LIVE, 1: KEPT}
    assert len(await place.registry.unsent("cli")) == 1


async def test_a_wish_that_names_a_release_which_does_not_serve_any_more_changes_nothing(place: Site) -> None:
    await place.serve(3)
    await go_back(place, wish("rollback-1", release=3))
    again = await go_back(place, wish("rollback-2", release=3))
    assert (again.outcome, again.message) == ("nothing to do", "notes: release 3 does not serve any more, release 2 does")
    assert await place.states() == {3: TAKEN_BACK, 2: LIVE, 1: KEPT}


@pytest.mark.parametrize("named", [3, None])
async def test_a_wish_whose_process_died_after_the_switch_has_rolled_back(place: Site, named: int | None) -> None:
    await place.serve(3)
    first = wish("rollback-1", release=named)
    done = await go_back(place, first)
    again = await go_back(place, first.model_copy(update={"resumed": True}))
    assert (again.outcome, again.bad, again.good) == (done.outcome, 3, 2) == ("rolled back", 3, 2)
    assert len(await place.registry.unsent("cli")) == 1


async def test_a_wish_from_before_the_last_delivery_is_not_about_that_one(place: Site) -> None:
    await place.serve(2)
    done = await go_back(place, wish("rollback-1", asked=datetime.now(UTC) - timedelta(hours=1)))
    assert done.outcome == "nothing to do"
    assert await place.states() == {2: LIVE, 1: KEPT}


async def test_release_that_does_not_start_is_marked_and_the_one_before_it_serves(place: Site) -> None:
    await place.serve(3)
    place.dies("notes-v2")
    done = await go_back(place, wish("rollback-1", release=3, automatic=True))
    assert (done.outcome, done.bad, done.good) == ("rolled back", 3, 1)
    assert await place.states() == {3: TAKEN_BACK, 2: FAILED, 1: LIVE}
    assert await attempts(place) == [(3, 2, "not healthy"), (3, 1, "rolled back")]
    assert len(await place.registry.unsent("cli")) == 1


async def test_release_whose_image_was_pruned_is_marked_and_the_one_before_it_serves(place: Site) -> None:
    await place.serve(3)
    await place.engine.remove("notes-v2")
    place.engine.pruned.add("sha256:2")
    done = await go_back(place, wish("rollback-1", release=3))
    assert (done.outcome, done.bad, done.good) == ("rolled back", 3, 1)
    assert await place.states() == {3: TAKEN_BACK, 2: FAILED, 1: LIVE}
    assert (await place.release(2)).reason == "what it was started from is gone: there is no candidate 'sha256:2'"


async def test_second_failure_inside_the_window_leaves_the_app_and_asks_its_person_and_the_operator_once(place: Site) -> None:
    await place.serve(3)
    await go_back(place, wish("rollback-1", release=3, automatic=True))
    before = place.proxy.held["notes"]
    for number in (2, 3):
        done = await go_back(place, wish(f"rollback-{number}", release=2, automatic=True))
        assert done.outcome == "a person is asked"
    assert await place.states() == {3: TAKEN_BACK, 2: LIVE, 1: KEPT}
    assert place.proxy.held["notes"] == before
    assert await attempts(place) == [(3, 2, "rolled back"), (2, None, "a person is asked")]
    [_, asked] = await place.registry.unsent("cli")
    assert "`slipway rollback notes` goes back to release 1" in asked.text
    assert [told.text for told in await place.registry.unsent("operator")] == [asked.text]

    by_hand = await go_back(place, wish("rollback-4"))
    assert (by_hand.outcome, by_hand.good) == ("rolled back", 1)


async def test_silent_release_that_answers_again_stays_and_by_hand_nobody_looks(place: Site) -> None:
    await place.serve(2)
    silent = "it was unhealthy: /health does not answer (no answer within 3 s)"
    done = await go_back(place, wish("rollback-1", release=2, automatic=True, reason=silent))
    assert (done.outcome, done.message) == ("nothing to do", "notes: release 2 answers again, so it stays")
    assert await place.states() == {2: LIVE, 1: KEPT}
    [line] = [line for line in await place.registry.history("notes") if line.what == "release 2 stays"]
    assert (line.actor, line.version, line.why) == ("slipway", 2, f"it answers again: {silent}")
    assert (await go_back(place, wish("rollback-2", release=2, reason=silent))).outcome == "rolled back"


async def test_silent_release_that_still_does_not_answer_is_taken_back(place: Site) -> None:
    await place.serve(2)
    place.dies("notes-v2")
    done = await go_back(place, wish("rollback-1", release=2, automatic=True, reason="/health does not answer (closed)"))
    assert done.outcome == "rolled back"


async def attempts(place: Site) -> list[tuple[int, int | None, str]]:
    return [(row.bad, row.good, row.outcome.value) for row in await place.registry.rollbacks("notes")]


async def test_release_that_died_after_its_gate_is_not_led_to(place: Site) -> None:
    await place.serve(2)
    before = place.proxy.held["notes"]
    place.dies("notes-v1", after_looks=1)
    done = await go_back(place, wish("rollback-1", release=2))
    assert (done.outcome, done.message) == (
        "not healthy",
        "notes: release 2 is broken and release 1 does not start either: It ended by itself (exit code 3).",
    )
    assert await place.states() == {2: LIVE, 1: FAILED}
    assert place.proxy.held["notes"] == before


async def test_rollback_that_died_after_its_switch_is_finished_and_told_by_the_next_one(place: Site) -> None:
    await place.serve(2)
    good = await place.release(1)
    await place.engine.resume("notes-v1")
    route: Route = place.proxy.held["notes"]
    lease = await place.claim("rollback-1")
    await place.registry.begin_rollback("notes", 2, 1, datetime.now(UTC), automatic=True, fence=lease.fence)
    await place.registry.promote("notes", 1, "127.0.0.1:5", TAKEN_BACK, "it answers 500", datetime.now(UTC), fence=lease.fence)

    done = await go_back(place, wish("rollback-1", release=2))

    assert done.outcome == "nothing to do"
    assert await attempts(place) == [(2, 1, "rolled back")]
    assert await place.states() == {2: TAKEN_BACK, 1: LIVE}
    assert place.engine.stopped == {"notes-v2"}
    assert place.proxy.held["notes"].upstream == route.upstream == place.engine.address
    assert [note.text for note in await place.registry.unsent("cli")] == [
        "notes is back on release 1: release 2 was taken back because it answers 500"
    ]
    with pytest.raises(LeaseLost):
        await place.switch("rollback-1", good, TAKEN_BACK, lease=lease)


async def test_nothing_to_go_back_to_leaves_the_app_and_is_told(place: Site) -> None:
    await place.serve(1)
    done = await go_back(place, wish("rollback-1", release=1))
    assert done.outcome == "nothing to go back to"
    assert await place.states() == {1: LIVE}
    assert place.engine.stopped == set()
    assert "no earlier good release" in (await place.registry.unsent("cli"))[0].text


async def test_release_that_ended_with_nothing_to_go_back_to_is_started_again_and_told_once(place: Site) -> None:
    await place.serve(1)
    for number in (1, 2):
        await place.engine.stop("notes-v1", 0)
        place.proxy.held.clear()
        reason = "it was unhealthy: the app is stopped (exit code 137)"
        done = await go_back(place, wish(f"rollback-{number}", release=1, automatic=True, reason=reason))
        assert done.outcome == "nothing to go back to"
        assert (place.engine.stopped, place.proxy.held["notes"].upstream) == (set(), place.engine.address)
    live = await place.release(1)
    assert (live.state, live.rests) == (LIVE, False)
    [note] = await place.registry.unsent("cli")
    assert "it was started again, and is well" in note.text
    assert [line.what for line in await place.registry.history("notes")].count("release 1 started again") == 2


async def test_release_that_somebody_removed_with_nothing_to_go_back_to_is_made_again_and_an_unwell_one_is_told_so(
    place: Site,
) -> None:
    await place.serve(1)
    await place.engine.remove("notes-v1")
    place.blocks.installation.health_seconds = 0.1
    place.engine.address = "127.0.0.1:1"
    done = await go_back(place, wish("rollback-1", release=1, automatic=True, reason="the app is gone"))
    assert "it was started again, but is not well: It was not healthy within" in done.message
    assert set(place.engine.live_apps) == {"notes-v1"}


async def test_by_hand_a_release_with_nothing_to_go_back_to_is_left_as_it_is(place: Site) -> None:
    await place.serve(1)
    await place.engine.stop("notes-v1", 0)
    await go_back(place, wish("rollback-1", release=1))
    assert place.engine.stopped == {"notes-v1"}
