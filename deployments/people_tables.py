"""Tables of people, invitations and API keys: what the operator sees of documents."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from deployments.tables import local, money, state, table

LIMITS = {"runs": "runs {}", "per_minute": "{} a minute", "usd_day": "{:g} USD a day", "usd_month": "{:g} USD a month"}


def invitations(rows: Sequence[dict[str, Any]]) -> Table:
    made = table("invitation", "state", "used", "made", "expires", "by", "note")
    for row in rows:
        used = f"{row['used']} of {row['uses']}"
        made.add_row(
            str(row["number"]), state(row["state"]), used, local(row["created"]), local(row["expires"]), row["by"], row["note"]
        )
    return made


def people(rows: Sequence[dict[str, Any]]) -> Table:
    made = table("person", "access", "projects", "at work", "spent this month", "own limits", "since", "by")
    for row in rows:
        by = f"invitation {row['invitation']}" if row["invitation"] and row["access"] == "invited" else row["by"]
        made.add_row(
            row["person"],
            state(row["access"]),
            str(row["projects"]),
            str(row["open_runs"]),
            money(row["month_usd"]),
            ", ".join(text.format(row["own"][name]) for name, text in LIMITS.items() if row["own"][name] is not None),
            local(row["since"]),
            by,
        )
    return made


def keys(rows: Sequence[dict[str, Any]]) -> Table:
    made = table("key", "name", "state", "owner", "scopes", "last use", "expires")
    for row in rows:
        times = (local(row[name]) for name in ("used", "expires"))
        made.add_row(row["prefix"], row["name"], state(row["state"]), row["owner"], " ".join(row["scopes"]), *times)
    return made
