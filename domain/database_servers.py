"""An operator's own Postgres server, in which each project has a database and a role beside others' of whom we know nothing."""

import base64
import hashlib
import hmac
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from domain.errors import BadInput
from domain.resources import ResourceState, host_and_port
from domain.values import Value

SETTING = "SLIPWAY_APP_POSTGRES_URL"
OLDEST = 13
"""Since then a database can be dropped that somebody is connected to."""
CONNECTIONS = 40
"""How many a project may have at once: two copies of an app while they are switched, with the usual pools."""
_NAME_BYTES = 63
_ROUNDS = 4096


class ServerAddress(Value):
    """Where the server is, without anything that is secret."""

    host: str
    port: int

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


class ServerFacts(Value):
    """What a look at the server, as the role of the setting, has shown."""

    version: int
    """The first number of its version."""
    makes_databases: bool
    makes_roles: bool
    open_databases: tuple[str, ...] = ()
    """Databases, not of ours, to which every role may connect."""


class DatabaseState(Value):
    """What the server says of one of our databases."""

    is_there: bool = False
    lets_in: bool = False
    """Its role may log in."""

    @property
    def state(self) -> ResourceState:
        return ResourceState.RUNNING if self.is_there and self.lets_in else ResourceState.STOPPED


def server_address(url: str) -> ServerAddress:
    """Return where the URL leads; raise BadInput, which says nothing of what stands in it, for what is no such address."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:  # its message would hold a piece of the URL
        raise BadInput("no address of one Postgres server") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise BadInput("no address of a Postgres server: it does not begin with postgresql://")
    if not parts.hostname or _is_path(parts):
        raise BadInput("no host in it: apps come by the network, not by a socket file")
    if not parts.username:
        raise BadInput("no role in it")
    return ServerAddress(host=parts.hostname, port=port)


def _is_path(parts: SplitResult) -> bool:
    return parts.hostname is not None and ("%2f" in parts.hostname.lower() or "," in parts.netloc)


def is_loopback(host: str) -> bool:
    """Tell whether the host is whoever asks for it: in a container, the container."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def loopback_refusal(address: ServerAddress) -> str:
    """Return why containers cannot use a server on loopback, with the cure."""
    return (
        f"{SETTING} leads to {address}, which inside of an app's container is the container itself: write an address of this "
        "machine that containers reach, like 172.17.0.1, and let Postgres listen there (listen_addresses, pg_hba.conf)"
    )


def database_name(identity: str) -> str:
    """Return the name of a resource's database and of its role: 63 bytes at most, of letters, digits and underscores.

    No two identities have the same: they have no underscores, and a long one ends in its digest.
    """
    name = f"slipway_{identity.removesuffix('-postgres').replace('-', '_')}"
    if len(name) <= _NAME_BYTES:
        return name
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return f"{name[: _NAME_BYTES - 14]}__{digest}"


def ownership(installation: str, identity: str) -> str:
    """Return the comment by which a role on the server is known to be ours, and whose."""
    return f"slipway {installation} {identity}"


def quoted(name: str) -> str:
    """Return the name as SQL takes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as SQL takes it, for statements that take no parameters. Nothing of ours has a backslash."""
    return "'" + text.replace("'", "''") + "'"


def verifier(password: str, salt: bytes) -> str:
    """Return what the server keeps of a password of letters and digits, so that its log never holds the password itself.

    https://www.postgresql.org/docs/current/catalog-pg-authid.html and RFC 5802, section 3.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{text[0]}${text[1]}:{text[2]}"


def lack(facts: ServerFacts) -> str:
    """Return what keeps the server from having projects' databases, with the cure; empty when nothing does."""
    if facts.version < OLDEST:
        return f"it is Postgres {facts.version}: {OLDEST} or newer is needed"
    missing = [word for word, may in (("CREATEDB", facts.makes_databases), ("CREATEROLE", facts.makes_roles)) if not may]
    return f"its role may not do all that is needed: ALTER ROLE ... {' '.join(missing)}" if missing else ""
