"""Commands that show what there is, and what keeps it: status, logs, addresses, secrets, history."""

import asyncio
import sys
import webbrowser
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deployments.commands.sessions import session
from deployments.commands.work import JSON, person, run_document
from deployments.data_folder import Up
from deployments.live import follow, rests
from deployments.requests import Desk
from deployments.terminal import finish, print_json
from domain.errors import BadInput
from domain.releases import live
from domain.runs import Project, Run

PROJECT = typer.Argument(help="Name of the project.")


def status(
    context: typer.Context, project: Annotated[str | None, PROJECT] = None, as_json: Annotated[bool, JSON] = False
) -> None:
    """Show all projects, or one with its releases and last run."""

    async def work() -> int:
        async with session() as (desk, up):
            if project is None:
                rows = [await summary(desk, each) for each in await desk.registry.projects()]
                print_json({"projects": rows, "ui": up.prefect_ui_url, "apps": up.apps_url}) if as_json else show_projects(
                    rows, up
                )
            else:
                document = await whole(desk, await known(desk, project), up)
                print_json(document) if as_json else show_project(document)
            return 0

    raise typer.Exit(finish(work(), debug=context.obj, as_json=as_json))


async def known(desk: Desk, slug: str) -> Project:
    """Return the project; raise BadInput when there is none."""
    found = await desk.registry.project(slug)
    if found is None:
        raise BadInput(f"there is no project {slug!r}: `slipway status` lists what there is")
    return found


async def summary(desk: Desk, project: Project) -> dict[str, Any]:
    releases = await desk.registry.releases(project.slug)
    current = live(releases)
    runs = await desk.registry.runs(project.slug, 1)
    cost = await desk.registry.cost(project=project.slug)
    return {
        "project": project.slug,
        "title": project.title,
        "kind": project.kind,
        "state": f"release {current.number}" if current else "not online",
        "address": desk.blocks.installation.address_of(project.domain) if current else "",
        "last_run": f"{runs[0].id} {runs[0].state.value}" if runs else "",
        "cost_usd": cost.usd,
    }


async def whole(desk: Desk, project: Project, up: Up) -> dict[str, Any]:
    releases = await desk.registry.releases(project.slug)
    runs = await desk.registry.runs(project.slug, 5)
    return {
        **await summary(desk, project),
        "releases": [release.model_dump(mode="json") for release in releases],
        "checks": [f"{check.id}: {check.title}" for check in await desk.registry.checks(project.slug)],
        "secrets": list(await desk.blocks.vault.names(project.slug)),
        "runs": [await run_document(desk, run, up) for run in runs],
    }


def show_projects(rows: list[dict[str, Any]], up: Up) -> None:
    console = Console()
    if not rows:
        console.print('There is no project yet: `slipway new "a URL shortener"`')
    else:
        table = Table(box=None, header_style="dim")
        for column in ("project", "state", "address", "last run", "cost"):
            table.add_column(column)
        for row in rows:
            table.add_row(row["project"], row["state"], row["address"], row["last_run"], f"{row['cost_usd']:.4f} USD")
        console.print(table)
    console.print(f"Prefect UI: {up.prefect_ui_url}", style="dim")


def show_project(document: dict[str, Any]) -> None:
    console = Console()
    name = f"[bold]{document['title']}[/bold] ({document['project']}, {document['kind']})"
    console.print(f"{name}: {document['state']}  {document['address']}")
    releases = Table("release", "state", "commit", "candidate", "since", box=None, header_style="dim")
    for release in document["releases"]:
        releases.add_row(
            str(release["number"]),
            release["state"],
            release["commit"][:10],
            release["candidate"][:19],
            (release["went_live"] or "")[:19],
        )
    console.print(releases)
    runs = Table("run", "state", "rounds", "cost", "message", box=None, header_style="dim")
    for run in document["runs"]:
        runs.add_row(run["run"], run["state"], str(run["rounds"]), f"{run['cost_usd']:.4f} USD", run["message"].split("\n")[0])
    console.print(runs)


def runs(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the runs, newest first."""

    async def work() -> int:
        async with session() as (desk, up):
            documents = [await run_document(desk, run, up) for run in await desk.registry.runs()]
            if as_json:
                print_json({"runs": documents})
                return 0
            table = Table("run", "project", "state", "step", "round", "cost", "started", box=None, header_style="dim")
            for run in documents:
                table.add_row(
                    run["run"],
                    run["project"],
                    run["state"],
                    run["step"],
                    str(run["rounds"]),
                    f"{run['cost_usd']:.4f}",
                    run["created"][:19],
                )
            Console().print(table)
            return 0

    raise typer.Exit(finish(work(), debug=context.obj, as_json=as_json))


def logs(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    follow_run: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the run rests.")] = False,
    app_lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=5000, help="Lines of the app's own output.")] = 50,
) -> None:
    """Show what the last run did, and what the app itself prints."""

    async def work() -> int:
        async with session() as (desk, _):
            await known(desk, project)
            found = await desk.registry.runs(project, 1)
            if found:
                await print_run(desk, found[0], follow_run)
            current = live(await desk.registry.releases(project))
            if current is not None:
                sys.stdout.write(f"--- {current.identity}\n{await desk.blocks.engine.logs(current.identity, app_lines)}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj))


async def print_run(desk: Desk, run: Run, stay: bool) -> None:
    shown = 0
    async for _, lines in follow(run.id, desk.registry, desk.wakeups, rests if stay else lambda _: True):
        for line in lines[shown:]:
            sys.stdout.write(f"{line.at:%H:%M:%S} {line.kind:7} {line.text}\n")
        shown = len(lines)


def open_project(context: typer.Context, project: Annotated[str, PROJECT]) -> None:
    """Print the app's address, and open it in a browser where there is one."""

    async def work() -> int:
        async with session() as (desk, _):
            found = await summary(desk, await known(desk, project))
            if not found["address"]:
                raise BadInput(f"{project} is not online: `slipway status {project}` says why")
            sys.stdout.write(found["address"] + "\n")
            if sys.stdout.isatty():
                await asyncio.to_thread(webbrowser.open, found["address"])
            return 0

    raise typer.Exit(finish(work(), debug=context.obj))


def down(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a project offline and forget it: copies, route, secrets, repository."""

    async def work() -> int:
        from tasks.removal import remove_project

        async with session() as (desk, _):
            await known(desk, project)
            if not yes and not typer.confirm(f"Delete {project} with its repository, data and secrets?", default=False):
                return 0
            blocks = desk.blocks
            await remove_project(project, person(), blocks.registry, blocks.engine, blocks.proxy, blocks.vault, blocks.git)
            sys.stdout.write(f"{project} is gone; its runs and costs stay in the books\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj))


def history(context: typer.Context, project: Annotated[str, PROJECT]) -> None:
    """Show who changed what, when and why."""

    async def work() -> int:
        async with session() as (desk, _):
            for at, who, what, why in await desk.registry.history(project):
                sys.stdout.write(f"{at:%Y-%m-%d %H:%M:%S} {who}: {what}{f' ({why})' if why else ''}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj))
