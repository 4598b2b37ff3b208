"""Sessions of the dialogue in Redis, with their queues: each step is one script, so no kill leaves half of it.

Of a person there are a hash (how the session stands), a list (what was said, the newest last) and a hash of keys, by which a
message that comes twice is one: also after its session was set aside, so the newest are kept over all sessions. Numbers begin
at the server's clock, so that they go on growing after Redis lost its data.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import TypeAdapter

from blocks.redis_client import redis_at, redis_errors
from domain.attachments import Attachment
from domain.errors import LeaseLost
from domain.remarks import Remark
from domain.talks import KEPT, LEASE, Queued, Rest, Taken, Talk, TalkState, session_id

FILES = TypeAdapter(tuple[Attachment, ...])
ASIDE_SECONDS = 30 * 24 * 3600
"""How long a session that was set aside is kept to be looked at."""

_OPEN = """
local clock = tonumber(redis.call('TIME')[1])
local function begin(epoch)
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'turn', clock, 'attempts', 0, 'answered', clock, 'last', clock,
    'rest', 'idle', 'fence', clock)
end
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local function now() local t = redis.call('TIME'); return t[1] * 1000 + math.floor(t[2] / 1000) end
local function held() return number('until') > now() end
local function mine(epoch, fence) return redis.call('EXISTS', KEYS[1]) == 1 and number('epoch') == tonumber(epoch)
  and number('fence') == tonumber(fence) end
local function stands()
  local state = redis.call('HGET', KEYS[1], 'rest')
  if held() then state = 'processing' end
  return {number('epoch'), number('turn'), state, number('attempts'), number('last') - number('answered')}
end
"""

_SAY = """
if redis.call('EXISTS', KEYS[1]) == 0 then begin(ARGV[4] ~= '' and tonumber(ARGV[4]) or clock) end
local known = redis.call('HGET', KEYS[3], ARGV[1])
if known then return {tonumber(known), tonumber(known) <= number('answered') and 1 or 0} end
local sequence = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[3], ARGV[1], sequence)
redis.call('RPUSH', KEYS[2], cjson.encode({sequence = sequence, key = ARGV[1], text = ARGV[2], at = ARGV[3], files = ARGV[6]}))
while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[5]) do
  local oldest = cjson.decode(redis.call('LINDEX', KEYS[2], 0))
  if oldest.sequence > number('answered') then break end
  redis.call('LPOP', KEYS[2])
end
if redis.call('HLEN', KEYS[3]) > 2 * tonumber(ARGV[5]) then
  local keys = redis.call('HGETALL', KEYS[3])
  for place = 1, #keys, 2 do
    local each = tonumber(keys[place + 1])
    if each <= number('answered') and each <= sequence - tonumber(ARGV[5]) then redis.call('HDEL', KEYS[3], keys[place]) end
  end
end
return {sequence, 0}
"""

_LOOK = "if redis.call('EXISTS', KEYS[1]) == 0 then return false end return stands()"

_TAKE = """
if number('last') <= number('answered') then return false end
local owner = redis.call('HGET', KEYS[1], 'owner')
if held() and owner ~= ARGV[1] then return false end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now() + ARGV[2])
return {fence, stands()}
"""

_EXTEND = """
if not mine(ARGV[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'until', now() + ARGV[3])
return 1
"""

_END = """
if not mine(ARGV[1], ARGV[2]) then return -1 end
redis.call('HSET', KEYS[1], 'rest', ARGV[4], 'attempts', 0, 'until', 0)
if tonumber(ARGV[3]) > number('answered') then redis.call('HSET', KEYS[1], 'answered', ARGV[3]) end
redis.call('HINCRBY', KEYS[1], 'turn', 1)
return number('last') - number('answered')
"""

_STOP = """
if not mine(ARGV[1], ARGV[2]) or number('until') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'until', 0)
if ARGV[3] == '1' then redis.call('HINCRBY', KEYS[1], 'attempts', -1) end
return 1
"""

_ASIDE = """
if not mine(ARGV[1], ARGV[2]) then return false end
local epoch, last, fence = number('epoch') + 1, number('last'), number('fence') + 1
redis.call('RENAME', KEYS[1], KEYS[4])
redis.call('EXPIRE', KEYS[4], ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[5])
  redis.call('EXPIRE', KEYS[5], ARGV[3])
