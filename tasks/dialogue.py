"""One turn of the dialogue: what a person wrote is answered, by the agent loop in the role of the Product Owner.

True afterwards: the transcript holds the turn and its reply; what it started is started. A turn that has ended returns its
end again without a call, a killed one goes on at its step. Blocks: model, registry (transcripts, ledger), wakeups, vault and
the sessions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from domain.attachments import Attachments
from domain.conversations import Finished, GaveUp, ModelClient
from domain.deeds import Deeds
from domain.errors import NeedsPerson, NoReply
from domain.proposals import REPLY, Answered, Reply, made_in, opening, proposal_run, turn_text, untold
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.remarks import Remark, last_heard
from domain.roles import CallFacts, Role, RoleLimits
from domain.runs import Origin
from domain.talks import Talks, account, session_id
from domain.values import Value
from tasks.agent import led
from tasks.agent_calls import Calls
from tasks.agent_transcript import Transcript
from tasks.attachments import read_files
from tasks.cli import cli_agent
from tasks.conversation import Conversation
from tasks.kinds import kinds
from tasks.led_by_cli import CliDesk, led_by_cli
from tasks.product_owner import PATIENCE
from tasks.prompts import prompt
from tasks.redaction import redacted, shield_for
from tasks.talk_projects import Belongings, in_a_line
from tasks.talk_proposals import proposal_of, quote_for
from tasks.talk_tools import TALK_TOOLS, TalkTools

ROLE = "product_owner"


def conversation_of(session: str) -> str:
    """Name the conversation of a session in the transcripts."""
    return f"{session}/{ROLE}"


class Turn(Value):
    """Which turn of whose session: ids alone, since the Prefect UI shows them."""

    name: str = Field(description="Whose session it is")
    epoch: int
    number: int
    chat: str
    channel: str = "telegram"

    @property
    def session(self) -> str:
        return session_id(self.name, self.epoch)

    @property
    def conversation(self) -> str:
        return conversation_of(self.session)

    @property
    def origin(self) -> Origin:
        return Origin.model_validate({"channel": self.channel, "chat": self.chat, "person": self.name})


@dataclass(frozen=True)
class Unanswered:
    """The messages that wait in the session, as the agent loop hears them."""

    turn: Turn
    talks: Talks
    files: Attachments | None = None

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        """Return what the person said after that sequence, in order."""
        if run != self.turn.session:
            return ()
        return [await self._read(each) for each in await self.talks.waiting(self.turn.name, self.turn.epoch, after)]

    async def _read(self, remark: Remark) -> Remark:
        """Return the remark with what a model is given of its files."""
        if not remark.files or self.files is None:
            return remark
        read = await read_files(remark.files, self.files)
        return remark.model_copy(update={"text": f"{remark.text}\n\n{read.text}", "pictures": read.pictures})


@task(task_run_name="answer turn {turn.number} of {turn.session}", cache_policy=NO_CACHE, retries=0)  # its caller decides
async def answer_turn(
    turn: Turn,
    model_name: str,
    model: ModelClient,
    registry: Registry,
    wakeups: Wakeups,
    vault: Vault,
    talks: Talks,
    deeds: Deeds,
    files: Attachments | None = None,
    desk: CliDesk | None = None,
) -> Answered:
    """Return what the person is told. Raises what the model service raised, and NoReply when no reply came of the turn."""
    await shield_for([project.slug for project in await Belongings(turn.name, registry).projects()], vault)
    role = dialogue_role(model_name)
    tools = TalkTools(turn.origin, turn.session, turn.conversation, turn.number, registry, wakeups, deeds)
    talk = Conversation(
        role,
        CallFacts(project=account(turn.name), run=turn.session, conversation=turn.conversation),
        model,
        Calls(role, tools, None),
        Transcript(turn.conversation, registry, registry),
        time.monotonic,
        Unanswered(turn, talks, files),
    )
    agent = cli_agent(desk.arrangement.engine) if desk else None
    begin = (
        "Kinds of project:\n" + "\n".join(f"- {each.name}: {each.description}" for each in kinds()),
        await _opening(turn, registry),
    )
    if desk is not None and agent is not None:
        end = await led_by_cli(talk, *begin, door=f"{turn.session}-{turn.number}", agent=agent, desk=desk)
    else:
        end = await led(talk, *begin)
    return await _answered(turn, end, registry)


async def _opening(turn: Turn, registry: Registry) -> str:
    """Return what the turn begins with: which runs ended since. One that was begun before begins as it did then."""
    messages = await registry.load(turn.conversation)
    if begun := opening(messages, turn.number):
        return begun
    ended = untold(await Belongings(turn.name, registry).ended(), messages)
    return turn_text(turn.number, [f"- {in_a_line(run)}" for run in ended])


async def _answered(turn: Turn, end: Finished[Reply] | GaveUp, registry: Registry) -> Answered:
    if not isinstance(end, Finished):
        raise NoReply(end.reason, end.detail)
    messages = await registry.load(turn.conversation)
    made = made_in(messages, turn.number)
    answered = Answered(reply=_clean(end.value), upto=last_heard(messages))
    if made is None:
        return answered
    run = proposal_run(turn.session, made.number)
    try:
        proposal = await proposal_of(made, run, turn.origin, registry, messages)
    except NeedsPerson:  # its project went away meanwhile: the words stand for themselves
        return answered
    return answered.model_copy(update={"proposal": proposal, "quote": await quote_for(proposal, registry)})


def _clean(reply: Reply) -> Reply:
    """Return the reply without secrets: no model is given any, and should one say one all the same, it stays here."""
    return reply.model_copy(
        update={"text": redacted(reply.text), "questions": tuple(redacted(question) for question in reply.questions)}
    )


def dialogue_role(model_name: str) -> Role[Reply]:
    return Role[Reply](
        name=ROLE,
        system=prompt("dialogue"),
        model=model_name,
        output=Reply,
        hand_in=REPLY,
        hand_in_description="Answer the person. The turn is over when it is accepted.",
        tools=TALK_TOOLS,
        limits=RoleLimits(steps=16, seconds=300.0, max_tokens=8_000, retry_seconds=PATIENCE),
    )
