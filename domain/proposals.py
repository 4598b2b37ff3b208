"""Proposals: what the Product Owner would build, shown to its person, who says whether it begins.

They are read from the transcript of the session: a proposal is a call of the tool `propose` that was accepted. So a killed
process knows all of them again, and nothing is stored twice.
"""

import hashlib
from collections.abc import Sequence
from statistics import median
from typing import Annotated, Literal

from pydantic import Field

from domain.attachments import Attachment
from domain.briefs import Brief
from domain.conversations import Heard, Message, Text
from domain.names import REQUEST_LIMIT, Slug
from domain.runs import Origin, Run
from domain.stuck import ending_call, exchanges
from domain.values import Value

PROPOSE, REPLY = "propose", "reply"
TURN = "[turn "


class Proposal(Value):
    """A Brief that a person may accept; nothing is started or reserved yet."""

    run: str
    brief: Brief
    change: bool
    request: str
    origin: Origin
    preview: Literal["", "copy", "empty"] = ""
    """What data a preview of it begins with; empty: it goes live at once."""
    attachments: tuple[Attachment, ...] = ()
    """Files of its person, from which it is to be built."""


class Propose(Value):
    """Input of the tool with which the Product Owner proposes."""

    request: str = Field(
        min_length=1, max_length=REQUEST_LIMIT, description="The whole wish, in the person's own words as far as they go"
    )
    project: Slug | None = Field(
        default=None, description="The person's project that is to be changed; leave it out for a new one"
    )
    brief: Brief
    files: tuple[str, ...] = Field(
        default=(), description="Names of those of the person's files that it is to be built from; its developer gets them"
    )


class Reply(Value):
    """What the person reads at the end of a turn."""

    text: str = Field(min_length=1, max_length=3000, description="Plain text in the person's language, without Markdown")
    questions: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        default=(), max_length=2, description="At most two short questions whose answers change the result; else none"
    )


class Proposed(Value):
    """A proposal as it stands in the transcript."""

    number: int
    """Counts from 1 in each session."""
    place: int
    """Position of the answer that made it."""
    shown: bool
    """Its turn was answered. One that broke off, as by /cancel, has shown its person nothing."""
    propose: Propose


class Quote(Value):
    """What work like this came to before, and what it can cost at most."""

    runs: int = 0
    """How many earlier ones it is learned from."""
    usd: float = 0.0
    minutes: int = 0
    most_usd: float


class Answered(Value):
    """The end of one turn: what its person is told, and which messages it answers."""

    reply: Reply
    upto: int
    """Sequence of the last message that was heard."""
    proposal: Proposal | None = None
    """What the person is shown with it."""
    quote: Quote | None = None


def turn_text(turn: int, news: Sequence[str] = ()) -> str:
    """Return the message that begins a turn; its number makes it the only one of its kind in the session."""
    told = "\n".join(["What has ended since; the person was told of it:", *news, ""]) if news else ""
    return f"{_mark(turn)} {told}What the person wrote follows. End the turn with one call of `reply`."


def _mark(turn: int) -> str:
    return f"{TURN}{turn}]"


def opening(messages: Sequence[Message], turn: int) -> str:
    """Return the message that began the turn as it stands in the transcript; empty when the turn has not begun."""
    return next((text for text in _openings(messages) if text.startswith(_mark(turn))), "")


def untold(runs: Sequence[Run], messages: Sequence[Message]) -> tuple[Run, ...]:
    """Return the runs that have ended and whose end no turn of the session began with, in their order."""
    told = "\n".join(_openings(messages))
    return tuple(run for run in runs if run.state.ended and run.id not in told)


def _openings(messages: Sequence[Message]) -> list[str]:
    return [
        part.text for message in messages for part in message.parts if isinstance(part, Text) and part.text.startswith(TURN)
    ]


def proposal_run(session: str, number: int) -> str:
    """Return the id of the run that a proposal becomes: agreed to twice, it is one."""
    return f"r-{hashlib.sha256(f'{session}:{number}'.encode()).hexdigest()[:10]}"


def proposals(messages: Sequence[Message]) -> tuple[Proposed, ...]:
    """Return all proposals of a session that were accepted, oldest first."""
    places = [place for place, message in enumerate(messages) if message.role == "assistant"]
    done = list(zip(places, exchanges(messages), strict=True))
    replied = [place for place, exchange in done if (call := ending_call(exchange, REPLY)) and call.name == REPLY]
    accepted = [
        (place, call.input)
        for place, exchange in done
        for call in exchange.calls
        if call.name == PROPOSE and call.id in exchange.results and not exchange.results[call.id].is_error
    ]
    return tuple(
        Proposed(number=number, place=place, shown=_is_shown(messages, place, replied), propose=Propose.model_validate(given))
        for number, (place, given) in enumerate(accepted, start=1)
    )


def _is_shown(messages: Sequence[Message], place: int, replied: Sequence[int]) -> bool:
    """Tell whether a reply follows in the same turn."""
    reply = next((each for each in replied if each >= place), None)
    return reply is not None and not any(_begins_turn(message) for message in messages[place:reply])


def _begins_turn(message: Message) -> bool:
    return bool(_openings((message,)))


def replied_in(messages: Sequence[Message], turn: int) -> bool:
    """Tell whether the turn has its reply: all that is left to do is to tell it."""
    began = turn_began(messages, turn)
    return any(ending_call(exchange, REPLY) for exchange in exchanges(messages[began:]))


def turn_began(messages: Sequence[Message], turn: int) -> int:
    """Return the position at which the turn begins; the end when it has not begun."""
    begun = (place for place, message in enumerate(messages) if opening((message,), turn))
    return next(begun, len(messages))


def made_in(messages: Sequence[Message], turn: int) -> Proposed | None:
    """Return the last proposal that the turn made; None when it made none."""
    made = [each for each in proposals(messages) if each.place > turn_began(messages, turn)]
    return made[-1] if made else None


def why_not_started(messages: Sequence[Message], turn: int) -> str:
    """Say why nothing may be started in this turn; empty when the newest proposal was shown in an earlier one."""
    made = proposals(messages)
    if not made:
        return "nothing was proposed yet: call `propose` first"
    if made[-1].place > turn_began(messages, turn):
        return "the person has not seen this proposal yet: end the turn with `reply`, and start it when they have agreed"
    if not made[-1].shown:
        return "the turn that made this proposal broke off, the person never saw it: call `propose` again"
    return ""


def files_heard(messages: Sequence[Message]) -> dict[str, Attachment]:
    """Return the files that the person sent in this session by name; of those with one name, the newest."""
    return {file.name: file for message in messages for part in message.parts if isinstance(part, Heard) for file in part.files}


def quoted(usd: Sequence[float], minutes: Sequence[float], most_usd: float) -> Quote:
    """Learn from earlier runs: the middle one of each; nothing without any."""
    if not usd:
        return Quote(most_usd=most_usd)
    return Quote(runs=len(usd), usd=round(median(usd), 2), minutes=max(1, round(median(minutes))), most_usd=most_usd)
