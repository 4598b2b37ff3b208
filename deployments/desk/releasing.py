"""Starting a run that puts online again what was accepted before: for a new secret, a domain, a confirmed preview."""

from datetime import UTC, datetime
from itertools import count

from deployments.desk.requests import run_id
from deployments.prefect_server.flow_runs import hand_over_run
from domain.errors import BadInput, UnknownObject
from domain.host_claims import made_main
from domain.registry import Registry
from domain.releases import live
from domain.runs import Origin, ReleaseRequest, Run, RunState


async def release_again(project: str, why: str, origin: Origin, key: str | None, registry: Registry) -> Run:
    """Start a run with what serves now, or when it comes to it; the same key is the same run, whatever serves by then."""
    stored = await registry.run(run_id(key)) if key is not None else None
    if stored is not None and (stored.flow_run or stored.state.ended):
        return stored
    serving = live(await registry.releases(project))
    if serving is None:
        raise BadInput(f"{project} serves nothing that could be released again: see `slipway status {project}`")
    return await start_release(project, serving.commit, serving.candidate, why, origin, key, registry, again=True)


async def release_at(host: str, project: str, origin: Origin, registry: Registry) -> Run:
    """Start the run in which the app hears that this is its main host; asked again, it is that run, until it fails."""
    return await release_again(
        project, f"{host} is the main domain", origin, await _key_of_main(host, project, registry), registry
    )


async def _key_of_main(host: str, project: str, registry: Registry) -> str:
    """Return what makes all wishes for this host one run, for each time that it was made the main one."""
    found = await registry.project(project)
    if found is None:
        raise UnknownObject("project", project)
    times = sum(line.what == made_main(host) for line in await registry.history(project))
    for attempt in count(1):
        key = f"main {project} {found.created.isoformat()} {host} {times} {attempt}"
        run = await registry.run(run_id(key))
        if run is None or run.state not in (RunState.FAILED, RunState.CANCELLED):
            return key
    raise AssertionError("attempts never end")


async def start_release(
    project: str,
    commit: str,
    candidate: str,
    why: str,
    origin: Origin,
    key: str | None,
    registry: Registry,
    preview: int | None = None,
    *,
    again: bool = False,
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
        again=again,
    )
    run = await registry.add_run(request, datetime.now(UTC))
    if run.flow_run or run.state.ended:
        return run
    return await hand_over_run("release", request, f"release {project}", registry)
