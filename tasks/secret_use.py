"""Values of secrets that nobody needs any more.

True afterwards: of each secret the newest value is kept, and those with which a kept release would be started again.
Blocks: registry, vault.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.environment import EnvironmentVersion
from domain.protocols import Registry, Vault
from domain.releases import Release
from domain.vault import superseded, users
from tasks.retrying import only_try_again


async def environments_of(releases: Iterable[Release], registry: Registry) -> dict[int, EnvironmentVersion]:
    """Return the environment versions of one project's releases, by number."""
    wanted = {(release.project, release.environment_version) for release in releases}
    found = [await registry.environment(project, number) for project, number in sorted(wanted)]
    return {version.number: version for version in found if version is not None}


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
        references = [info.reference for info in superseded(infos, used, now)]
        await vault.forget(project.slug, references)
        gone += references
    return gone
