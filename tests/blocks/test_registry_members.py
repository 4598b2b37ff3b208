"""Members, invitations and what people use, in the registry."""

import asyncio
from datetime import UTC, datetime, timedelta

from blocks.registry.block import SqlRegistry
from domain.admission import Member, Standing
from domain.allowances import OwnLimits
from domain.invitations import Redeemed
from domain.runs import DeliveryRequest, Origin, RunState
from domain.talks import account
from domain.usage import TokenUsage
from tests.tasks.conftest import brief

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANN, BOB = "telegram:1", "telegram:2"


async def test_of_two_for_the_last_use_one_comes_in(registry: SqlRegistry) -> None:
    invitation = await registry.add_invitation("d1", "for the club", 2, "local:me", NOON, None)
    came = await asyncio.gather(*(registry.redeem("d1", f"telegram:{number}", NOON) for number in range(5)))
    assert sorted(came) == [Redeemed.JOINED] * 2 + [Redeemed.WRONG] * 3
    [kept] = await registry.invitations()
    assert (kept.number, kept.used, kept.note) == (invitation.number, 2, "for the club")
    assert {member.invitation for member in await registry.members()} == {invitation.number}


async def test_code_given_again_by_the_same_person_takes_no_second_use(registry: SqlRegistry) -> None:
    await registry.add_invitation("d1", "", 2, "local:me", NOON, None)
    assert [await registry.redeem("d1", ANN, NOON) for _ in range(3)] == [Redeemed.JOINED] * 3
    await registry.add_invitation("d2", "", 1, "local:me", NOON, None)
    assert await registry.redeem("d2", ANN, NOON) is Redeemed.MEMBER
    assert [each.used for each in await registry.invitations()] == [1, 0]


async def test_nobody_comes_in_by_what_does_not_count(registry: SqlRegistry) -> None:
    await registry.add_invitation("late", "", 1, "local:me", NOON - timedelta(days=2), NOON)
    revoked = await registry.add_invitation("gone", "", 1, "local:me", NOON, None)
    assert await registry.revoke_invitation(revoked.number, NOON)
    again = await registry.revoke_invitation(revoked.number, NOON + timedelta(days=1))
    assert again is not None
    assert again.revoked == NOON
    assert await registry.revoke_invitation(99, NOON) is None
    for digest in ("late", "gone", "nothing"):
        assert await registry.redeem(digest, ANN, NOON) is Redeemed.WRONG
    assert await registry.member(ANN) == Member(name=ANN)


async def test_block_outlives_every_code_and_what_the_operator_set_outlives_both(registry: SqlRegistry) -> None:
    await registry.add_invitation("d1", "", 9, "local:me", NOON, None)
    own = OwnLimits(runs=0, usd_day=2.5)
    await registry.limit_member(ANN, own)
    assert await registry.redeem("d1", ANN, NOON) is Redeemed.JOINED
    await registry.decide_standing(ANN, Standing.BLOCKED, "local:me", NOON)
    assert await registry.redeem("d1", ANN, NOON) is Redeemed.BLOCKED
    await registry.decide_standing(ANN, Standing.ALLOWED, "local:me", NOON)
    member = await registry.member(ANN)
    assert (member.standing, member.own, member.invitation, member.since) == (Standing.ALLOWED, own, 1, NOON)


async def test_persons_use_is_theirs_alone_and_stays_when_a_project_goes(registry: SqlRegistry) -> None:
    for person, run in ((ANN, "r-aaaaaa"), (BOB, "r-bbbbbb")):
        slug = f"notes-{run[-1]}"
        await registry.add_project(brief(slug), person, f"{slug}.localhost", NOON)
        origin = Origin(channel="telegram", person=person)
        await registry.add_run(DeliveryRequest(run=run, project=slug, request="x", brief=brief(slug), origin=origin), NOON)
    before = datetime.now(UTC) - timedelta(minutes=1)
    for call, project, run, spent in (
        ("c1", "notes-a", "r-aaaaaa", 100),
        ("c2", account(ANN), "t-1", 20),
        ("c3", "notes-a", "alarm", 3),
        ("c4", "notes-b", "r-bbbbbb", 5000),
    ):
        await registry.reserve(call, project, run, "developer", "m", spent + 1)
        await registry.settle(call, TokenUsage(), spent)
    await registry.reserve("c5", "notes-a", "r-aaaaaa", "developer", "m", 7)
    assert [await registry.spent_by(person, before) for person in (ANN, BOB, "telegram:3")] == [130, 5000, 0]
    assert await registry.spent_by(ANN, datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert [await registry.open_runs(person) for person in (ANN, BOB)] == [1, 1]
    await registry.update_run("r-aaaaaa", state=RunState.WAITING)
    assert await registry.open_runs(ANN) == 1
    await registry.update_run("r-aaaaaa", state=RunState.DELIVERED, ended=NOON)
    await registry.remove_project("notes-a")
    assert (await registry.open_runs(ANN), await registry.spent_by(ANN, before)) == (0, 127)
