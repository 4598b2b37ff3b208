"""What an app keeps in DATA_DIR, and the Protocol of who copies it: the engine, since there the data lies."""

from typing import Protocol

from domain.values import Value

Schema = tuple[str, ...]
"""One line for each table, index, view and trigger of each database: `<file> <type> <name> <digest of its text>`.

Of the project's Postgres, `postgres` stands in the place of the file."""


class Saved(Value):
    """A snapshot that is whole, and the schema that it holds."""

    bytes: int
    schema_lines: Schema = ()


class NoRoom(Value):
    """A copy that was not begun, since it would not fit."""

    needed_mb: int
    free_mb: int
    over_limit: bool = False
    """There is room, but it is more than one snapshot may have."""


class DataKeeper(Protocol):
    """Copies of a project's kept data. Every call finds what a killed one left half done, and clears it away."""

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        """Copy the data under this name, in the place of an earlier copy; whole or not at all.

        Databases are copied as of one moment, also while an app writes to them; other files one after the other.
        """
        ...

    async def data_schema(self, project: str) -> Schema:
        """Return the schema of the databases as they are now; empty when there are none."""
        ...

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        """Put the copy in the place of the data; no copy of the app may run. Interrupted, it can be done again.

        Raises UnknownObject when there is no such copy.
        """
        ...

    async def forget_data(self, project: str, reference: str) -> None:
        """Delete a copy; nothing happens when it is gone."""
        ...
