"""A command in a comment: obeyed for people who may write to the repository, answered by a reaction and a comment."""

from collections.abc import Awaitable, Callable, Mapping

from deployments.desk.deeds import DeskDeeds
from deployments.github.place import Place
from deployments.wording.explaining import explain
from deployments.wording.texts import say
from domain.errors import BadInput, NeedsPerson
from domain.escalations import Escalation
from domain.github_commands import Command, Verb, command_in, may_write
from domain.heard import Commented
from domain.issue_requests import basis_of, issue_chat
from domain.pushes import names_digest
from domain.releases import live
from domain.runs import Project, Run, RunState
from domain.values import Value
from tasks.hosts import main_host

OPERATORS = ("more_budget",)
"""Answers that are the operator's: money."""


class Wanted(Value):
    """One command, with all that it is about."""

    event: Commented
    delivery: str
    project: Project
    command: Command
    access: str

    @property
    def who(self) -> str:
        return f"github:{self.event.sender}"

    def say(self, key: str, **fields: object) -> str:
        return say(self.project.brief.language, key, project=self.project.slug, **fields)


class Answered(Value):
    """What is said to a command."""

    text: str
    done: bool = True


async def take_comment(event: Commented, delivery: str, place: Place) -> str:
    """Do what the comment says, once; return what came of it, in a sentence."""
    project = await place.project_of(event.repository)
    if project is None:
        return f"no project has the repository {event.repository}"
    access = await place.github.repositories.access(event.repository, event.sender)
    if not may_write(access):
        await place.refuse_stranger(event, project)
        return f"{event.sender} may not write there"
    command = command_in(event.words)
    wanted = Wanted(event=event, delivery=delivery, project=project, command=command, access=access)
    try:
        answered = await _VERBS[command.verb](wanted, place)
    except (BadInput, NeedsPerson) as error:
        answered = Answered(text=explain(project.brief.language, error), done=False)
    await place.react(event, "+1" if answered.done else "confused")
    await place.say(event.repository, event.issue, delivery, answered.text)
    return f"{command.verb} of {event.sender}: {'done' if answered.done else 'refused'}"


async def show_help(wanted: Wanted, _: Place) -> Answered:
    return Answered(text=wanted.say("github_help"), done=False)


async def show_status(wanted: Wanted, place: Place) -> Answered:
    """Say what is online, and what is at work."""
    serving = live(await place.registry.releases(wanted.project.slug))
    address = place.desk.blocks.installation.address_of(await main_host(wanted.project.slug, place.registry))
    said = wanted.say("github_serves", number=serving.number, address=address) if serving else wanted.say("github_serves_none")
    runs = await place.registry.runs(wanted.project.slug, ended=False)
    lines = [wanted.say("github_run", run=run.id, state=_state(wanted, run)) for run in runs]
    return Answered(text="\n".join([wanted.say("github_status", serving=said), *lines]))


def _state(wanted: Wanted, run: Run) -> str:
    """Return how a run stands, and at which step it is."""
    step = f" ({wanted.say(f'step_{run.step}')})" if run.step else ""
    return f"{wanted.say(f'page_run_{run.state.value}')}{step}"


async def approve(wanted: Wanted, place: Place) -> Answered:
    """Start what was proposed in the issue; with a digest, let that one change of platform files pass."""
    if wanted.command.argument:
        return await approve_change(wanted, place)
    stored = await place.registry.issue_request(wanted.event.repository, wanted.event.issue)
    run = await place.registry.run(stored.proposal.run) if stored else None
    if stored is None or (run is not None and run.state.ended):
        return Answered(text=wanted.say("github_nothing", label=place.label), done=False)
    if run is None and stored.basis != basis_of(wanted.project.brief):
        return Answered(text=wanted.say("github_old", label=place.label), done=False)
    begun = await DeskDeeds(place.desk, place.allowances).start(stored.proposal)
    return Answered(text=wanted.say("github_begun", run=begun.id))


async def approve_change(wanted: Wanted, place: Place) -> Answered:
    """Answer the question about exactly this change; an administrator's word counts, as the owner's."""
    if wanted.access != "admin":
        return Answered(text=wanted.say("github_owners_word"), done=False)
    for run in await place.registry.runs(wanted.project.slug, ended=False):
        question = await asked_about(run, wanted.command.argument, place)
        if question is not None:
            await place.desk.answer(run.id, "approve", wanted.command.argument, wanted.who, "github", question.number)
            return Answered(text=wanted.say("github_approved", run=run.id))
    return Answered(text=wanted.say("github_no_such_change"), done=False)


async def asked_about(run: Run, digest: str, place: Place) -> Escalation | None:
    """Return the run's newest question when it asks about the change of this digest."""
    questions = await place.registry.escalations(run.id)
    newest = questions[-1] if questions else None
    return newest if newest is not None and names_digest(newest.diagnosis.digest, digest) else None


async def cancel(wanted: Wanted, place: Place) -> Answered:
    """Stop the run of the issue, or drop what was proposed there."""
    stored = await place.registry.issue_request(wanted.event.repository, wanted.event.issue)
    if stored is None:
        return Answered(text=wanted.say("github_nothing", label=place.label), done=False)
    run = await place.registry.run(stored.proposal.run)
    if run is None:
        await place.registry.drop_issue(wanted.event.repository, wanted.event.issue)
        return Answered(text=wanted.say("github_dropped"))
    ended = await place.desk.cancel(run.id, wanted.who)
    if ended.state is not RunState.CANCELLED:  # it had come to another end
        return Answered(text=wanted.say("github_nothing", label=place.label), done=False)
    return Answered(text=wanted.say("github_cancelled", run=ended.id))


async def roll_back(wanted: Wanted, place: Place) -> Answered:
    """Begin to go back; the delivery's id is its identity, so that it is begun once."""
    event, to = wanted.event, int(wanted.command.argument) if wanted.command.argument else None
    reason, key = f"asked for in {issue_chat(event.repository, event.issue)}", f"github:{wanted.delivery}"
    await place.desk.rollback(wanted.project.slug, reason, wanted.who, to, key=key)
    return Answered(text=wanted.say("github_goes_back"))


async def answer(wanted: Wanted, place: Place) -> Answered:
    """Answer what the issue's run asks."""
    stored = await place.registry.issue_request(wanted.event.repository, wanted.event.issue)
    if stored is None:
        return Answered(text=wanted.say("github_nothing", label=place.label), done=False)
    run, choice = stored.proposal.run, wanted.command.argument
    if choice in OPERATORS:
        return Answered(text=wanted.say("asks_operator", run=run), done=False)
    await place.desk.answer(run, choice, wanted.command.words, wanted.who, "github")
    return Answered(text=wanted.say("github_answered", run=run))


_VERBS: Mapping[Verb, Callable[[Wanted, Place], Awaitable[Answered]]] = {
    "help": show_help,
    "status": show_status,
    "approve": approve,
    "cancel": cancel,
    "rollback": roll_back,
    "answer": answer,
}
