"""What there is, as JSON documents: the same facts that the tables of the command line show."""

from collections.abc import Sequence
from typing import Any

from deployments.data_folder import Up
from deployments.desk.requests import Desk
from deployments.desk.telling import heard_when
from deployments.place_values import begins, no_project, stamp
from deployments.question_view import question_document
from domain.errors import BadInput
from domain.listings import ProjectLine
from domain.previews import Preview, PreviewState
from domain.releases import live
from domain.resources import ResourceState, resource_identity
from domain.runs import Progress, Project, Run, RunState
from domain.workers import AppState
from tasks.hosts import project_hosts


async def known(desk: Desk, slug: str) -> Project:
    """Return the project; raise BadInput when there is none."""
    found = await desk.registry.project(slug)
    if found is None:
        raise no_project(slug)
    return found


async def overview(desk: Desk, up: Up) -> dict[str, Any]:
    """Return all projects, and where everything is."""
    rows = await summaries(desk, await desk.registry.projects())
    return {"projects": rows, "ui": up.prefect_ui_url, "apps": up.apps_url}


async def summaries(desk: Desk, projects: Sequence[Project]) -> Sequence[dict[str, Any]]:
    """Return a line of each project, in a few questions for all of them."""
    lines = await desk.registry.project_lines([each.slug for each in projects])
    return [_summary(desk, each, lines[each.slug]) for each in projects]


async def summary(desk: Desk, project: Project) -> dict[str, Any]:
    return (await summaries(desk, [project]))[0]


def _summary(desk: Desk, project: Project, line: ProjectLine) -> dict[str, Any]:
    is_online, run = line.live is not None, line.last
    return {
        "project": project.slug,
        "title": project.title,
        "kind": project.kind,
        "state": f"release {line.live}" if is_online else "not online",
        "address": desk.blocks.installation.address_of(project.domain) if is_online else "",
        "waiting": [run.message] if run and run.state is RunState.WAITING else [],
        "last_run": f"{run.id} {run.state.value}" if run else "",
        "cost_usd": line.micro_usd / 1_000_000,
    }


async def cost_document(desk: Desk, slug: str) -> dict[str, Any]:
    """Return what the project's model calls have cost, and what they may."""
    cost, budget = await desk.registry.cost(slug), await desk.registry.budget(slug)
    spent = {"cost_usd": cost.usd, "budget_usd": budget / 1_000_000, "calls": cost.calls}
    return {"project": slug, **spent, "tokens": cost.tokens.model_dump()}


async def whole(desk: Desk, project: Project, up: Up | None = None) -> dict[str, Any]:
    """Return one project with its releases, checks, names of secrets and last runs."""
    runs = await desk.registry.runs(project.slug, 5)
    return {**await project_facts(desk, project), "runs": [await run_document(desk, run, up) for run in runs]}


async def project_facts(desk: Desk, project: Project) -> dict[str, Any]:
    """Return one project with its releases, checks and names of secrets, without its runs."""
    releases = await desk.registry.releases(project.slug)
    return {
        **await summary(desk, project),
        "running": await desk.look.is_running(live(releases)),
        "releases": [release.model_dump(mode="json", exclude={"address", "health"}) for release in releases],
        "previews": [each for each in await previews(desk, project) if each["open"]],
        "checks": [f"{check.id}: {check.title}" for check in await desk.registry.checks(project.slug)],
        "domains": list(await project_hosts(project.slug, desk.registry)),
        "resources": await resources(desk, project),
        "secrets": sorted({info.key for info in await desk.vault.listed(project.slug)}),
    }


async def resources(desk: Desk, project: Project) -> Sequence[dict[str, Any]]:
    """Return the project's databases, and how each is now."""
    rows = await desk.registry.resources(project.slug)
    found = {each.identity: each for each in await desk.blocks.engine.resources.status(project.slug)} if rows else {}
    now = {row.kind: found.get(resource_identity(row.project, row.kind)) for row in rows}
    return [
        {
            "kind": row.kind.value,
            "address": row.reference,
            "state": (status.state if (status := now[row.kind]) else ResourceState.GONE).value,
            "restarts": status.restarts if status else 0,
        }
        for row in rows
    ]


