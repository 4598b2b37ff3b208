"""An issue was given the label: its words become a Brief, which is said there and waits for a word."""

from deployments.desk.requests import run_id
from deployments.github.place import Place
from deployments.wording.explaining import explain
from deployments.wording.texts import say
from domain.briefs import Brief
from domain.errors import BadInput, NeedsPerson, NoBrief
from domain.github_commands import may_write
from domain.heard import Labelled
from domain.issue_requests import IssueRequest, basis_of, issue_chat
from domain.runs import Origin, Project
from tasks.audit import record


async def take_label(event: Labelled, delivery: str, place: Place) -> str:
    """Propose what the issue asks for; return what came of it, in a sentence."""
    project = await place.project_of(event.repository)
    if project is None:
        return f"no project has the repository {event.repository}"
    if not may_write(await place.github.repositories.access(event.repository, event.sender)):
        await place.refuse_stranger(event, project)
        return f"{event.sender} may not write there"
    stored = await place.registry.issue_request(event.repository, event.issue)
    run = await place.registry.run(stored.proposal.run) if stored else None
    if run is not None and not run.state.ended:
        text = say(project.brief.language, "github_at_work", run=run.id)
        await place.say(event.repository, event.issue, delivery, text)
        return f"run {run.id} is at work for it"
    await place.react(event, "eyes")
    return await propose(event, delivery, project, place)


async def propose(event: Labelled, delivery: str, project: Project, place: Place) -> str:
    """Write the Brief, keep it, say it at the issue; a killed process's is found again and not paid for twice."""
    origin = Origin(channel="github", chat=issue_chat(event.repository, event.issue), person=project.owner)
    key, language = f"github:{delivery}", project.brief.language
    try:
        await place.allowances.check(project.owner, run_id(key))
        proposal = await place.desk.propose(f"{event.title}\n\n{event.text}", origin, project=project.slug, key=key)
    except (BadInput, NeedsPerson) as error:
        no_brief = isinstance(error, NoBrief)
        text = say(language, "github_no_brief", label=place.label) if no_brief else explain(language, error)
        await place.say(event.repository, event.issue, delivery, text)
        return f"no Brief came of it: {error}"
    kept = IssueRequest(
        repository=event.repository,
        issue=event.issue,
        proposal=proposal,
        basis=basis_of(project.brief),
        at=place.clock(),
    )
    await place.registry.keep_issue(kept)
    where = issue_chat(event.repository, event.issue)
    await record(project.slug, f"github:{event.sender}", f"asked in {where}", place.registry, why=proposal.run, once=True)
    text = f"{say(language, 'github_brief', project=project.slug)}\n\n{brief_text(proposal.brief, language)}"
    await place.say(event.repository, event.issue, f"{proposal.run}:brief", text)
    return f"proposed as {proposal.run}"


def brief_text(brief: Brief, language: str) -> str:
    """Return the Brief in Markdown, as it is proposed at the issue."""
    stories, checks = ("\n".join(f"- {text}" for text in part) for part in (brief.stories, [c.text for c in brief.checks]))
    return f"# {brief.title}\n\n{brief.summary}\n\n{stories}\n\n{say(language, 'done_when')}\n{checks}"
