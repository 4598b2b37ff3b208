"""What an older version stored is still there, and true, after the tables grew."""

from datetime import UTC, datetime

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from blocks.registry.block import SqlRegistry
from blocks.registry.schema import FOLDER, migrate
from blocks.registry.store import open_engine
from domain.releases import ReleaseState

BRIEF = (
    '{"slug": "notes", "title": "Notes", "kind": "web-service", "language": "en", "summary": "x", "stories": ["y"],'
    ' "checks": [{"id": "adds", "text": "a note that is posted is listed"}]}'
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROWS = (
    "INSERT INTO projects (slug, title, kind, owner, brief, domain, created)"
    " VALUES ('notes', 'Notes', 'web-service', 'me', :brief, 'notes.localhost', :noon)",
    'INSERT INTO releases (project, number, run, "commit", candidate, environment_version, state, address, reason, created)'
    " VALUES ('notes', 1, 'r-1', 'c', 'sha256:1', 1, 'live', 'a\\:1', '', :noon)",
    "INSERT INTO audit (position, project, at, actor, what, why) VALUES (1, 'notes', :noon, 'me', 'deployed', 'because')",
)


def _version_2(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
    for row in ROWS:
        statement = text(row)
        given = {name: value for name, value in {"brief": BRIEF, "noon": NOON}.items() if f":{name}" in row}
        connection.execute(statement, given)


async def test_rows_of_version_2_are_kept_and_belong_to_nobody_in_particular(empty_url: str) -> None:
    async with open_engine(empty_url).begin() as db:
        await db.run_sync(_version_2)
    await migrate(empty_url)
    registry = SqlRegistry(url=empty_url, budget_micro_usd=1)
    [release] = await registry.releases("notes")
    assert (release.state, release.address) == (ReleaseState.LIVE, "a:1")
    assert (release.health, release.ended, release.actor) == (None, None, "")
    [project] = await registry.projects()
    assert (project.slug, project.created, project.repository) == ("notes", NOON, "")
    assert [(line.what, line.version) for line in await registry.history("notes")] == [("deployed", None)]
