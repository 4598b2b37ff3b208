"""Paid model calls: reserve, ask, settle; try again while the service is busy."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

from domain.conversations import ModelCall, ModelClient, ModelReply
from domain.errors import ModelOverloaded, ModelRequestRefused, SlipwayError, TryAgain
from domain.model_view import estimated_tokens, refuses_thinking, without_thinking
from domain.prices import cost, worst_case
from domain.usage import Ledger

log = logging.getLogger("slipway.agent")


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


async def paid_reply(
    call: ModelCall,
    *,
    model: ModelClient,
    ledger: Ledger,
    clock: Callable[[], float],
    pacing: Pacing,
    retry_seconds: float,
) -> ModelReply:
    """Return the answer; each attempt is its own line in the ledger.

    Raises BudgetSpent before anything is sent, and the last error of the try-again family when `retry_seconds` are over.
    """
    deadline = clock() + retry_seconds
    for attempt in count():
        try:
            return await _paid(call.model_copy(update={"attempt": attempt}), model, ledger)
        except TryAgain as error:
            wait = pacing.delay(attempt, error)
            if clock() + wait > deadline:
                raise
            log.warning("%s: %s; trying again in %.0f s", call.conversation, error, wait)
            await pacing.sleep(wait)
    raise AssertionError("count() does not end")


async def _paid(call: ModelCall, model: ModelClient, ledger: Ledger) -> ModelReply:
    name = f"{call.conversation}/{call.turn}/{call.attempt}"
    most = worst_case(call.model, estimated_tokens(call), call.max_tokens)
    await ledger.reserve(name, call.project, call.run, call.role, call.model, most)
    try:
        reply = await _answered(call, model)
    except SlipwayError:
        await ledger.release(name)
        raise
    await ledger.settle(name, reply.usage, cost(reply.model, reply.usage))
    return reply


async def _answered(call: ModelCall, model: ModelClient) -> ModelReply:
    try:
        return await model.reply(call)
    except ModelRequestRefused as refused:
        # A release of ours between two turns may have changed the prompt, and thinking is bound to it.
        if not refuses_thinking(str(refused)):
            raise
        log.warning("%s: earlier thinking no longer fits and is left out: %s", call.conversation, refused)
        return await model.reply(call.model_copy(update={"messages": without_thinking(call.messages)}))