async def previews(desk: Desk, project: Project) -> Sequence[dict[str, Any]]:
    """Return the project's previews, newest first."""
    return [await preview_document(desk, preview) for preview in await desk.registry.previews(project.slug)]


async def preview_document(desk: Desk, preview: Preview) -> dict[str, Any]:
    """Return one preview, and whether its copy runs now: nothing watches it."""
    status = await desk.blocks.engine.status(preview.identity) if preview.state is PreviewState.UP else None
    return {
        "preview": preview.number,
        "state": preview.state.value,
        "open": preview.state.open,
        "running": status is not None and status.state is AppState.RUNNING,
        "address": desk.blocks.installation.address_of(preview.host) if preview.state is PreviewState.UP else "",
        "run": preview.run,
        "commit": preview.commit,
        "candidate": preview.candidate,
        "data": preview.data,
        "reason": preview.reason,
        "created": stamp(preview.created),
        "expires": stamp(preview.expires),
    }


async def proof_document(desk: Desk, project: Project, run: str | None = None) -> dict[str, Any]:
    """Return the run's proof, or the newest, and whether its signature holds; raise BadInput when there is none."""
    shown = await desk.look.proof(project.slug, run)
    if shown is None:
        which = f"run {run[:40]!r} of {project.slug}" if run else project.slug
        cure = f"one is made when a run's work is accepted (`slipway status {project.slug}`)"
        raise BadInput(f"there is no proof of {which}: {cure}")
    return {**shown.document, "genuine": shown.genuine}


async def tell_document(desk: Desk, whom: str, text: str, who: str) -> dict[str, Any]:
    """Say something to a run, or to the one open run of a project, and return it, with when it is heard."""
    remark = await desk.tell(whom, text, who)
    return {**remark.model_dump(mode="json", exclude={"files", "pictures"}), "message": await heard_when(remark, desk.registry)}


async def all_runs(desk: Desk, up: Up) -> Sequence[dict[str, Any]]:
    return [await run_document(desk, run, up) for run in await desk.registry.runs()]


async def run_document(desk: Desk, run: Run, up: Up | None = None) -> dict[str, Any]:
    """Return everything about a run, and where its operator sees it on the machine itself, which is `up`."""
    return {**await run_facts(desk, run), "flow_run": run_link(run, up.prefect_ui_url if up else "")}


async def run_facts(desk: Desk, run: Run, lines: Sequence[Progress] | None = None) -> dict[str, Any]:
    """Return everything about a run that its person may see; `lines`: its progress, when that was read already."""
    cost = await desk.registry.cost(run=run.id)
    lines = await desk.registry.progress(run.id) if lines is None else lines
    reports = [line.text for line in lines if line.kind == "report"]
    return {
        "run": run.id,
        "project": run.project,
        "state": run.state.value,
        "step": run.step,
        "rounds": run.round,
        "address": run.address,
        "message": run.message,
        "waits_for": list(run.waits_for),
        "question": await question_of(desk, run),
        "reports": reports,
        "cost_usd": cost.usd,
        "calls": cost.calls,
        "tokens": cost.tokens.model_dump(),
        "request": begins(run),
        "created": stamp(run.created),
        "ended": stamp(run.ended) if run.ended else None,
    }


async def question_of(desk: Desk, run: Run) -> dict[str, Any] | None:
    """Return what the run asks its person now."""
    if run.state is not RunState.WAITING:
        return None
    questions = await desk.registry.escalations(run.id)
    return question_document(questions[-1]) if questions and questions[-1].answer is None else None


def run_link(run: Run, ui_url: str) -> str:
    """Return the run's page in the Prefect UI; empty until it was handed over."""
    return f"{ui_url}/runs/flow-run/{run.flow_run}" if run.flow_run and ui_url else ""
