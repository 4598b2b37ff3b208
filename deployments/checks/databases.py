"""What `slipway doctor` says of the operator's Postgres server for the apps' databases."""

from deployments.checks.findings import Finding
from deployments.checks.preflight import engine_answers
from deployments.settings import Settings
from domain.database_servers import SETTING, ServerAddress, ServerFacts, lack, loopback_refusal
from domain.errors import NeedsPerson, SlipwayError

NAME = "databases of apps"


async def app_postgres(settings: Settings) -> Finding:
    """Ask the server for a sign of life and for what its role may do; nothing is changed there."""
    if settings.app_postgres_url is None:
        return Finding(name=NAME, ok=None, found=f"each app that asks for one has its own ({SETTING} is not set)")
    from blocks.postgres_programs import postgres_programs  # loads Prefect
    from blocks.postgres_server import PostgresServer

    server = PostgresServer(settings.app_postgres_url, "")
    try:
        if settings.engine != "process" and await engine_answers(settings) and await server.is_on_loopback():
            return _refused(server.address, loopback_refusal(server.address))
        facts = await server.look()
        finding = found_at(server.address, facts)
        if finding.ok is not False:
            postgres_programs(facts.version)
    except NeedsPerson as error:
        return _refused(server.address, str(error))
    except SlipwayError as error:
        return _refused(server.address, f"{error}; start it, or correct {SETTING}")
    return finding


def found_at(address: ServerAddress, facts: ServerFacts) -> Finding:
    """Return the line for what the look has shown."""
    found = f"Postgres {facts.version} at {address}"
    if cure := lack(facts):
        return Finding(name=NAME, ok=False, found=found, cure=cure)
    if facts.open_databases:
        names = ", ".join(facts.open_databases)
        cure = "REVOKE CONNECT ON DATABASE ... FROM PUBLIC, as their owner, keeps the apps' roles out"
        return Finding(name=NAME, ok=None, found=f"{found}; every role may connect to: {names}", cure=cure)
    return Finding(name=NAME, ok=True, found=found)


def _refused(address: ServerAddress, why: str) -> Finding:
    return Finding(name=NAME, ok=False, found=f"a server at {address}, which cannot be used", cure=why)
