"""Tables of the command line: what a person sees of documents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

UNBOUND = 10_000

STYLES = {"delivered": "green", "failed": "red", "cancelled": "dim", "waiting": "yellow", "live": "green"}


def table(*columns: str) -> Table:
    """Return an empty table, the most important columns first: a narrow terminal does not show the last."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    for column in columns:
        made.add_column(column, no_wrap=True)
    return made


def show(console: Console, made: Table) -> None:
    """Print the table without the columns that do not fit: half a number or address helps nobody."""
    while (
        len(made.columns) > 2 and Measurement.get(console, console.options.update(width=UNBOUND), made).maximum > console.width
    ):
        made.columns.pop()
    console.print(made, soft_wrap=False, crop=False)


def local(stamp: str | None) -> str:
    """Return a time of a document as this machine's clock shows it."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}" if stamp else ""


def money(usd: float) -> str:
    return f"{usd:.4f} USD"


def state(text: str) -> Text:
    return Text(text, style=STYLES.get(text, ""))


def show_overview(document: dict[str, Any], console: Console) -> None:
    """Print all projects, each on one line, its address whole."""
    if not document["projects"]:
        console.print('There is no project yet: `slipway new "a URL shortener"`', markup=False)
    else:
        made = table("project", "state", "address", "last run", "cost")
        for row in document["projects"]:
            made.add_row(
                row["project"], row["state"], row["address"], state(row["last_run"].partition(" ")[2]), money(row["cost_usd"])
            )
        show(console, made)
    console.print(f"\nRuns: {document['ui']}", style="dim")


def show_project(document: dict[str, Any], console: Console) -> None:
    """Print one project: what it is and where, its releases, its runs, what it needs."""
    console.print(Text(document["title"], style="bold"), f"({document['project']}, {document['kind']})")
    console.print(f"{document['state']}  {document['address']}", markup=False)
    if document["releases"]:
        console.print()
        show(console, releases(document["releases"]))
    if document["runs"]:
        console.print()
        show(console, runs(document["runs"], project=False))
        console.print(f"\nLast run: {document['runs'][0]['message'] or document['runs'][0]['step']}", markup=False)
    if document["secrets"]:
        console.print(f"Secrets: {', '.join(document['secrets'])}", markup=False)


def releases(rows: Sequence[dict[str, Any]]) -> Table:
    made = table("release", "state", "commit", "candidate", "online since")
    for row in rows:
        made.add_row(
            str(row["number"]), state(row["state"]), row["commit"][:10], row["candidate"][:19], local(row["went_live"])
        )
    return made


def runs(rows: Sequence[dict[str, Any]], *, project: bool) -> Table:
    """Return the runs as a table, with their project where it is not clear which."""
    made = table("run", *(("project",) if project else ()), "state", "rounds", "cost", "started", "step")
    for row in rows:
        made.add_row(
            row["run"],
            *((row["project"],) if project else ()),
            state(row["state"]),
            str(row["rounds"]),
            money(row["cost_usd"]),
            local(row["created"]),
            row["step"],
        )
    return made


def show_findings(findings: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the doctor's findings, each with its cure below, whole."""
    for finding in findings:
        sign, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "yellow")}[finding["ok"]]
        console.print(Text(sign, style=style), f"{finding['name']:<18}{finding['found']}", markup=False)
        if finding["cure"] and not finding["ok"]:
            console.print(f"  {'':<18}→ {finding['cure']}", markup=False, style="bold" if finding["ok"] is False else "dim")
    broken = sum(finding["ok"] is False for finding in findings)
    console.print(
        f"\n{broken} to mend" if broken else "\nEverything that is needed is there.", style="red" if broken else "green"
    )
