"""A person pushed to the main branch: the commit is fetched, and a run tests and delivers it."""

from contextlib import suppress
from typing import Literal

from deployments.desk.pushing import pushed_run
from deployments.github.place import Place
from deployments.wording.explaining import explain
from deployments.wording.texts import say
from domain.github import CommitCheck, Conclusion
from domain.github_errors import GitHubRefused, GitHubShut, HistoryTooLarge
from domain.github_texts import TITLE_LIMIT, one_line
from domain.heard import Pushed
from domain.pushes import Push, judged_push
from domain.refusals import LimitReached
from domain.runs import Project
from tasks.audit import record


async def take_push(event: Pushed, place: Place) -> str:
    """Begin the one run of what the branch has now; return what came of it, in a sentence."""
    project = await place.project_of(event.repository)
    if project is None:
        return f"no project has the repository {event.repository}"
    git = place.desk.blocks.git
    head = await fetched(event, project, place)
    if head is None:
        return f"{event.repository} has no branch {event.branch} any more"
    ours = await git.head(project.slug)
    fork = await git.fork(project.slug, ours, head) if ours else None
    match judged_push(head, ours, fork):
        case Push.KNOWN:
            return f"{head[:12]} is known already"
        case Push.DIVERGED:
            await tell_undone(event, head, project, place, "diverged")
            return f"{head[:12]} lacks what is live"
        case Push.FORWARD:
            return await begin(event, head, project, place)


async def fetched(event: Pushed, project: Project, place: Place) -> str | None:
    """Return the branch's commit, which is here then; what git or GitHub does not let through is told, as to be mended."""
    try:
        return await place.remote.fetch(project.slug, event.repository, event.branch)
    except HistoryTooLarge as error:
        await tell_undone(event, event.after, project, place, "large", most=error.args[1])
        raise
    except GitHubShut:  # it is fetched when the App may again
        raise
    except GitHubRefused as refused:
        await tell_undone(event, event.after, project, place, "unfetched", why=refused)
        raise


async def begin(event: Pushed, head: str, project: Project, place: Place) -> str:
    """Start the run in the name of the project's owner, to whom it tells how it ends.

    Raises LimitReached, and says so at the commit and to the owner, while they may begin nothing more.
    """
    who = f"github:{event.sender}"
    why = f"{event.sender} pushed {head[:12]}: {event.title}".rstrip(": ")
    try:
        async with place.allowances.starting(project.owner, pushed_run(project, head)):
            run = await place.start_push(project, head, why, await place.origin_of(project), place.registry)
    except LimitReached as reached:
        await tell_undone(event, head, project, place, "held", why=explain(await place.language_of(project), reached))
        raise
    await record(project.slug, who, f"pushed {head[:12]}", place.registry, why=run.id, once=True)
    return f"run {run.id} tests {head[:12]}"


async def tell_undone(
    event: Pushed,
    head: str,
    project: Project,
    place: Place,
    how: Literal["diverged", "held", "large", "unfetched"],
    **why: object,
) -> None:
    """Say to the owner and at the commit, once, that nothing was done about the push, or nothing yet."""
    fields = {"person": event.sender, "repository": event.repository, "commit": head[:12], "project": project.slug}
    text = say(await place.language_of(project), f"github_{how}", **fields, **why)
    await place.tell_owner(project, f"{how}-{head}", text)
    ended: Conclusion = "neutral" if how == "held" else "failure"
    title = one_line(text, TITLE_LIMIT)  # by a personal token it is all that is seen
    check = CommitCheck(run=pushed_run(project, head), commit=head, conclusion=ended, title=title, summary=text)
    with suppress(GitHubRefused):  # as where the App may make no checks: what waits still waits, and its owner knows
        await place.github.reports.report(event.repository, check)
