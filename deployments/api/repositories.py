"""Repositories: a project's own at GitHub. Slipway's account acts there, so what is done with it is the operator's to say."""

from fastapi import APIRouter, Depends

from deployments import repositories
from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.operators import operators_only
from deployments.api.shapes_belongings import RepositoryShown
from deployments.api.wishes import AtGitHub, NewRepository
from deployments.desk.documents import known

router = APIRouter(prefix="/v1/projects/{project}/repository", tags=["repositories"])
OPERATORS = [Depends(operators_only)]


@router.get("")
async def show_repository(house: TheHouse, project: TheProject) -> RepositoryShown:
    """Show which repository is set, and what workers would still lack."""
    return RepositoryShown.model_validate(await repositories.repository_document(house.desk, project))


@router.put("", dependencies=OPERATORS)
async def set_repository(house: TheHouse, theirs: Owned, project: TheProject, wish: NewRepository) -> RepositoryShown:
    """Set the repository, or take it away."""
    await repositories.set_repository(house.desk, project, wish.name, theirs.caller.owner)
    return await show_repository(house, await known(house.desk, project.slug))


@router.post("/invite", dependencies=OPERATORS)
async def invite(house: TheHouse, theirs: Owned, project: TheProject, wish: AtGitHub) -> RepositoryShown:
    """Invite somebody at GitHub as the repository's administrator."""
    await repositories.invite(house.desk, project, wish.login, theirs.caller.owner)
    return await show_repository(house, project)


@router.post("/transfer", dependencies=OPERATORS)
async def transfer(house: TheHouse, theirs: Owned, project: TheProject, wish: AtGitHub) -> RepositoryShown:
    """Offer the repository to another owner at GitHub, who must accept it."""
    await repositories.transfer(house.desk, project, wish.login, theirs.caller.owner)
    return await show_repository(house, project)
