"""Paid model calls: reserve, ask, and say what to settle; try again while the service is busy, also with another model."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

from domain.conversations import ModelCall, ModelClient, ModelReply, Payment
from domain.errors import ModelKeyRefused, ModelOverloaded, ModelRequestRefused, SlipwayError, TryAgain
from domain.model_view import estimated_tokens, own_thinking, refuses_thinking, without_thinking
from domain.prices import cost, worst_case
from domain.usage import Ledger
from domain.values import Value

log = logging.getLogger("slipway.agent")

FALLBACK_AFTER = 15.0
"""Seconds for which the wanted model alone is asked, before the fallback takes turns with it."""


@dataclass(frozen=True)
class Pacing:
    """How the loop waits between attempts; tests give their own."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def delay(self, attempt: int, error: TryAgain) -> float:
        """Return seconds to wait: 1, 2, 4 up to 60, with jitter of half; never less than the service asked for."""
        backoff: float = min(2.0**attempt, 60.0) * (0.5 + self.jitter() / 2)
        asked = error.retry_after if isinstance(error, ModelOverloaded) else None
        return max(backoff, asked or 0.0)


class PaidReply(Value):
    """An answer, and what is to be settled once it is stored."""

    reply: ModelReply
    payment: Payment


@dataclass
class Turns:
    """Which model is asked next, and when: the wanted one alone for a while, then it and the fallback by turns."""

    wanted: str
    fallback: str | None
    patience: float
    began: float
    ready: dict[str, float] = field(init=False)
    """From when on each model may be asked."""

    def __post_init__(self) -> None:
        self.ready = {self.wanted: self.began}

    @property
    def next(self) -> tuple[str, float]:
        """Return the model that may be asked first, and from when on."""
        return min(self.ready.items(), key=lambda item: item[1])

    def busy(self, model: str, now: float, wait: float) -> None:
        self.ready[model] = now + wait
        if self.fallback and self.fallback != self.wanted and self.ready[model] - self.began > self.patience:
            self.ready.setdefault(self.fallback, now)

    def without_fallback(self) -> None:
        self.ready.pop(self.fallback or "", None)
        self.fallback = None


async def paid_reply(
    call: ModelCall,
    *,
    model: ModelClient,
    ledger: Ledger,
    clock: Callable[[], float],
    pacing: Pacing,
    retry_seconds: float,
    patience: float = FALLBACK_AFTER,
) -> PaidReply:
    """Return the answer; each attempt is its own line in the ledger, reserved for the model that is asked.

    The caller stores the answer and settles it then: an answer whose payment was lost with its process would be free, one
    that was paid and lost would be paid twice. Raises BudgetSpent before anything is sent, and the last error of the
    try-again family when `retry_seconds` are over.
    """
    turns = Turns(call.model, model.fallback_model, patience, clock())
    for attempt in count():
        name, _ = turns.next
        try:
            return await _asked(call.model_copy(update={"attempt": attempt, "model": name}), model, ledger)
        except (ModelRequestRefused, ModelKeyRefused) as error:
            if name == call.model:
                raise
            turns.without_fallback()
            log.warning("%s: %s cannot stand in and is left out: %s", call.conversation, name, error)
        except TryAgain as error:
            turns.busy(name, clock(), pacing.delay(attempt, error))
            if turns.next[1] > turns.began + retry_seconds:
                raise
            _tell(call, error, turns, clock())
        if (wait := turns.next[1] - clock()) > 0:
            await pacing.sleep(wait)
    raise AssertionError("count() does not end")


def _tell(call: ModelCall, error: TryAgain, turns: Turns, now: float) -> None:
    name, when = turns.next
    instead = "" if name == call.model else f" with {name}"
    log.warning("%s: %s; trying again%s in %.0f s", call.conversation, error, instead, max(when - now, 0.0))


async def _asked(call: ModelCall, model: ModelClient, ledger: Ledger) -> PaidReply:
    call = call.model_copy(update={"messages": own_thinking(call.messages, call.model)})
    name = f"{call.conversation}/{call.turn}/{call.attempt}"
    most = worst_case(call.model, estimated_tokens(call), call.max_tokens)
    await ledger.reserve(name, call.project, call.run, call.role, call.model, most)
    try:
        reply = await _answered(call, model)
    except SlipwayError:
        await ledger.release(name)
        raise
    spent = cost(reply.model, reply.usage)
    return PaidReply(reply=reply, payment=Payment(call=name, model=call.model, tokens=reply.usage, micro_usd=spent))


async def _answered(call: ModelCall, model: ModelClient) -> ModelReply:
    try:
        return await model.reply(call)
    except ModelRequestRefused as refused:
        # A release of ours between two turns may have changed the prompt, and thinking is bound to it.
        if not refuses_thinking(str(refused)):
            raise
        log.warning("%s: earlier thinking no longer fits and is left out: %s", call.conversation, refused)
        return await model.reply(call.model_copy(update={"messages": without_thinking(call.messages)}))
