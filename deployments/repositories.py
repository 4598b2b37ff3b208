"""A project's repository at GitHub, as every door sets it, shows it and lets people have it."""

from typing import TYPE_CHECKING, Any

from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.desk.requests import Desk
    from domain.runs import Project


async def set_repository(desk: "Desk", project: "Project", name: str, who: str) -> None:
    """Set the repository, or with an empty name none; the change is part of the project's history."""
    from domain.names import checked_repository
    from tasks.audit import record

    wanted = checked_repository(name) if name else ""
    await desk.registry.set_repository(project.slug, wanted)
    what = f"repository set to {wanted}" if wanted else "repository taken away"
    await record(project.slug, who, what, desk.registry)


async def invite(desk: "Desk", project: "Project", login: str, who: str) -> None:
    """Invite a person as administrator of the project's repository."""
    from domain.names import checked_login
    from tasks.audit import record

    await _at_github(desk, project).invite(project.repository, checked_login(login))
    await record(project.slug, who, f"{login} invited to {project.repository}", desk.registry)


async def transfer(desk: "Desk", project: "Project", owner: str, who: str) -> None:
    """Offer the project's repository to another owner."""
    from domain.names import checked_login
    from tasks.audit import record

    await _at_github(desk, project).transfer(project.repository, checked_login(owner))
    await record(project.slug, who, f"{project.repository} offered to {owner}", desk.registry)


def _at_github(desk: "Desk", project: "Project") -> Any:
    if desk.blocks.github is None:
        raise BadInput("Slipway does not act at GitHub: set SLIPWAY_GITHUB_APP_ID or SLIPWAY_GITHUB_TOKEN (docs/github.md)")
    if not project.repository:
        raise BadInput(f"{project.slug} has no repository at GitHub: `slipway repository {project.slug} OWNER/NAME` sets it")
    return desk.blocks.github.repositories


async def repository_document(desk: "Desk", project: "Project") -> dict[str, Any]:
    """Return what is set, and what a worker would still lack."""
    from domain.git_credentials import TOKEN_SECRET, site_of
    from tasks.kinds import kind_named

    installation = desk.blocks.installation
    return {
        "project": project.slug,
        "repository": project.repository or None,
        "address": site_of(installation.github_url).address(project.repository) if project.repository else None,
        "token": TOKEN_SECRET in await desk.blocks.vault.names(project.slug),
        "workers": "github" in (*installation.capabilities, *kind_named(project.kind).capabilities),
    }
