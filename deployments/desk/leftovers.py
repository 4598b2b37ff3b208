"""Names that an earlier attempt left taken: a project that never went online and on which nobody works any more."""

from typing import TYPE_CHECKING

from domain.registry import Registry
from domain.runs import Project

if TYPE_CHECKING:
    from flows.opening import Blocks


async def is_leftover(project: Project, owner: str, registry: Registry) -> bool:
    """Tell whether its owner may use the name anew: every run of it has ended, and no release ever served."""
    runs = await registry.runs(project.slug, 1000)
    released = any(release.went_live for release in await registry.releases(project.slug))
    return project.owner == owner and bool(runs) and not released and all(run.state.ended for run in runs)


async def clear_leftover(slug: str, owner: str, blocks: "Blocks") -> None:
    """Remove what an earlier attempt under this name left; nothing happens to anything else."""
    project = await blocks.registry.project(slug)
    if project is not None and await is_leftover(project, owner, blocks.registry):
        from tasks.removal import remove_project

        at = blocks
        await remove_project(slug, owner, at.registry, at.engine, at.proxy, at.vault, at.git, at.accounts)
