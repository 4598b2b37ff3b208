"""The agent loop: one for all roles.

The transcript is the whole state. It is stored after every answer and after every round of tools, and what comes next is read
from it, so a killed conversation goes on where it was: an answer that was stored is never asked for again, and tool calls
without results are run again. Uses a model, a toolbox, transcripts and the ledger.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from domain.conversations import Finished, GaveUp, ModelClient, Part, Transcripts
from domain.errors import BudgetSpent
from domain.remarks import Remarks
from domain.roles import CallFacts, Role, Step, Tools
from domain.usage import Ledger
from tasks.agent_calls import Calls
from tasks.agent_transcript import Transcript
from tasks.conversation import Conversation, unheeded
from tasks.model_calls import Pacing

T = TypeVar("T", bound=BaseModel)


async def converse(
    role: Role[T],
    task: str | Sequence[Part],
    *,
    facts: CallFacts,
    model: ModelClient,
    tools: Tools | None,
    transcripts: Transcripts,
    ledger: Ledger,
    clock: Callable[[], float],
    remarks: Remarks | None = None,
    follow_up: str | None = None,
    accept: Callable[[T], Sequence[str]] | None = None,
    on_step: Callable[[Step], Awaitable[None]] | None = None,
    pacing: Pacing | None = None,
) -> Finished[T] | GaveUp:
    """Lead the conversation to its end and return it; a conversation that has ended returns its end without a call.

    `follow_up` is a later message of ours in the same conversation and begins a round with fresh limits. It is appended once:
    its text is its identity, so it names its round. `remarks` are what the person says meanwhile, told before the next call.
    `accept` returns complaints about a result; they are told to the model.
    Raises what the model service raised when trying again did not help, and EngineUnreachable from tools.
    """
    talk = Conversation(
        role,
        facts,
        model,
        Calls(role, tools, accept),
        Transcript(facts.conversation, transcripts, ledger),
        clock,
        remarks,
        on_step or unheeded,
        pacing or Pacing(),
    )
    return await led(talk, task, follow_up)


async def led(talk: Conversation[T], task: str | Sequence[Part], follow_up: str | None) -> Finished[T] | GaveUp:
    """Lead a conversation by our own loop, as `converse` says."""
    await talk.take_up(task, follow_up)
    while (end := talk.ended()) is None:
        if talk.transcript.owes_results:
            await talk.answer()
        elif (end := talk.limit_reached()) is not None:
            return end
        else:
            try:
                await talk.hear()
                await talk.shorten()
                await talk.ask()
            except BudgetSpent as spent:
                return talk.give_up("out of budget", str(spent))
    return end
