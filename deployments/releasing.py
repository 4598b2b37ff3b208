"""Starting a run that puts online again what was accepted before: for a new secret, a domain, a confirmed preview."""

from datetime import UTC, datetime

from deployments.requests import hand_over, run_id
from domain.errors import BadInput
from domain.protocols import Registry
from domain.releases import live
from domain.runs import Origin, ReleaseRequest, Run


async def release_again(project: str, why: str, origin: Origin, key: str | None, registry: Registry) -> Run:
    """Start a run with what serves now; the same key is the same run, whatever serves by then."""
    stored = await registry.run(run_id(key)) if key is not None else None
    if stored is not None and (stored.flow_run or stored.state.ended):
        return stored
    serving = live(await registry.releases(project))
    if serving is None:
        raise BadInput(f"{project} serves nothing that could be released again: see `slipway status {project}`")
    return await start_release(project, serving.commit, serving.candidate, why, origin, key, registry)


async def start_release(
    project: str,
    commit: str,
    candidate: str,
    why: str,
    origin: Origin,
    key: str | None,
    registry: Registry,
    preview: int | None = None,
) -> Run:
    """Store a run and hand it to the release deployment; the same key is one run, however often it is asked for."""
    request = ReleaseRequest(
        run=run_id(key),
        project=project,
        request=why,
        commit=commit,
        candidate=candidate,
        origin=origin,
        preview=preview,
    )
    run = await registry.add_run(request, datetime.now(UTC))
    if run.flow_run or run.state.ended:
        return run
    flow_run = await hand_over(
        "release/main",
        {"request": request.model_dump(mode="json")},
        request.run,
        name=f"release {project} ({request.run})",
        tags=(f"project:{project}", f"run:{request.run}"),
    )
    return await registry.update_run(request.run, flow_run=flow_run)
