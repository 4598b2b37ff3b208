"""Starting the run that tests and delivers a person's own commit; the same commit is one run."""

from datetime import UTC, datetime

from deployments.desk.requests import run_id
from deployments.prefect_server.flow_runs import hand_over_run
from domain.registry import Registry
from domain.runs import DeliveryRequest, Origin, Project, Run


def pushed_run(project: Project, commit: str) -> str:
    """Return the id of the run of a commit; a later project of the same name has runs of its own."""
    return run_id(f"push {project.slug} {project.created.isoformat()} {commit}")


async def start_pushed(project: Project, commit: str, why: str, origin: Origin, registry: Registry) -> Run:
    """Store the run and hand it to the delivery deployment; what was begun of it goes on as it was."""
    request = DeliveryRequest(
        run=pushed_run(project, commit),
        project=project.slug,
        change=True,
        request=why,
        brief=project.brief.model_copy(update={"retires": ()}),  # nothing new is wanted
        origin=origin,
        commit=commit,
    )
    run = await registry.add_run(request, datetime.now(UTC))
    if run.flow_run or run.state.ended:
        return run
    return await hand_over_run("delivery", request, f"deliver the push to {project.slug}", registry)
