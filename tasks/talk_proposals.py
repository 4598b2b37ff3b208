"""Proposals of a session, settled: under which name and run each would be built, and what it would cost.

Uses the registry; changes nothing, so that asking again is safe.
"""

from collections.abc import Sequence

from domain.conversations import Message
from domain.proposals import Proposal, Propose, Proposed, Quote, files_heard, quoted
from domain.registry import Registry
from domain.runs import Origin, RunState
from tasks.product_owner import complaints, settled
from tasks.talk_projects import Belongings

LEARNED_FROM = 20
"""Earlier runs that a quote looks at."""


async def objections(propose: Propose, person: str, registry: Registry) -> tuple[str, ...]:
    """Say what the model must mend before the person is shown this; raise BadInput for a project that is not theirs."""
    present = (await Belongings(person, registry).project(propose.project)).brief if propose.project else None
    return complaints(propose.brief, present)


async def proposal_of(
    proposed: Proposed, run: str, origin: Origin, registry: Registry, messages: Sequence[Message]
) -> Proposal:
    """Return the proposal as it would be built as `run`; one that was begun keeps the name that it has.

    `messages` are those of its session, in which its files were sent.

    Raises BadInput when the project to change is not the person's any more.
    """
    propose = proposed.propose
    present = (await Belongings(origin.person, registry).project(propose.project)).brief if propose.project else None
    begun = await registry.run(run)
    if begun is not None and present is None:
        brief = propose.brief.model_copy(update={"slug": begun.project, "retires": ()})
    else:
        taken = frozenset(project.slug for project in await registry.projects())
        brief = settled(propose.brief, None, None, present, taken)
    known = files_heard(messages)
    files = tuple(known[name] for name in dict.fromkeys(propose.files) if name in known)
    return Proposal(run=run, brief=brief, change=present is not None, request=propose.request, origin=origin, attachments=files)


async def quote_for(proposal: Proposal, registry: Registry) -> Quote:
    """Learn from earlier runs of the same sort, of whomever: numbers without names."""
    runs = [
        run
        for run in await registry.runs(limit=200)
        if run.state is RunState.DELIVERED and run.change == proposal.change and run.ended and run.flow_run
    ][:LEARNED_FROM]
    usd = [(await registry.cost(run=run.id)).usd for run in runs]
    minutes = [(run.ended - run.created).total_seconds() / 60 for run in runs if run.ended]
    return quoted(usd, minutes, await registry.budget(proposal.brief.slug) / 1_000_000)
