"""chat_turn: what a person wrote is answered.

Runs inside the process that the person talks to, so that an answer never waits for a new process. Its parameters are ids.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prefect import flow

from domain.deeds import Deeds
from domain.errors import Broken
from domain.proposals import Answered
from domain.writing import Writing
from flows.opening import open_blocks
from tasks.dialogue import ROLE, Turn, answer_turn
from tasks.led_by_cli import CliDesk

_deeds: ContextVar[Deeds | None] = ContextVar("deeds", default=None)
_writing: ContextVar[Writing | None] = ContextVar("writing", default=None)


@contextmanager
def doing_by(deeds: Deeds, writing: Writing | None = None) -> Iterator[None]:
    """Let turns that are called inside this block act by `deeds`, and `writing` see what is written.

    They are no parameters that a server could keep.
    """
    acting, seeing = _deeds.set(deeds), _writing.set(writing)
    try:
        yield
    finally:
        _deeds.reset(acting)
        _writing.reset(seeing)


@flow(name="chat_turn", flow_run_name="turn {turn.number} of {turn.session}", persist_result=False)
async def chat_turn(turn: Turn) -> Answered:
    """Return what the person is told; raise NoReply, or what the model service raised."""
    deeds = _deeds.get()
    if deeds is None:
        raise Broken("a chat turn was called by a process that cannot act on it")
    blocks = await open_blocks()
    model_name, writing = blocks.installation.model_of(ROLE), _writing.get()
    model = blocks.model if writing is None else blocks.model.telling(writing)
    desk = CliDesk(blocks.installation.arrangement_of(ROLE), blocks.engine, blocks.wakeups, blocks.doors)
    return await answer_turn(
        turn, model_name, model, blocks.registry, blocks.wakeups, blocks.vault, blocks.talks, deeds, blocks.attachments, desk
    )
