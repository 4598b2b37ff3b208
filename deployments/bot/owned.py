"""Whose is what: a command's project, found among the person's own; where none is named, chosen by a button."""

from collections.abc import Sequence

from deployments.bot.messages import Said
from deployments.bot.speech import Speech
from domain.registry import Registry
from domain.runs import Project, Run
from tasks.talk_projects import Belongings


class Owned:
    """What a person has. Another's project is as unknown as none."""

    def __init__(self, registry: Registry, speech: Speech) -> None:
        self._registry = registry
        self._speech = speech

    async def projects(self, said: Said) -> list[Project]:
        return await Belongings(said.person, self._registry).projects()

    async def going_on(self, said: Said) -> list[Run]:
        """Return the person's runs that have not ended, newest first."""
        return await Belongings(said.person, self._registry).going_on()

    async def project(self, said: Said, slug: str) -> Project | None:
        """Return the person's project of this name; None, and the person told, when there is none."""
        projects = await self.projects(said)
        found = next((project for project in projects if project.slug == slug.lower()), None)
        if found is None and projects:
            await self._speech.tell(said, "no_project", project=slug, projects=listed(projects))
        elif found is None:
            await self._speech.tell(said, "no_projects")
        return found

    async def chosen(self, said: Said, command: str) -> Project | None:
        """Return the project that the command's first word names, or the only one; None when the person is asked or told."""
        slug = next(iter(said.words.split()), "")
        projects = [] if slug else await self.projects(said)
        if len(projects) < 2:
            return projects[0] if projects else await self.project(said, slug)
        buttons = tuple((project.title[:40], f"/{command} {project.slug}") for project in projects)
        await self._speech.tell(said, "which_project", buttons=buttons)
        return None


def listed(projects: Sequence[Project]) -> str:
    return ", ".join(project.slug for project in projects)
