"""Readiness: is everything there that a deploy needs, before anything is started?

True afterwards: nothing changed. Blocks: engine, proxy, registry.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from domain.addons import Addon, addons_of
from domain.errors import UnknownObject
from domain.exclusivity import Exclusivity
from domain.health import HealthCheck, health_check
from domain.outcomes import Rejected
from domain.procfile import RELEASE, process_line
from domain.protocols import GitHost
from domain.registry import Registry
from domain.releases import Release, failed_before
from domain.routes import Proxy
from domain.runs import Project
from domain.values import Value
from domain.workers import AppRunner
from tasks.artifacts import publish
from tasks.audit import record
from tasks.kinds import kind_named
from tasks.retrying import only_try_again

REQUEST = 120
"""Characters of a request that the history tells."""


class Readiness(Value):
    """What the deployer needs to know of the project."""

    process: str = Field(description="Entry of the Procfile that is run")
    health: HealthCheck
    addons: tuple[Addon, ...] = Field(default=(), description="Resources that it asks for")
    release_command: str = Field(default="", description="Line of the Procfile that is run once before the release serves")
    exclusivity: Exclusivity = Field(default_factory=Exclusivity, description="Whether its copies may run side by side")
    chat: bool = Field(default=False, description="Whether people talk to it in a messenger")


@task(
    task_run_name="is {name} ready",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=[1, 2, 5, 10, 20],
    retry_condition_fn=only_try_again,
)
async def check_readiness(
    name: str, project: Project | None, sources: dict[str, str], engine: AppRunner, proxy: Proxy
) -> Readiness:
    """Ask the engine and Caddy for a sign of life, and read how the app's health is seen."""
    if project is None:
        raise UnknownObject("project", name)
    await engine.apps(name)
    await proxy.routes()
    kind = kind_named(project.kind)
    return Readiness(
        process=kind.process,
        health=health_check(sources.get("app.json", ""), kind.process),
        addons=addons_of(sources.get("app.json", "")),
        release_command=process_line(sources.get("Procfile", ""), RELEASE),
        exclusivity=kind.exclusivity,
        chat=kind.chat,
    )


@task(
    task_run_name="was this candidate of {project} tried before",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def refuse_again(run: str, project: str, candidate: str, environment_version: int, registry: Registry) -> Rejected | None:
    """Refuse a candidate that failed its health as an earlier release, unless its environment has changed since."""
    before = failed_before(run, candidate, environment_version, await registry.releases(project))
    if before is None:
        return None
    why = (
        f"the same candidate with the same environment failed as release {before.number}, and what failed is not tried again: "
        f"change the app, or the value that it lacks. Release {before.number}: {before.reason}"
    )
    return Rejected(reason=why, started=False)


async def health_check_of(project: Project, commit: str, git: GitHost) -> HealthCheck:
    """Read from a commit how the app's health is seen."""
    sources = await git.read(project.slug, commit, ("app.json",))
    return health_check(sources.get("app.json", ""), kind_named(project.kind).process)


async def publish_release(release: Release, address: str, registry: Registry, *, audited: bool = True) -> None:
    """Show the release with its link, and write the audit line once, unless who calls writes one of its own."""
    text = (
        f"# {release.project}, release {release.number}\n\n[{address}]({address})\n\n| | |\n|---|---|\n"
        f"| commit | `{release.commit}` |\n"
        f"| candidate | `{release.candidate}` |\n| environment | version {release.environment_version} |\n"
        f"| state | {release.state.value} |\n"
    )
    await publish("release", f"{release.project}-{release.number}", text, f"Release {release.number} at {address}")
    if audited:
        at, who, what = release.went_live or release.created, release.actor or release.run, f"release {release.number} is live"
        run = await registry.run(release.run)
        why = f"{release.run}: {run.request.strip().splitlines()[0][:REQUEST]}" if run and run.request.strip() else release.run
        await record(release.project, who, what, registry, why=why, version=release.number, at=at, once=True)
