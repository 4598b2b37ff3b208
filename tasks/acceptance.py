"""Acceptance: the person's checks are asked of a throw-away copy of the candidate, before any traffic.

True afterwards: the report holds one case a check, and the copy with its data is gone. No value of a secret is in
an input or in the report. A copy never gets the address of a live database, the project's or a person's: it has one of its own,
empty, and gone with it. Blocks: engine, git host, vault.
"""

from prefect import task

from domain.addons import Addon, addons_of
from domain.checks import Check
from domain.engines import Engine
from domain.env_values import placeholder_values
from domain.environment import EnvironmentVersion, Requirements, computed_values
from domain.health import HealthCheck, health_check
from domain.procfile import RELEASE
from domain.protocols import GitHost, Vault
from domain.rehearsals import rehearsal_identity
from domain.reports import TestReport
from domain.workers import AppSpec
from tasks.identity import once_per
from tasks.rehearsal import rehearse
from tasks.resources import scratch_resources
from tasks.retrying import only_try_again
from tasks.secret_resolver import values_beside_live

HEALTH_SECONDS = 60.0


@task(
    task_run_name="acceptance of {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "candidate"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def rehearse_candidate(
    run: str,
    project: str,
    round: int,
    commit: str,
    candidate: str,
    process: str,
    address: str,
    wanted: Requirements,
    checks: tuple[Check, ...],
    git: GitHost,
    engine: Engine,
    seconds: float = HEALTH_SECONDS,
    chat: bool = False,
) -> TestReport:
    """Ask the checks of the round's candidate, with defaults and made-up values in its environment.

    `address` is where a release of it will be reached: an environment without secrets is then the release's own.
    """
    sources = await git.read(project, commit, ("app.json",))
    health, addons = health_check(sources.get("app.json", ""), process), addons_of(sources.get("app.json", ""))
    identity = rehearsal_identity(project, run, f"round-{round}")
    async with scratch_resources(project, run, identity, addons, engine.resources) as scratch:
        spec = AppSpec(
            identity=identity,
            project=project,
            run=run,
            role="rehearsal",
            candidate=candidate,
            process=process,
            first=RELEASE,
            environment=placeholder_values(wanted, computed_values(address), scratch),
            data="scratch",
        )
        return await rehearse(spec, checks, health, seconds, engine, commit=commit, secrets=scratch, chat=chat)


@task(
    task_run_name="rehearse the release of {project}",
    persist_result=True,
    cache_key_fn=once_per("run", "attempt", "candidate"),
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def rehearse_release(
    run: str,
    project: str,
    attempt: int,
    candidate: str,
    process: str,
    version: EnvironmentVersion,
    checks: tuple[Check, ...],
    health: HealthCheck,
    seconds: float,
    engine: Engine,
    vault: Vault,
    first: str = "",
    addons: tuple[Addon, ...] = (),
    chat: bool = False,
) -> TestReport:
    """Ask the checks of what is to be released, with the environment that it will have, and empty data and resources.

    `first` is run in the same copy before, where the Procfile has it.
    """
    identity = rehearsal_identity(project, run, f"release-{attempt}")
    async with scratch_resources(project, run, identity, addons, engine.resources) as scratch:
        values = await values_beside_live(version, vault, scratch)
        spec = AppSpec(
            identity=identity,
            project=project,
            run=run,
            role="rehearsal",
            candidate=candidate,
            process=process,
            first=first,
            environment=values,
            data="scratch",
        )
        secrets = {name: value for name, value in values.items() if name in version.secrets or name in scratch}
        return await rehearse(spec, checks, health, seconds, engine, secrets=secrets, chat=chat)
