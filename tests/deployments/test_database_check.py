"""What the doctor says of the operator's server for the apps' databases."""

import pytest

from deployments.checks.databases import app_postgres, found_at
from deployments.settings import Settings, load_settings
from domain.database_servers import ServerAddress, ServerFacts
from domain.errors import BadInput

ADDRESS = ServerAddress(host="db.example.org", port=5432)


async def test_without_a_server_each_app_has_its_own() -> None:
    finding = await app_postgres(Settings(engine="process"))
    assert (finding.ok, "has its own" in finding.found) == (None, True)


async def test_server_that_does_not_answer_is_to_mend_and_its_password_is_not_told() -> None:
    finding = await app_postgres(
        Settings(engine="process", app_postgres_url="postgresql://slipway:canary@127.0.0.1:9/postgres")
    )
    assert (finding.ok, "127.0.0.1:9" in finding.found, "SLIPWAY_APP_POSTGRES_URL" in finding.cure) == (False, True, True)
    assert "canary" not in finding.model_dump_json()


@pytest.mark.parametrize(
    ("facts", "ok", "told"),
    [
        (ServerFacts(version=15, makes_databases=True, makes_roles=True), True, "Postgres 15 at db.example.org:5432"),
        (ServerFacts(version=15, makes_databases=True, makes_roles=False), False, "CREATEROLE"),
        (ServerFacts(version=15, makes_databases=True, makes_roles=True, open_databases=("books",)), None, "books"),
    ],
)
def test_what_the_look_has_shown_is_one_line_with_its_cure(facts: ServerFacts, ok: bool | None, told: str) -> None:
    finding = found_at(ADDRESS, facts)
    assert finding.ok is ok
    assert told in f"{finding.found} {finding.cure}"


@pytest.mark.parametrize("url", ["postgresql:///postgres?host=/var/run/canary", "http://slipway:canary@db/", "canary"])
def test_address_that_is_none_is_one_sentence_with_the_cure_and_without_the_value(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SLIPWAY_APP_POSTGRES_URL", url)
    with pytest.raises(BadInput, match=r"SLIPWAY_APP_POSTGRES_URL: .*; set it to .*postgresql://") as refused:
        load_settings()
    assert "canary" not in str(refused.value)
