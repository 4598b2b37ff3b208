"""Sessions of the dialogue: one suite for the fake and for a real Redis."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from blocks.redis_talks import RedisTalks
from domain.attachments import Attachment
from domain.errors import LeaseLost, ServiceUnreachable
from domain.talks import KEPT, Talks, TalkState
from tests.blocks.services import RedisServer, redis_server
from tests.fakes.talks import MemoryTalks

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANN, BOB = "telegram:1", "telegram:2"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["memory", "redis"])
def talks(request: pytest.FixtureRequest) -> Talks:
    if request.param == "memory":
        return MemoryTalks()
    server: RedisServer = request.getfixturevalue("server")
    with Redis.from_url(server.url) as redis:
        redis.flushall()
    return RedisTalks(server.url)


async def test_message_is_queued_once_in_order_and_stays_until_a_turn_has_answered_it(talks: Talks) -> None:
    csv = Attachment(name="чай.csv", kind="text", digest="a" * 64, owner="b" * 16, bytes=3)
    first = await talks.say(ANN, "u1", "a tea timer ü", NOON, files=(csv,))
    second = await talks.say(ANN, "u2", "in green", NOON)
    assert await talks.say(ANN, "u1", "a tea timer ü", NOON) == first
    assert (second.sequence - first.sequence, second.answered) == (1, False)
    taken = await talks.take(ANN, "bot")
    assert taken
    heard = await talks.waiting(ANN, taken.talk.epoch)
    assert [(remark.text, remark.at, remark.run, remark.files) for remark in heard] == [
        ("a tea timer ü", NOON, taken.talk.session, (csv,)),
        ("in green", NOON, taken.talk.session, ()),
    ]
    assert [r.text for r in await talks.waiting(ANN, taken.talk.epoch, first.sequence)] == ["in green"]
    assert await talks.end(taken, first.sequence, TalkState.IDLE) == 1
    assert (await talks.say(ANN, "u1", "a tea timer ü", NOON)).answered
    assert [r.text for r in await talks.waiting(ANN, taken.talk.epoch)] == ["in green"]


async def test_states_follow_the_turns(talks: Talks) -> None:
    assert await talks.look(ANN) is None
    assert await talks.take(ANN, "bot") is None
    said = await talks.say(ANN, "u1", "hello", NOON)
    idle = await talks.look(ANN)
    taken = await talks.take(ANN, "bot")
    assert idle
    assert taken
    assert (idle.state, idle.waiting) == (TalkState.IDLE, 1)
    assert (taken.talk.state, taken.talk.attempts, taken.talk.turn) == (TalkState.PROCESSING, 1, idle.turn)
    assert await talks.end(taken, said.sequence, TalkState.AWAITING) == 0
    awaiting = await talks.look(ANN)
    assert awaiting
    assert (awaiting.state, awaiting.turn, awaiting.waiting) == (TalkState.AWAITING, idle.turn + 1, 0)
    assert await talks.take(ANN, "bot") is None
    assert await talks.look(BOB) is None


async def test_only_one_owner_is_at_work_and_its_successor_takes_over_from_it_at_once(talks: Talks) -> None:
    said = await talks.say(ANN, "u1", "hello", NOON)
    killed = await talks.take(ANN, "bot")
    assert await talks.take(ANN, "another") is None
    after = await talks.take(ANN, "bot")
    assert killed
    assert after
    assert after.fence > killed.fence
    assert (after.talk.turn, after.talk.attempts) == (killed.talk.turn, 2)
    await talks.stop(killed, forgive=True)  # it is nobody any more: nothing happens
    for refused in (talks.extend(killed), talks.end(killed, said.sequence, TalkState.IDLE), talks.set_aside(killed)):
        with pytest.raises(LeaseLost):
            await refused
    await talks.extend(after)
    assert await talks.end(after, said.sequence, TalkState.IDLE) == 0


async def test_turn_that_is_given_back_may_be_forgiven(talks: Talks) -> None:
    await talks.say(ANN, "u1", "hello", NOON)
    for forgive in (False, True):
        taken = await talks.take(ANN, "bot")
        assert taken
        await talks.stop(taken, forgive=forgive)
        await talks.stop(taken, forgive=True)  # given back already: nothing happens
    left = await talks.look(ANN)
    assert left
    assert (left.state, left.attempts, left.waiting) == (TalkState.IDLE, 1, 1)


async def test_session_set_aside_makes_room_for_a_fresh_one_that_knows_what_came_before(talks: Talks) -> None:
    await talks.say(ANN, "u1", "poison", NOON)
    taken = await talks.take(ANN, "bot")
    assert taken
    fresh = await talks.set_aside(taken)
    assert fresh.epoch > taken.talk.epoch
    assert (fresh.state, fresh.attempts, fresh.waiting) == (TalkState.IDLE, 0, 0)
    assert (await talks.say(ANN, "u1", "poison", NOON)).answered
    assert await talks.waiting(ANN, taken.talk.epoch) == ()
    await talks.say(ANN, "u2", "hello again", NOON)
    again = await talks.take(ANN, "bot")
    assert again
    assert again.fence > taken.fence
    assert [r.text for r in await talks.waiting(ANN, again.talk.epoch)] == ["hello again"]


async def test_session_that_was_lost_goes_on_where_its_transcript_is(talks: Talks) -> None:
    await talks.say(ANN, "u1", "hello", NOON, epoch=77)
    found = await talks.look(ANN)
    assert found
    assert found.epoch == 77


async def test_lease_that_has_run_out_is_free_for_others(server: RedisServer) -> None:
    talks = RedisTalks(server.url)
    await talks.say(BOB, "u1", "hello", NOON)
    lost = await talks.take(BOB, "bot", seconds=0)
    other = await talks.take(BOB, "another")
    assert lost
    assert other
    with pytest.raises(LeaseLost):
        await talks.extend(lost)


async def test_redis_set_aside_is_kept_to_be_looked_at(server: RedisServer) -> None:
    talks = RedisTalks(server.url)
    await talks.say("telegram:3", "u1", "poison", NOON)
    taken = await talks.take("telegram:3", "bot")
    assert taken
    await talks.set_aside(taken)
    with Redis.from_url(server.url, decode_responses=True) as redis:
        key = f"slipway:talk-aside:{{telegram:3}}:{taken.talk.epoch}"
        assert redis.ttl(key) > 0
        assert "poison" in redis.lrange(f"{key}:said", 0, -1)[0]


async def test_redis_keys_of_answered_messages_go_also_when_their_session_was_set_aside(server: RedisServer) -> None:
    talks, name = RedisTalks(server.url), "telegram:4"
    for number in range(KEPT):
        await talks.say(name, f"old{number}", "poison", NOON)
    taken = await talks.take(name, "bot")
    assert taken
    await talks.set_aside(taken)
    for number in range(KEPT):
        await talks.say(name, f"u{number}", "hello", NOON)
    again = await talks.take(name, "bot")
    assert again
    [*_, last] = await talks.waiting(name, again.talk.epoch)
    await talks.end(again, last.sequence, TalkState.IDLE)
    await talks.say(name, "newest", "hello", NOON)
    with Redis.from_url(server.url, decode_responses=True) as redis:
        kept = redis.hkeys(f"slipway:talk:{{{name}}}:keys")
    assert len(kept) == KEPT
    assert not [key for key in kept if key.startswith("old")]
    assert (await talks.say(name, f"u{KEPT - 1}", "hello", NOON)).answered


async def test_redis_that_is_gone_is_told_as_such() -> None:
    with pytest.raises(ServiceUnreachable, match="Redis"):
        await RedisTalks("unix:///nowhere.sock").look(ANN)
