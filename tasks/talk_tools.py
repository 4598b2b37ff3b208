"""The Product Owner's tools in a dialogue: typed, and bound to one person by code, whatever a model says.

What is wrong with a call is told to the model. A call may come again after a kill: what it does outside has a key that comes
of the session and the call. Uses the registry, wake-ups, transcripts and the deeds.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, ValidationError

from domain.conversations import ToolResult, ToolSpec, ToolUse
from domain.deeds import Deeds
from domain.errors import BadInput, NeedsPerson
from domain.names import EnvName, Slug
from domain.proposals import PROPOSE, Propose, files_heard, proposal_run, proposals, why_not_started
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.roles import in_short
from domain.runs import Origin
from domain.values import Value
from tasks.notify import tell_operator
from tasks.talk_projects import Belongings
from tasks.talk_proposals import objections, proposal_of


class Nothing(Value):
    """No input."""


class OfProject(Value):
    project: Slug


class MaybeProject(Value):
    project: Slug | None = Field(default=None, description="Leave it out for all of them")


class OfRun(Value):
    run: str = Field(max_length=40, description="Id of the run, like r-0123456789: `status` shows which are at work")


class GoBack(Value):
    project: Slug
    why: str = Field(min_length=1, max_length=300, description="What the person said is wrong")


class AskSecret(Value):
    project: Slug
    name: EnvName = Field(description="Name of the environment variable, like STRIPE_SECRET_KEY")
    why: str = Field(
        min_length=1, max_length=500, description="What it is for and where the person finds it, in their language"
    )


class SetDomain(Value):
    project: Slug
    host: str = Field(max_length=253, description="Host name, like shop.example.org")


class HandOver(Value):
    why: str = Field(
        min_length=1, max_length=1000, description="What the person needs, for a human who knows nothing of it yet"
    )


INPUTS: dict[str, tuple[type[Value], str]] = {
    "list_projects": (Nothing, "List the person's projects: name, title, kind, what is online, what is at work."),
    "inspect_project": (OfProject, "Return a project's present Brief, and how it stands."),
    PROPOSE: (Propose, "Propose a new project or a change. It is shown to the person at the end of the turn; nothing starts."),
    "start": (Nothing, "Build the newest proposal. Only after the person has seen it and agreed."),
    "status": (MaybeProject, "Return what is at work, or the last runs of one project."),
    "costs": (MaybeProject, "Return what models cost so far, and the limit."),
    "logs": (OfProject, "Return the last lines of what the project's newest run did."),
    "app_log": (OfProject, "Return the last lines that a project's app itself printed."),
    "ask_secret": (AskSecret, "Ask the person for a secret by its name. The value goes to the vault; you never see it."),
    "rollback": (GoBack, "Take a project back to the version before."),
    "set_domain": (SetDomain, "Let another host name lead to a project. Its DNS record is the person's to make."),
    "cancel": (OfRun, "Stop a run that is at work."),
    "hand_to_person": (HandOver, "Tell the human operator that this person needs them."),
}
TALK_TOOLS = tuple(INPUTS)


@dataclass(frozen=True)
class TalkTools:
    """The tools of one turn."""

    origin: Origin
    session: str
    conversation: str
    turn: int
    registry: Registry
    wakeups: Wakeups
    deeds: Deeds

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return [
            ToolSpec(name=name, description=description, input_schema=kind.model_json_schema())
            for name, (kind, description) in INPUTS.items()
        ]

    @property
    def own(self) -> Belongings:
        return Belongings(self.origin.person, self.registry)

    async def run(self, call: ToolUse) -> ToolResult:
        """Run one call; what a person or the model must mend is a result with `is_error`."""
        try:
            kind, _ = INPUTS[call.name]
            return ToolResult(tool_use_id=call.id, text=await self._done(call, kind.model_validate(call.input)))
        except ValidationError as error:
            said = f"this does not fit the tool {call.name}:\n{in_short(error)}"
        except NeedsPerson as error:
            said = str(error)
        return ToolResult(tool_use_id=call.id, text=said, is_error=True)

    async def _done(self, call: ToolUse, given: Any) -> str:
        acts: dict[str, Callable[[], Awaitable[str]]] = {
            "list_projects": self.own.listed,
            "inspect_project": lambda: self.own.inspected(given.project),
            PROPOSE: lambda: self._propose(given),
            "start": self._start,
            "status": lambda: self.own.status(given.project),
            "costs": lambda: self.own.costs(given.project),
            "logs": lambda: self.own.log(given.project),
            "app_log": lambda: self._app_log(given.project),
            "ask_secret": lambda: self._ask_secret(given, self._key(call)),
            "rollback": lambda: self._rollback(given, self._key(call)),
            "set_domain": lambda: self._set_domain(given),
            "cancel": lambda: self._cancel(given.run),
            "hand_to_person": lambda: self._hand_over(given, self._key(call)),
        }
        return await acts[call.name]()

    async def _propose(self, given: Propose) -> str:
        known = files_heard(await self.registry.load(self.conversation))
        if unknown := [name for name in given.files if name not in known]:
            raise BadInput(f"the person sent no file {unknown[0]!r} here; there are: {', '.join(known) or 'none'}")
        if wrong := await objections(given, self.origin.person, self.registry):
            raise BadInput("not proposed; correct this and propose again:\n" + "\n".join(f"- {line}" for line in wrong))
        return "the person sees it below your reply, with checks, quote and buttons"

    async def _start(self) -> str:
        messages = await self.registry.load(self.conversation)
        if why := why_not_started(messages, self.turn):
            raise BadInput(why)
        newest = proposals(messages)[-1]
        run = proposal_run(self.session, newest.number)
        begun = await self.registry.run(run)
        if begun is not None and (begun.flow_run or begun.state.ended):
            return f"it was started before, as {run} on {begun.project}: it is {begun.state.value}"
        started = await self.deeds.start(await proposal_of(newest, run, self.origin, self.registry, messages))
        return f"{started.project} is being built as {started.id}; the person sees its card and is told when it ends"

    async def _app_log(self, project: str) -> str:
        await self.own.project(project)
        return await self.deeds.output(project) or f"nothing of {project} is online, or its app printed nothing yet"

    async def _ask_secret(self, given: AskSecret, key: str) -> str:
        await self.own.project(given.project)
        await self.deeds.ask_secret(given.project, given.name, given.why, self.origin, key=key)
        return f"the person is asked for {given.name} in a message of its own; {given.project} has it from its next release on"

    async def _rollback(self, given: GoBack, key: str) -> str:
        await self.own.project(given.project)
        await self.deeds.rollback(given.project, f"asked for in the dialogue: {given.why}", self.origin.person, key=key)
        return f"{given.project} goes back to the version before; the person is told what came of it"

    async def _set_domain(self, given: SetDomain) -> str:
        await self.own.project(given.project)
        address = await self.deeds.add_domain(given.project, given.host, self.origin.person)
        return f"{address} leads to {given.project}, as soon as the host's DNS record points here"

    async def _cancel(self, name: str) -> str:
        """Stop exactly this run: a call that comes again after a kill stops no other one."""
        run = await self.own.run(name)
        stopped = run if run.state.ended else await self.deeds.cancel(run.id, self.origin.person)
        return f"{stopped.id} on {stopped.project} is {stopped.state.value}"

    async def _hand_over(self, given: HandOver, key: str) -> str:
        text = f"{self.origin.person} asks for a human: {given.why}"
        await tell_operator(key, text, self.registry, self.wakeups, datetime.now(UTC))
        return "the operator is told; do not promise when they answer"

    def _key(self, call: ToolUse) -> str:
        return f"{self.session}:{self.turn}:{call.id}"
