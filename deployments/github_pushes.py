"""A person pushed to the main branch: the commit is fetched, and a run tests and delivers it."""

from deployments.github_place import Place
from deployments.wording import say
from domain.github import CommitCheck
from domain.heard import Pushed
from domain.pushes import Push, judged_push
from domain.runs import Notification, Origin, Project
from tasks.audit import record
from tasks.notify import OUTBOX
from tasks.progress import hint


async def take_push(event: Pushed, place: Place) -> str:
    """Begin the one run of what the branch has now; return what came of it, in a sentence."""
    project = await place.project_of(event.repository)
    if project is None:
        return f"no project has the repository {event.repository}"
    git = place.desk.blocks.git
    head = await place.remote.fetch(project.slug, event.repository, event.branch)
    if head is None:
        return f"{event.repository} has no branch {event.branch} any more"
    ours = await git.head(project.slug)
    fork = await git.fork(project.slug, ours, head) if ours else None
    match judged_push(head, ours, fork):
        case Push.KNOWN:
            return f"{head[:12]} is known already"
        case Push.DIVERGED:
            await tell_diverged(event, head, project, place)
            return f"{head[:12]} lacks what is live"
        case Push.FORWARD:
            return await begin(event, head, project, place)


async def begin(event: Pushed, head: str, project: Project, place: Place) -> str:
    """Start the run in the name of the project's owner, to whom it tells how it ends."""
    who = f"github:{event.sender}"
    why = f"{event.sender} pushed {head[:12]}: {event.title}".rstrip(": ")
    run = await place.start_push(project, head, why, await origin_of(project, place), place.registry)
    await record(project.slug, who, f"pushed {head[:12]}", place.registry, why=run.id, once=True)
    return f"run {run.id} tests {head[:12]}"


async def origin_of(project: Project, place: Place) -> Origin:
    """Return where the owner of the project was told of its newest run that came from them; else nowhere but here."""
    for run in await place.registry.runs(project.slug):
        if run.origin.person == project.owner and run.origin.channel in ("telegram", "cli"):
            return run.origin.model_copy(update={"message": ""})
    return Origin(channel="api", person=project.owner)


async def tell_diverged(event: Pushed, head: str, project: Project, place: Place) -> None:
    """Say at the commit and to the owner that nothing was done about the push."""
    person = await place.registry.person(project.owner)
    fields = {"person": event.sender, "repository": event.repository, "commit": head[:12], "project": project.slug}
    text = say(person.speaks(project.brief.language), "github_diverged", **fields)
    check = CommitCheck(run=f"push-{head[:12]}", commit=head, conclusion="failure", title="not delivered", summary=text)
    await place.github.reports.report(event.repository, check)
    origin, key = await origin_of(project, place), f"{project.slug}:diverged-{head}"
    told = Notification(key=key, channel=origin.channel, chat=origin.chat, text=text, created=place.clock())
    await place.registry.add_notification(told)
    await hint(place.wakeups, OUTBOX, key)
