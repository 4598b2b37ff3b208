"""Sessions of the dialogue in memory, with the rules of the real ones; `clock` is in seconds and stands still."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.attachments import Attachment
from domain.errors import LeaseLost, ServiceUnreachable
from domain.remarks import Remark
from domain.talks import LEASE, Queued, Rest, Taken, Talk, TalkState


@dataclass
class _Session:
    epoch: int
    said: list[Remark] = field(default_factory=list)
    turn: int = 1
    attempts: int = 0
    answered: int = 0
    last: int = 0
    rest: TalkState = TalkState.IDLE
    owner: str = ""
    fence: int = 0
    until: float = 0.0


class MemoryTalks:
    def __init__(self) -> None:
        self.sessions: dict[str, _Session] = {}
        self.aside: dict[tuple[str, int], _Session] = {}
        self.keys: dict[tuple[str, str], int] = {}
        self.now = 1.0
        self.reachable = True

    async def say(
        self, name: str, key: str, text: str, at: datetime, epoch: int | None = None, files: Sequence[Attachment] = ()
    ) -> Queued:
        self._check()
        found = self.sessions.setdefault(name, _Session(epoch=1 if epoch is None else epoch))
        known = self.keys.get((name, key))
        if known is not None:
            return Queued(sequence=known, answered=known <= found.answered)
        found.last += 1
        self.keys[name, key] = found.last
        found.said.append(Remark(run="", sequence=found.last, at=at, person=name, text=text, files=tuple(files)))
        return Queued(sequence=found.last, answered=False)

    async def look(self, name: str) -> Talk | None:
        self._check()
        return self._talk(name) if name in self.sessions else None

    async def take(self, name: str, owner: str, seconds: float = LEASE) -> Taken | None:
        self._check()
        found = self.sessions.get(name)
        if found is None or found.last <= found.answered or (found.until > self.now and found.owner != owner):
            return None
        found.attempts, found.fence = found.attempts + 1, found.fence + 1
        found.owner, found.until = owner, self.now + seconds
        return Taken(talk=self._talk(name), fence=found.fence)

    async def extend(self, taken: Taken, seconds: float = LEASE) -> None:
        self._held(taken).until = self.now + seconds

    async def end(self, taken: Taken, upto: int, rest: Rest) -> int:
        found = self._held(taken)
        found.rest, found.attempts, found.until, found.turn = rest, 0, 0.0, found.turn + 1
        found.answered = max(found.answered, upto)
        return found.last - found.answered

    async def stop(self, taken: Taken, *, forgive: bool) -> None:
        try:
            found = self._held(taken)
        except LeaseLost:
            return
        if found.until == 0.0:
            return
        found.until = 0.0
        found.attempts -= int(forgive)

    async def set_aside(self, taken: Taken) -> Talk:
        name, found = taken.talk.name, self._held(taken)
        self.aside[name, found.epoch] = found
        self.sessions[name] = _Session(
            epoch=found.epoch + 1, last=found.last, answered=found.last, fence=found.fence + 1, turn=found.turn + 1
        )
        return self._talk(name)

    async def waiting(self, name: str, epoch: int, after: int = 0) -> tuple[Remark, ...]:
        self._check()
        found = self.sessions.get(name)
        if found is None or found.epoch != epoch:
            return ()
        run = self._talk(name).session
        said = [remark for remark in found.said if remark.sequence > max(after, found.answered)]
        return tuple(remark.model_copy(update={"run": run}) for remark in said)

    def _talk(self, name: str) -> Talk:
        found = self.sessions[name]
        state = TalkState.PROCESSING if found.until > self.now else found.rest
        return Talk(
            name=name,
            epoch=found.epoch,
            turn=found.turn,
            state=state,
            attempts=found.attempts,
            waiting=found.last - found.answered,
        )

    def _held(self, taken: Taken) -> _Session:
        self._check()
        found = self.sessions.get(taken.talk.name)
        if found is None or (found.epoch, found.fence) != (taken.talk.epoch, taken.fence):
            raise LeaseLost(f"the talk with {taken.talk.name}", f"turn {taken.talk.turn}")
        return found

    def _check(self) -> None:
        if not self.reachable:
            raise ServiceUnreachable("Redis", "answering the test")
