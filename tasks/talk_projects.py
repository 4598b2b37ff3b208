"""What the Product Owner may know: the projects of one person, and of nobody else. Uses the registry; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import BadInput
from domain.registry import Registry
from domain.releases import live
from domain.runs import Progress, Project, Run, RunState
from domain.talks import account

RUNS = 5
LINES = 25
LINE = 200
LOOK_BACK = 200
"""Runs of one person that go on, of which the newest are told."""


@dataclass(frozen=True)
class Belongings:
    """The person's projects and runs. What belongs to others is as unknown as what does not exist."""

    person: str
    registry: Registry

    async def projects(self) -> list[Project]:
        return [project for project in await self.registry.projects() if project.owner == self.person]

    async def project(self, slug: str) -> Project:
        """Return the person's project; raise BadInput when they have none of this name."""
        projects = await self.projects()
        found = next((project for project in projects if project.slug == slug), None)
        if found is None:
            named = ", ".join(project.slug for project in projects) or "none at all"
            raise BadInput(f"this person has no project {slug[:40]!r}; they have: {named}")
        return found

    async def run(self, name: str) -> Run:
        """Return the person's run; raise BadInput when they have none of this id."""
        run = await self.registry.run(name)
        if run is None or run.origin.person != self.person:
            at_work = ", ".join(each.id for each in await self.going_on()) or "none"
            raise BadInput(f"this person has no run {name!r}; at work of theirs: {at_work}")
        return run

    async def going_on(self, project: str | None = None) -> list[Run]:
        """Return the person's runs that have not ended, newest first."""
        return list(await self.registry.runs(project, LOOK_BACK, person=self.person, ended=False))

    async def ended(self) -> Sequence[Run]:
        """Return the person's newest runs that have ended, oldest first."""
        return (await self.registry.runs(limit=RUNS, person=self.person, ended=True))[::-1]

    async def listed(self) -> str:
        """List the projects, a line each, with what stands online and what is at work."""
        lines = [await self._line(project) for project in await self.projects()]
        unborn = [in_a_line(run) for run in await self.going_on() if await self.registry.project(run.project) is None]
        return "\n".join([*lines, *unborn]) or "this person has no project yet"

    async def inspected(self, slug: str) -> str:
        """Return the present Brief of the project, as JSON, and how it stands."""
        project = await self.project(slug)
        brief = project.brief.model_dump_json(indent=1, exclude={"retires"})
        return f"{await self._line(project)}\n\nThe present Brief:\n{brief}"

    async def status(self, slug: str | None) -> str:
        """Return the last runs of the project, or what goes on in all of them."""
        if slug is None:
            return "\n".join(map(in_a_line, await self.going_on())) or "nothing of this person's is at work"
        project = await self.project(slug)
        runs = await self.registry.runs(project.slug, RUNS, person=self.person)
        return "\n".join([await self._line(project), *map(in_a_line, runs)])

    async def costs(self, slug: str | None) -> str:
        """Return what models cost so far, for one project or for all, and what it may cost."""
        chosen = [await self.project(slug)] if slug else await self.projects()
        lines = [await self._cost(project.slug, project.slug) for project in chosen]
        return "\n".join(lines if slug else [*lines, await self._cost(account(self.person), "this talk, of no project yet")])

    async def log(self, slug: str) -> str:
        """Return the last lines of what the project's newest run did."""
        project = await self.project(slug)
        runs = await self.registry.runs(project.slug, 1, person=self.person)
        if not runs:
            return f"nothing was done on {slug} yet"
        lines = await self.registry.progress(runs[0].id)
        return "\n".join([in_a_line(runs[0]), *map(_progress, lines[-LINES:])])

    async def _cost(self, project: str, shown: str) -> str:
        cost, most = await self.registry.cost(project), await self.registry.budget(project)
        return f"{shown}: {cost.usd:.2f} USD of at most {most / 1_000_000:.2f} USD"

    async def _line(self, project: Project) -> str:
        serving = live(await self.registry.releases(project.slug))
        online = f"version {serving.number} is online" if serving else "not online"
        at_work = [f"{run.id} is at work ({run.step or 'waiting for its turn'})" for run in await self.going_on(project.slug)]
        return "; ".join(
            [f"{project.slug}: {project.title} ({project.kind}), {online}, {await self._address(project)}", *at_work]
        )

    async def _address(self, project: Project) -> str:
        runs: Sequence[Run] = await self.registry.runs(project.slug)
        address = next((run.address for run in runs if run.state is RunState.DELIVERED and run.address), "")
        return address or f"host {project.domain}"


def in_a_line(run: Run) -> str:
    """Say what the run is and how it stands."""
    what = "change" if run.change else "new"
    waits = f", waits for the secret {', '.join(run.waits_for)}" if run.waits_for else ""
    why = f": {run.message[:LINE]}" if run.message else ""
    where = f", {run.address}" if run.address else ""
    state = f"{run.state.value} {run.step}".rstrip()
    return f"{run.id} ({what} {run.project}, {run.created:%Y-%m-%d %H:%M} UTC): {state}{where}{waits}{why}"


def _progress(line: Progress) -> str:
    return f"{line.at:%H:%M:%S} {line.step} {line.text[:LINE]}"