end
begin(math.max(epoch, clock))
redis.call('HSET', KEYS[1], 'last', last, 'answered', last, 'fence', fence)
return stands()
"""

_WAITING = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0, {}} end
return {number('epoch'), number('answered'), redis.call('LRANGE', KEYS[2], 0, -1)}
"""


class RedisTalks:
    """The sessions of one Redis."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def say(
        self, name: str, key: str, text: str, at: datetime, epoch: int | None = None, files: Sequence[Attachment] = ()
    ) -> Queued:
        """Queue the message; the same key again is the same message."""
        begin, with_it = "" if epoch is None else epoch, FILES.dump_json(tuple(files)).decode()
        sequence, answered = await self._run(_SAY, name, key, text, at.isoformat(), begin, KEPT, with_it)
        return Queued(sequence=sequence, answered=bool(answered))

    async def look(self, name: str) -> Talk | None:
        """Return how the person's session stands; None when there is none."""
        return _talk(name, await self._run(_LOOK, name))

    async def take(self, name: str, owner: str, seconds: float = LEASE) -> Taken | None:
        """Begin the present turn once more; None when nothing waits, or another owner is at work."""
        found = await self._run(_TAKE, name, owner, int(seconds * 1000))
        talk = _talk(name, found[1]) if found else None
        return Taken(talk=talk, fence=found[0]) if talk else None

    async def extend(self, taken: Taken, seconds: float = LEASE) -> None:
        """Give a sign of life; raise LeaseLost when somebody has taken the session since."""
        if not await self._run(_EXTEND, taken.talk.name, taken.talk.epoch, taken.fence, int(seconds * 1000)):
            raise _lost(taken)

    async def end(self, taken: Taken, upto: int, rest: Rest) -> int:
        """End the turn and return how many messages wait; raise LeaseLost when somebody has taken the session since."""
        left = int(await self._run(_END, taken.talk.name, taken.talk.epoch, taken.fence, upto, rest.value))
        if left < 0:
            raise _lost(taken)
        return left

    async def stop(self, taken: Taken, *, forgive: bool) -> None:
        """Give the session back without an end of the turn; nothing happens when it is not ours any more."""
        await self._run(_STOP, taken.talk.name, taken.talk.epoch, taken.fence, int(forgive))

    async def set_aside(self, taken: Taken) -> Talk:
        """Keep the session under another name and begin a fresh one; raise LeaseLost when it is not ours any more."""
        aside = _aside_key(taken.talk.name, taken.talk.epoch)
        more = (aside, f"{aside}:said")
        arguments = (taken.talk.epoch, taken.fence, ASIDE_SECONDS)
        fresh = _talk(taken.talk.name, await self._run(_ASIDE, taken.talk.name, *arguments, more=more))
        if fresh is None:
            raise _lost(taken)
        return fresh

    async def waiting(self, name: str, epoch: int, after: int = 0) -> tuple[Remark, ...]:
        """Return what no turn of this session has answered, after that sequence, in order."""
        current, answered, lines = await self._run(_WAITING, name)
        if int(current) != epoch:
            return ()
        run = session_id(name, epoch)
        said = [json.loads(line) for line in lines]
        return tuple(
            Remark(
                run=run,
                sequence=each["sequence"],
                at=each["at"],
                person=name,
                text=each["text"],
                files=FILES.validate_json(each.get("files", "[]")),
            )
            for each in said
            if each["sequence"] > max(after, int(answered))
        )

    async def _run(self, script: str, name: str, *arguments: Any, more: tuple[str, ...] = ()) -> Any:
        keys = (_key(name), f"{_key(name)}:said", f"{_key(name)}:keys", *more)
        with redis_errors(f"looking after the talk of {name}"):
            async with redis_at(self._url) as redis:
                return await cast(Any, redis.eval(_OPEN + script, len(keys), *keys, *arguments))


def _key(name: str) -> str:
    return f"slipway:talk:{{{name}}}"


def _aside_key(name: str, epoch: int) -> str:
    return f"slipway:talk-aside:{{{name}}}:{epoch}"


def _talk(name: str, found: Any) -> Talk | None:
    if not found:
        return None
    epoch, turn, state, attempts, waiting = found
    return Talk(name=name, epoch=epoch, turn=turn, state=TalkState(state), attempts=attempts, waiting=waiting)


def _lost(taken: Taken) -> LeaseLost:
    return LeaseLost(f"the talk with {taken.talk.name}", f"turn {taken.talk.turn}")
