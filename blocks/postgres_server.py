"""The operator's Postgres server, as the role that may make databases and roles there.

Each method opens one connection and closes it. What an error says of the server has its host and port, never its credentials.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from pydantic import SecretStr

from domain.database_servers import (
    CONNECTIONS,
    SETTING,
    DatabaseState,
    ServerAddress,
    ServerFacts,
    is_loopback,
    literal,
    ownership,
    quoted,
    server_address,
    verifier,
)
from domain.errors import NeedsPerson, ServiceUnreachable

ANSWER_SECONDS = 10.0
WORK_SECONDS = 120.0
"""A server that is written to hard needs a while for a checkpoint, which making and dropping a database wait for."""
SALT_BYTES = 16

OWNER = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1"
HOLDER = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1"
STATES = """
SELECT r.rolname, d.datname IS NOT NULL, r.rolcanlogin FROM pg_roles r LEFT JOIN pg_database d ON d.datname = r.rolname
WHERE r.rolname = ANY($1)
"""
FACTS = """
SELECT current_setting('server_version_num')::int / 10000, rolcreatedb OR rolsuper, rolcreaterole OR rolsuper
FROM pg_roles WHERE rolname = current_user
"""
OPEN = r"""
SELECT datname FROM pg_database
WHERE datallowconn AND datname NOT LIKE 'slipway\_%'
AND EXISTS (
    SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'CONNECT'
)
ORDER BY datname
"""
SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"


class PostgresServer:
    """Makes, closes, opens and drops databases, each with the role of its name, which owns it and may log in."""

    def __init__(self, url: SecretStr, installation: str) -> None:
        self._url = url
        self._installation = installation

    @property
    def address(self) -> ServerAddress:
        return server_address(self._url.get_secret_value())

    async def is_on_loopback(self) -> bool:
        """Tell whether the host's name leads to whoever asks; a name that is not known here is not on loopback."""
        host = self.address.host
        try:
            found = await asyncio.to_thread(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        except OSError:
            return is_loopback(host)
        return all(is_loopback(str(each[4][0])) for each in found)

    async def look(self) -> ServerFacts:
        async with self._admin("looking at it") as admin:
            version, databases, roles = await admin.fetchrow(FACTS)
            names = tuple(row[0] for row in await admin.fetch(OPEN))
        return ServerFacts(version=version, makes_databases=databases, makes_roles=roles, open_databases=names)

    async def states(self, names: Sequence[str]) -> Mapping[str, DatabaseState]:
        async with self._admin("asking for databases") as admin:
            rows = await admin.fetch(STATES, names)
        return {name: DatabaseState(is_there=there, lets_in=lets_in) for name, there, lets_in in rows}

    async def make(self, name: str, identity: str, password: str) -> None:
        """Have the database, with its role let in by the password; what is there and ours keeps its data.

        Nobody else's role may connect to it. Killed in between, it goes on: that the role is ours stands in the first write.
        """
        async with self._admin(f"making the database {name}") as admin:
            holder = await admin.fetchval(HOLDER, name)
            await self._have_role(admin, name, identity, password, holder)
            if holder is None:
                await admin.execute(f"CREATE DATABASE {quoted(name)} OWNER {quoted(name)} TEMPLATE template0 ENCODING 'UTF8'")
            await admin.execute(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC")

    async def close(self, name: str, identity: str) -> None:
        """Let its role in no more and end its sessions; nothing happens when there is none."""
        async with self._admin(f"closing the database {name}") as admin:
            if await self._is_ours(admin, name, identity):
                await admin.execute(f"ALTER ROLE {quoted(name)} NOLOGIN")
                await admin.execute(SESSIONS, name)

    async def drop(self, name: str, identity: str) -> None:
        """Delete the database with its role, whoever is connected; nothing happens when there is none, or another's."""
        async with self._admin(f"dropping the database {name}") as admin:
            if await self._is_ours(admin, name, identity):
                if await admin.fetchval(HOLDER, name) == name:
                    await admin.execute(f"DROP DATABASE {quoted(name)} WITH (FORCE)")
                await admin.execute(f"DROP ROLE {quoted(name)}")

    async def _have_role(self, admin: Any, name: str, identity: str, password: str, holder: str | None) -> None:
        owner = await admin.fetchval(OWNER, name)
        is_new = await admin.fetchval("SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name)
        mine = ownership(self._installation, identity)
        if holder not in (None, name) or not (is_new or owner == mine):
            raise NeedsPerson(
                f"the Postgres server at {self.address} has a database or role {name} that this installation has not made: "
                "rename or drop it there, or give the project another name"
            )
        known = f"PASSWORD {literal(verifier(password, secrets.token_bytes(SALT_BYTES)))}"
        if is_new:
            async with admin.transaction():
                await admin.execute(f"CREATE ROLE {quoted(name)} LOGIN CONNECTION LIMIT {CONNECTIONS} {known}")
                await admin.execute(f"COMMENT ON ROLE {quoted(name)} IS {literal(mine)}")
                await admin.execute(f"GRANT {quoted(name)} TO CURRENT_USER")  # who makes a database for it must be its member
        else:
            await admin.execute(f"ALTER ROLE {quoted(name)} LOGIN {known}")

    async def _is_ours(self, admin: Any, name: str, identity: str) -> bool:
        return bool(await admin.fetchval(OWNER, name) == ownership(self._installation, identity))

    @asynccontextmanager
    async def _admin(self, attempted: str) -> AsyncIterator[Any]:
        """Open a connection, and say of what fails on it who must act."""
        service = f"the Postgres server at {self.address}"
        try:
            connection = await asyncpg.connect(
                self._url.get_secret_value(), timeout=ANSWER_SECONDS, command_timeout=WORK_SECONDS
            )
            try:
                yield connection
            finally:
                connection.terminate()
        except asyncpg.InvalidAuthorizationSpecificationError as error:  # a wrong password too
            raise NeedsPerson(f"{service} does not let the role of {SETTING} in ({error}): correct the setting") from None
        except asyncpg.InsufficientPrivilegeError as error:
            raise NeedsPerson(
                f"{service} refused {attempted} ({error}): as a superuser there, ALTER ROLE ... CREATEDB CREATEROLE"
            ) from None
        except asyncpg.DependentObjectsStillExistError as error:  # of another database, where its app was let in
            raise NeedsPerson(
                f"{service} refused {attempted} ({' '.join(str(error).split())}): as a superuser, run DROP OWNED BY this role "
                "in the database where that is, then try again"
            ) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise ServiceUnreachable(service, attempted, f"{type(error).__name__}: {error}") from None
