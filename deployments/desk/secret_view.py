"""What people may see of a project's secrets: names, ages, lengths, who uses them. Never a value."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deployments.place_values import stamp
from deployments.wording.texts import say
from domain.complaints import Complaint
from domain.vault import newest, users

if TYPE_CHECKING:
    from rich.table import Table

    from domain.protocols import Vault
    from domain.registry import Registry


async def secret_documents(
    project: str,
    registry: "Registry",
    vault: "Vault",
    complain: Callable[[str, Complaint], str] = lambda name, wrong: wrong.sentence(name),
) -> list[dict[str, Any]]:
    """Return one document for each kept version, by name and version; `complain` says what is wrong with one."""
    from tasks.secret_use import environments_of

    infos = await vault.listed(project)
    releases = await registry.releases(project)
    environments = await environments_of(releases, registry)
    latest = newest(infos)
    return [
        {
            "name": info.key,
            "version": info.version,
            "newest": latest[info.key] == info,
            "made": stamp(info.made),
            "length": info.length,
            "from": "slipway" if info.generated else "person",
            "used_by": [
                {"release": release.number, "state": release.state.value}
                for release in users(info.reference, releases, environments)
            ],
            "problem": complain(info.key, info.complaint) if info.complaint else None,
        }
        for info in infos
    ]


def secrets(rows: Sequence[dict[str, Any]], now: datetime) -> "Table":
    """Return them as a table."""
    from deployments.tables import table

    made = table("secret", "version", "age", "length", "from", "used by release", "problem")
    for row in rows:
        made.add_row(
            row["name"],
            str(row["version"]),
            age(now - datetime.fromisoformat(row["made"])),
            "?" if row["length"] is None else str(row["length"]),
            row["from"],
            ", ".join(f"{each['release']} ({each['state']})" for each in row["used_by"]) or "none",
            row["problem"] or "",
        )
    return made


def age(passed: timedelta, language: str = "en") -> str:
    """Say how long ago in one unit: days, hours or minutes."""
    minutes = max(0, int(passed / timedelta(minutes=1)))
    unit, size = next((each for each in (("days", 24 * 60), ("hours", 60)) if minutes >= each[1]), ("minutes", 1))
    return say(language, f"age_{unit}", number=minutes // size)


def now() -> datetime:
    return datetime.now(UTC)
