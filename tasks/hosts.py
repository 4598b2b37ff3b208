"""Hosts: the one place that says which host names lead to a project.

True afterwards: nothing changed. Blocks: registry.
"""

from domain.errors import UnknownObject
from domain.host_claims import hosts_of
from domain.previews import OPEN
from domain.registry import Registry


async def project_hosts(project: str, registry: Registry) -> tuple[str, ...]:
    """Return them, the one that the project's address is made of first; raise UnknownObject when there is no such project."""
    found = await registry.project(project)
    if found is None:
        raise UnknownObject("project", project)
    return hosts_of(found.domain, await registry.domains(project))


async def main_host(project: str, registry: Registry) -> str:
    """Return the host name that the project's address is made of."""
    return (await project_hosts(project, registry))[0]


async def host_owners(registry: Registry) -> dict[str, str]:
    """Return whose each host is."""
    born = {project.domain: project.slug for project in await registry.projects()}
    return {**born, **{domain.host: domain.project for domain in await registry.domains()}}


async def preview_owners(registry: Registry) -> dict[str, str]:
    """Return whose preview is found at each host that one has."""
    return {preview.host: preview.project for preview in await registry.previews(states=OPEN)}
