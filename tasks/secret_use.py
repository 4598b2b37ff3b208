"""Values of secrets that nobody needs any more, or that must be forgotten.

True afterwards: of each secret the newest value is kept, and those with which a kept release would be started again. What a
person wants forgotten is gone with the copies that were started with it. Blocks: registry, vault, engine, wakeups.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.environment import EnvironmentVersion
from domain.errors import BadInput
from domain.previews import OPEN, Preview
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.vault import SecretInfo, newest, superseded, users
from domain.workers import AppRunner
from tasks.audit import record
from tasks.leases import claim_project, give_back
from tasks.retrying import only_try_again

SERVING = (ReleaseState.STARTING, ReleaseState.LIVE, ReleaseState.DRAINING)
PATIENCE = 60.0
"""Seconds for which a person at a terminal waits for a deploy that is under way."""


async def environments_of(releases: Iterable[Release | Preview], registry: Registry) -> dict[int, EnvironmentVersion]:
    """Return the environment versions of one project's releases or previews, by number."""
    wanted = {(release.project, release.environment_version) for release in releases}
    found = [await registry.environment(project, number) for project, number in sorted(wanted)]
    return {version.number: version for version in found if version is not None}


async def shown_with(project: str, registry: Registry) -> dict[str, Preview]:
    """Return which open preview was started with a value, by the value's reference."""
    previews = await registry.previews(project, states=OPEN)
    environments = await environments_of(previews, registry)
    return {
        reference: preview
        for preview in previews
        if preview.environment_version in environments
        for reference in environments[preview.environment_version].secrets.values()
    }


@task(
    task_run_name="forget values that no release needs",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def forget_superseded(registry: Registry, vault: Vault, now: datetime) -> Sequence[str]:
    """Drop replaced values of all projects that no release could be started with any more; return their references."""
    gone = []
    for project in await registry.projects():
        infos = await vault.listed(project.slug)
        releases = await registry.releases(project.slug)
        environments = await environments_of(releases, registry)
        used = {info.reference for info in infos if users(info.reference, releases, environments)}
        used |= set(await shown_with(project.slug, registry))
        references = [info.reference for info in superseded(infos, used, now)]
        await vault.forget(project.slug, references)
        await record_forgotten(project.slug, JANITOR, references, infos, registry, "replaced, and needed by no release")
        gone += references
    return gone


async def forget_values(
    project: str,
    references: Collection[str],
    who: str,
    registry: Registry,
    engine: AppRunner,
    vault: Vault,
    wakeups: Wakeups,
    patience: float = PATIENCE,
    *,
    given_up: Collection[int] = (),
) -> Sequence[Release]:
    """Drop these values with the copies of releases that were started with them, and return the releases that are lost so.

    Raises BadInput when a release or a preview serves with one of them, or a kept release needs one that is not among those
    given up: it may have come to that since its person was asked. Raises LockTaken when a deploy does not end in time.
    """
    lease = await claim_project.fn(project, f"forget-{secrets.token_hex(4)}", registry, wakeups, patience)
    try:
        releases = await registry.releases(project)
        environments = await environments_of(releases, registry)
        holding = [release for release in releases if _holds(release, references, environments)]
        serving = [release for release in holding if release.state in SERVING]
        if serving:
            raise BadInput(
                f"release {serving[0].number} of {project} is {serving[0].state.value} with it: "
                "first deliver what does not need it, or what was given another value"
            )
        shown = await shown_with(project, registry)
        if up := next((shown[reference] for reference in references if reference in shown), None):
            raise BadInput(f"preview {up.number} of {project} is {up.state.value} with it: confirm or drop it first")
        kept = [release for release in holding if release.state is ReleaseState.KEPT]
        if needing := [str(release.number) for release in kept if release.number not in given_up]:
            raise BadInput(
                f"release {', '.join(needing)} of {project} needs it, and nobody has said to give that up: nothing was changed"
            )
        for release in holding:
            await engine.remove(release.identity)
            await registry.move_release(project, release.number, ReleaseState.REMOVED, fence=lease.fence)
        infos = await vault.listed(project)
        await vault.forget(project, tuple(references))
        await record_forgotten(project, who, references, infos, registry)
        return kept
    finally:
        await give_back(lease, registry, wakeups)


async def record_stored(project: str, who: str, key: str, what: str, registry: Registry, vault: Vault) -> None:
    """Write once that the newest value of the secret came: given, made or rotated."""
    info = newest(await vault.listed(project)).get(key)
    if info is not None:
        await record(project, who, f"secret {key} {what}", registry, version=info.version, once=True)


async def record_forgotten(
    project: str, who: str, references: Collection[str], infos: Iterable[SecretInfo], registry: Registry, why: str = ""
) -> None:
    """Write one line for each value that was forgotten."""
    for info in infos:
        if info.reference in references:
            await record(project, who, f"a value of secret {info.key} forgotten", registry, why=why, version=info.version)


def _holds(release: Release, references: Collection[str], environments: Mapping[int, EnvironmentVersion]) -> bool:
    """Tell whether the release's copy may still be there, with one of the values in its environment."""
    version = environments.get(release.environment_version)
    if version is None or release.state is ReleaseState.REMOVED:
        return False
    return not set(references).isdisjoint(version.secrets.values())
