"""Brings the registry's tables to the shape that this version needs, by the revisions in `blocks/registry/migrations`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from blocks.registry.store import WRITES, lock, open_engine, transaction

FOLDER = Path(__file__).parent / "migrations"


async def migrate(url: str) -> None:
    """Upgrade to the newest revision, all or nothing.

    Processes that call it at once take turns, and the later ones find nothing to do.
    """
    async with transaction(open_engine(url).execution_options(**WRITES), "preparing the tables") as db:
        await lock(db, "migrations")
        await db.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
