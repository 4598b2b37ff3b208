"""What a run is to bring, in the language that its person chose."""

from collections.abc import Sequence

from deployments.wording.cards import Wanted, wanted
from domain.registry import Registry
from domain.runs import Progress, Run


async def goal_of(run: Run, progress: Sequence[Progress], registry: Registry) -> Wanted:
    """Return it; a person who chose no language is spoken to in that of the Brief."""
    goal = wanted(run, progress, await registry.project(run.project))
    person = await registry.person(run.origin.person)
    return goal.model_copy(update={"language": person.speaks(goal.language)})
