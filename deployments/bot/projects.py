"""Commands about projects: which there are, how one stands, what it cost, which secrets it has."""

from collections.abc import Container
from datetime import UTC, datetime
from html import escape

from deployments.bot.messages import Said
from deployments.bot.owned import Owned
from deployments.bot.speech import Speech
from deployments.desk.looking import Look
from deployments.desk.secret_view import age
from deployments.wording.cards import link
from deployments.wording.texts import say
from domain.protocols import Vault
from domain.registry import Registry
from domain.releases import live
from domain.runs import Project, Run, RunState
from domain.vault import newest

LOOKS = ("logs", "diff", "cost", "rollback", "secrets", "domain", "proof", "archive", "history", "preview", "down")
"""Commands that a project's own message has buttons for."""


class ProjectCommands:
    """/projects /status /cost /secrets."""

    def __init__(self, registry: Registry, vault: Vault, look: Look, owned: Owned, speech: Speech) -> None:
        self._registry = registry
        self._vault = vault
        self._look = look
        self._owned = owned
        self._speech = speech

    async def projects(self, said: Said) -> None:
        """List the person's projects, a button for each."""
        if projects := await self._owned.projects(said):
            buttons = tuple((project.title[:40], f"/status {project.slug}") for project in projects)
            await self._speech.tell(said, "projects", buttons=buttons)
        else:
            await self._speech.tell(said, "no_projects")

    async def status(self, said: Said) -> None:
        """Show how all projects stand, or one, with buttons for all that can be looked at."""
        projects = await self._owned.projects(said)
        if said.words or len(projects) == 1:
            if project := await self._owned.chosen(said, "status"):
                running = await self._look.running(project.slug)
                await self._speech.answer(said, await self._standing(said, project, running), looks(said, project))
        elif projects:
            running = await self._look.running()
            standing = [await self._standing(said, project, running) for project in projects]
            await self._speech.answer(said, "\n\n".join(standing))
        else:
            await self._speech.tell(said, "no_projects")

    async def cost(self, said: Said) -> None:
        """Show what a run cost, or a project and its budget, or all of the person's projects."""
        run = await self._registry.run(said.words) if said.words.startswith("r-") else None
        if run is not None and run.origin.person == said.person:
            await self._tell_cost(said, run)
            return
        named = [await self._owned.project(said, said.words)] if said.words else await self._owned.projects(said)
        if lines := [await self._spent(said, project) for project in named if project is not None]:
            await self._speech.answer(said, "\n".join(lines))
        elif not said.words:
            await self._speech.tell(said, "no_projects")

    async def secrets(self, said: Said) -> None:
        """List the names of a project's secrets, with ages and lengths; never a value."""
        project = await self._owned.chosen(said, "secrets")
        if project is None:
            return
        known, now = newest(await self._vault.listed(project.slug)), datetime.now(UTC)
        lines = [
            say(said.language, "secret_line", name=name, age=age(now - info.made, said.language), length=info.length or "?")
            for name, info in sorted(known.items())
        ]
        lines += [say(said.language, "secret_missing", name=name) for name in await self._missing(project, known)]
        title = say(said.language, "secrets" if lines else "secrets_none", project=project.slug)
        await self._speech.answer(said, escape("\n".join([title, *lines]), quote=False))

    async def _tell_cost(self, said: Said, run: Run) -> None:
        cost = await self._registry.cost(run=run.id)
        tokens = cost.tokens
        await self._speech.tell(
            said,
            "cost_run",
            project=run.project,
            usd=f"{cost.usd:.2f}",
            calls=cost.calls,
            read=f"{tokens.input + tokens.cache_read + tokens.cache_write:,}",
            written=f"{tokens.output:,}",
        )

    async def _missing(self, project: Project, known: Container[str]) -> list[str]:
        runs = await self._registry.runs(project.slug)
        return [name for run in runs if run.state is RunState.WAITING for name in run.waits_for if name not in known]

    async def _spent(self, said: Said, project: Project) -> str:
        cost, budget = await self._registry.cost(project.slug), await self._registry.budget(project.slug)
        fields = {"usd": f"{cost.usd:.2f}", "limit": f"{budget / 1_000_000:.2f}"}
        return f"💰 {escape(say(said.language, 'cost_project', title=project.title, **fields), quote=False)}"

    async def _standing(self, said: Said, project: Project, running: Container[str] | None) -> str:
        """Return the lines of one project; `running`: which copies do, where the engine says so."""
        runs = await self._registry.runs(project.slug)
        online = live(await self._registry.releases(project.slug))
        address = next((run.address for run in runs if run.state is RunState.DELIVERED and run.address), "")
        title = say(said.language, "status_project", title=project.title, project=project.slug)
        lines = [f"<b>{escape(title)}</b>: {say(said.language, 'status_online' if online else 'status_offline')}"]
        lines += [link(address)] if online and address else []
        stands = online is not None and running is not None and online.identity not in running
        lines += [f"⚠️ {say(said.language, 'status_stands')}"] if stands else []
        steps = [say(said.language, f"step_{run.step}" if run.step else "queued") for run in runs if not run.state.ended]
        return "\n".join(lines + [f"🛠 {say(said.language, 'status_run', step=step)}" for step in steps])


def looks(said: Said, project: Project) -> tuple[tuple[str, str], ...]:
    """Return a button for each thing that can be seen or done of a project."""
    return tuple((say(said.language, f"look_{name}"), f"/{name} {project.slug}") for name in LOOKS)
