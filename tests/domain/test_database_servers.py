"""An operator's own database server: which addresses are one, and what projects' databases are called there."""

import base64
import hmac

import pytest

from domain.database_servers import (
    DatabaseState,
    ServerFacts,
    database_name,
    is_loopback,
    lack,
    literal,
    quoted,
    server_address,
    verifier,
)
from domain.errors import BadInput
from domain.resources import ResourceKind, ResourceState, resource_identity


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("postgresql://slipway:word@db.example.org:5433/postgres", "db.example.org:5433"),
        ("postgres://slipway:word@db.example.org/postgres?sslmode=require", "db.example.org:5432"),
        ("postgresql://slipway:w%40rd%2F@172.17.0.1/postgres", "172.17.0.1:5432"),
        ("postgresql://slipway@db/postgres", "db:5432"),
        ("postgresql://slipway@[fd00::1]:5433/postgres", "[fd00::1]:5433"),
    ],
)
def test_address_of_a_server_is_its_host_and_port(url: str, leads_to: str) -> None:
    assert str(server_address(url)) == leads_to


@pytest.mark.parametrize(
    "url",
    [
        "mysql://slipway:canary@db/postgres",
        "db.example.org canary",
        "postgresql:///postgres?host=/canary",
        "postgresql://slipway:canary@%2Fvar%2Frun/postgres",
        "postgresql://slipway:canary@one,two/postgres",
        "postgresql://slipway:canary@db:port/postgres",
        "postgresql://slipway:can[ary@db/postgres",
        "postgresql://db/canary",
        "",
    ],
)
def test_what_is_no_address_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        server_address(url)
    assert "canary" not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("localhost", True),
        ("db.localhost", True),
        ("127.0.1.1", True),
        ("::1", True),
        ("172.17.0.1", False),
        ("db.example.org", False),
    ],
)
def test_loopback_is_told_from_other_hosts(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_names_are_short_and_differ_and_say_whose_they_are() -> None:
    longest = "a" * 40
    rehearsals = [f"{project}-rehearsal-r-0123456789-round-{n}" for project in ("shop", longest) for n in (1, 2)]
    identities = [
        *(resource_identity(project, ResourceKind.POSTGRES) for project in ("shop", "my-shop", "myshop", longest)),
        *(resource_identity("any", ResourceKind.POSTGRES, each) for each in rehearsals),
    ]
    names = [database_name(identity) for identity in identities]
    assert names[:2] == ["slipway_shop", "slipway_my_shop"]
    assert len(set(names)) == len(identities)
    assert max(len(name.encode()) for name in names) <= 63


def test_names_and_texts_are_quoted() -> None:
    assert quoted('a"; DROP ROLE b; --') == '"a""; DROP ROLE b; --"'
    assert literal("it's") == "'it''s'"


def test_verifier_is_what_a_server_signs_with() -> None:
    """The exchange of RFC 7677, section 3."""
    kept = verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert kept.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert "pencil" not in kept
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    exchange = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    signature = hmac.digest(base64.b64decode(kept.rpartition(":")[2]), exchange.encode(), "sha256")
    assert base64.b64encode(signature).decode() == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((15, True, True), ""),
        ((12, True, True), "13 or newer"),
        ((15, False, True), "ALTER ROLE ... CREATEDB"),
        ((15, False, False), "ALTER ROLE ... CREATEDB CREATEROLE"),
    ],
)
def test_what_a_server_lacks_is_said_with_the_cure(facts: tuple[int, bool, bool], said: str) -> None:
    version, databases, roles = facts
    told = lack(ServerFacts(version=version, makes_databases=databases, makes_roles=roles))
    assert told.endswith(said) if said.startswith("ALTER") else (said in told and bool(told) is bool(said))


@pytest.mark.parametrize(("is_there", "lets_in"), [(False, False), (True, False), (False, True)])
def test_database_runs_only_when_it_is_there_and_lets_its_role_in(is_there: bool, lets_in: bool) -> None:
    assert DatabaseState(is_there=is_there, lets_in=lets_in).state is ResourceState.STOPPED
    assert DatabaseState(is_there=True, lets_in=True).state is ResourceState.RUNNING
