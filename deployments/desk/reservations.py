"""Names of new projects: refused when taken, reserved with the project's first run."""

from datetime import UTC, datetime

from deployments.desk.leftovers import is_leftover
from domain.errors import BadInput
from domain.proposals import Proposal
from domain.registry import Registry
from domain.runs import RunState


async def refuse_taken(slug: str, owner: str, registry: Registry) -> None:
    """Raise BadInput when the name is a project's that this owner may not begin again."""
    present = await registry.project(slug)
    if present is not None and not await is_leftover(present, owner, registry):
        raise BadInput(f"there is a project {slug!r} already: choose another name, or use `slipway change {slug}`")


async def begun_before(run: str, registry: Registry) -> Proposal | None:
    """Return what a killed process had started under this id: its project's name is taken, by itself; None for nothing.

    Of a change at work only its own proposal knows the Brief that its card needs: that is read again, and paid for only once.
    """
    found = await registry.run(run)
    project = await registry.project(found.project) if found else None
    if found is None or project is None or (found.change and not found.state.ended):
        return None
    return Proposal(run=found.id, brief=project.brief, change=found.change, request=found.request, origin=found.origin)


async def reserve(proposal: Proposal, owner: str, domain: str, at: datetime, registry: Registry) -> None:
    """Make the project as of `at`, the run's own time: by it a run that was interrupted here knows its project again.

    Raises BadInput when somebody has the name since; the run has failed then.
    """
    from tasks.audit import record

    slug = proposal.brief.slug
    present = await registry.project(slug)
    if present is not None and present.created == at:
        return
    try:
        await registry.add_project(proposal.brief, owner, domain, at)
        await record(slug, owner, "project made", registry, why=proposal.run, at=at, once=True)
        await registry.rebook(proposal.run, slug)
    except BadInput as taken:
        await registry.update_run(proposal.run, state=RunState.FAILED, message=str(taken), ended=datetime.now(UTC))
        raise
