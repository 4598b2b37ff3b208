"""Commands that show what there is, and what keeps it: status, logs, addresses, history."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.where import asks
from deployments.terminal import confirmed, console, print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.asked_place import Place

JSON = typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
PROJECT = typer.Argument(help="Name of the project.")


@asks
async def status(
    place: "Place", project: Annotated[str | None, PROJECT] = None, as_json: Annotated[bool, JSON] = False
) -> None:
    """Show all projects, or one with its releases and runs."""
    from deployments.tables import show_overview, show_project

    document = await place.project(project) if project else await place.overview()
    if as_json:
        print_json(document)
    else:
        (show_project if project else show_overview)(document, console())
        await place.tell_news(console())


@asks
async def runs(place: "Place", as_json: Annotated[bool, JSON] = False) -> None:
    """List the runs, newest first."""
    from deployments import tables

    found = await place.runs()
    if as_json:
        print_json({"runs": found})
        return
    if found:
        tables.show(console(), tables.runs(found, project=True))
        tables.show_waiting([run["message"] for run in found if run["state"] == "waiting"], console())
    else:
        console().print('There is no run yet: `slipway new "a URL shortener"`', markup=False)
    await place.tell_news(console())


@asks
async def logs(
    place: "Place",
    project: Annotated[str, PROJECT],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the run rests.")] = False,
    app_lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=5000, help="Lines of the app's own output.")] = 50,
) -> None:
    """Show what the last run did, and what the app itself prints."""
    last = await place.last_run(project)
    if last is not None:
        await print_run(place, *last, stay=follow)
    said = await place.output(project, app_lines)
    if said.release is None:
        sys.stdout.write(f"{project} is not online: there is no output of an app\n")
    else:
        sys.stdout.write(f"--- release {said.release} prints:\n{said.text.rstrip()}\n")


async def print_run(place: "Place", run: str, request: str, *, stay: bool) -> None:
    """Print a run's progress line by line; with `stay`, until it rests."""
    from deployments.live import plain

    sys.stdout.write(f"--- {run}: {request}\n")
    async for line in place.progress(run, stay=stay):
        sys.stdout.write(f"{plain(line)}\n")
        sys.stdout.flush()


@asks
async def costs(place: "Place", project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """Show what a project has cost, and what it may."""
    from deployments.tables import money

    found = await place.costs(project)
    if as_json:
        print_json(found)
    else:
        spent = f"{money(found['cost_usd'])} of {money(found['budget_usd'])}"
        sys.stdout.write(f"{project} has cost {spent}, by {found['calls']} calls\n")


@asks
async def open_project(place: "Place", project: Annotated[str, PROJECT]) -> None:
    """Print the app's address, and open it in a browser."""
    from deployments.terminal import browse

    found = await place.project(project)
    if not found["address"]:
        raise BadInput(f"{project} is not online: `slipway status {project}` says why")
    await browse(found["address"])


@asks
async def down(
    place: "Place",
    project: Annotated[str, PROJECT],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a project's runs, take it offline and delete what it has."""
    await place.known(project)
    if not yes and not sys.stdin.isatty():
        raise BadInput(f"nobody can be asked here: add --yes to delete {project} with all it has")
    if not yes and not confirmed(f"Delete {project} with its repository, data and secrets?", default=False):
        sys.stdout.write("Nothing was changed.\n")
        return
    await place.take_down(project)
    sys.stdout.write(f"{project} is gone; its runs and costs stay in the books\n")


@asks
async def history(place: "Place", project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """Show who changed what, when and why."""
    from deployments import tables

    lines = await place.history(project)
    if as_json:
        print_json({"project": project, "history": [line.model_dump(mode="json") for line in lines]})
    elif lines:
        tables.show_history(lines, console())
    else:
        sys.stdout.write(f"nothing was changed in {project} yet\n")
