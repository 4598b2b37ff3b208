"""Tables of the command line: what a person sees of documents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from domain.audit import AuditLine
from domain.trimming import plain

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


def show_history(lines: Sequence[AuditLine], console: Console) -> None:
    """Print the audit lines, oldest first; what does not fit into its column goes on below, since all of it is evidence."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("when", "who"):
        made.add_column(column, no_wrap=True)
    for column in ("what", "version", "why"):
        made.add_column(column, overflow="fold")
    for line in lines:
        when = f"{line.at.astimezone():%Y-%m-%d %H:%M:%S}"
        version = "" if line.version is None else str(line.version)
        made.add_row(when, *(Text(plain(text)) for text in (line.actor, line.what, version, line.why)))
    console.print(made, soft_wrap=False, crop=False)


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
        show_waiting([line for row in document["projects"] for line in row["waiting"]], console)
    if document["ui"]:
        console.print(f"\nRuns: {document['ui']}", style="dim")


def show_waiting(lines: Sequence[str], console: Console) -> None:
    """Print what people are waited for."""
    for line in lines:
        console.print(Text(f"\n{line}", style="yellow"), soft_wrap=True)


def show_project(document: dict[str, Any], console: Console) -> None:
    """Print one project: what it is and where, its releases, its runs, what it needs."""
    console.print(Text(document["title"], style="bold"), f"({document['project']}, {document['kind']})")
    broken = "" if document.get("running") is not False else " (does not run now: `slipway logs` says what it printed)"
    console.print(f"{document['state']}  {document['address']}{broken}", markup=False)
    if document["releases"]:
        console.print()
        show(console, releases(document["releases"]))
    if document["previews"]:
        console.print()
        show(console, previews(document["previews"]))
    if document["runs"]:
        console.print()
        show(console, runs(document["runs"], project=False))
        console.print(f"\nLast run: {document['runs'][0]['message'] or document['runs'][0]['step']}", markup=False)
    if document["domains"][1:]:
        console.print(f"Domains: {', '.join(document['domains'][1:])}", markup=False)
    if document["resources"]:
        told = [f"{each['kind']} {each['state']}" for each in document["resources"]]
        console.print(f"Databases: {', '.join(told)}", markup=False)
    if document["secrets"]:
        console.print(f"Secrets: {', '.join(document['secrets'])}", markup=False)


def releases(rows: Sequence[dict[str, Any]]) -> Table:
    made = table("release", "state", "commit", "candidate", "online since")
    for row in rows:
        made.add_row(
            str(row["number"]), state(row["state"]), row["commit"][:10], row["candidate"][:19], local(row["went_live"])
        )
    return made


def previews(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the previews as a table; one that is up and whose copy does not run says so."""
    made = table("preview", "state", "until", "address", "data")
    for row in rows:
        what = "up, but not running" if row["state"] == "up" and not row["running"] else row["state"]
        made.add_row(str(row["preview"]), state(what), local(row["expires"]), row["address"], row["data"])
    return made


def bots(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the pool as a table."""
    made = table("bot", "state", "project", "since")
    for row in rows:
        made.add_row(f"@{row['username']}", row["state"], row["project"], local(row["since"]))
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


def show_proof(document: dict[str, Any], console: Console) -> None:
    """Print a proof: its facts, its checks, its findings and survivors, and whether it is genuine."""
    from domain.proofs import facts

    body = document["proof"]
    console.print(Text(f"{body['title']}", style="bold"), f"({body['project']})")
    for name, text in facts(body):
        console.print(Text(f"{name:<11}", style="dim"), Text(text), sep="", soft_wrap=True)
    for title, lines in proof_lists(body):
        console.print(f"\n{title}:", markup=False, style="dim")
        for line in lines:
            console.print(f"  {line}", markup=False)
    words = "The signature holds." if document["genuine"] else "THE SIGNATURE DOES NOT HOLD: this is not what was signed here."
    console.print(f"\n{words}", markup=False, style="green" if document["genuine"] else "bold red")


def proof_lists(body: dict[str, Any]) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the lists of a proof that hold something, with their titles."""
    findings = [f"{each['severity']}: {each['path']}:{each['line']} {each['sentence']}" for each in body["review"]["findings"]]
    unseen = [
        f"{each['mutant']['path']}:{each['mutant']['line']} {each['mutant']['before']} => {each['mutant']['after']}"
        for each in body["mutants"]["tried"]
        if each["fate"] == "survived"
    ]
    lists = (
        ("Acceptance checks", [f"{case['result']}: {case['name']}" for case in body["checks"]]),
        ("Findings of the reviewer", findings),
        ("Faults that no test noticed", unseen),
        ("Notes", body["notes"]),
    )
    return [(title, lines) for title, lines in lists if lines]


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
