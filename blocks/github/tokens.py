"""Who we are to GitHub: an App, by tokens that live an hour and open one repository; or a person, by their token.

Tokens are kept in memory alone, and made anew five minutes ahead of their end: what begins with one can end with it.
"""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from domain.errors import BadInput
from domain.github_errors import GitHubRefused, GitHubShut
from domain.github_permissions import Permissions
from domain.values import Value

AHEAD = timedelta(minutes=5)
JWT_SECONDS = 9 * 60
CLOCKS_DIFFER = 60
"""Seconds by which our clock may be ahead of GitHub's, as its documents advise."""

Ask = Callable[[str, str, str, dict[str, Any] | None, str], Awaitable[Any]]
"""Method, path, Authorization header, body, what is attempted: what came back."""


class Token(Value):
    """An installation token and its end."""

    text: SecretStr
    expires: datetime


class Access(Protocol):
    """Gives what a call needs in its Authorization header."""

    makes_checks: bool
    """GitHub takes check runs from Apps alone."""

    async def token(self, name: str, permissions: Permissions) -> SecretStr:
        """Return a token for a repository; for an OWNER alone, one for all that the installation may there."""
        ...

    async def own(self) -> tuple[str, SecretStr]:
        """Return the path that says who we are, and the token to ask it with."""
        ...

    def forget(self, name: str) -> bool:
        """Drop tokens of a repository that GitHub does not take any more; False when there is no way to another."""
        ...


class PersonalToken:
    """Access by one person's token, which is what it is: neither narrower nor renewed."""

    makes_checks = False

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def token(self, name: str, permissions: Permissions) -> SecretStr:  # noqa: ARG002 - it is one for all
        return self._token

    async def own(self) -> tuple[str, SecretStr]:
        return "/user", self._token

    def forget(self, name: str) -> bool:  # noqa: ARG002
        return False


class AppTokens:
    """Access by a GitHub App; `ask` carries one call to GitHub."""

    makes_checks = True

    def __init__(self, app: int, key_file: Path, ask: Ask, clock: Callable[[], datetime]) -> None:
        self._app, self._key_file, self._ask, self._clock = app, key_file, ask, clock
        self._tokens: dict[tuple[str, frozenset[tuple[str, str]]], Token] = {}
        self._installations: dict[str, int] = {}
        self._making = asyncio.Lock()

    async def token(self, name: str, permissions: Permissions) -> SecretStr:
        """Return a token that holds for five minutes more, made now if there is none."""
        wanted = (name, frozenset(permissions.items()))
        async with self._making:  # two who ask at once make one
            found = self._tokens.get(wanted)
            if found is None or found.expires - AHEAD <= self._clock():
                found = self._tokens[wanted] = await self._make(name, permissions)
        return found.text

    async def own(self) -> tuple[str, SecretStr]:
        return "/app", SecretStr(await asyncio.to_thread(self._signed))

    def forget(self, name: str) -> bool:
        """Drop what is known of a repository: its tokens were revoked, or the App was installed anew."""
        kept = {wanted: token for wanted, token in self._tokens.items() if wanted[0] != name}
        dropped = len(kept) < len(self._tokens)
        self._tokens = kept
        self._installations.pop(name, None)
        return dropped

    async def _make(self, name: str, permissions: Permissions) -> Token:
        known = name in self._installations
        try:
            return await self._made(name, permissions)
        except GitHubRefused as refused:
            if not known or refused.status not in (404, 422):
                raise
        self._installations.pop(name, None)  # the App was installed anew since, or not any more for this repository
        return await self._made(name, permissions)

    async def _made(self, name: str, permissions: Permissions) -> Token:
        installation = await self._installation(name)
        _, _, repository = name.partition("/")
        body: dict[str, Any] = {"permissions": dict(permissions)}
        if repository:
            body["repositories"] = [repository]
        path, attempted = f"/app/installations/{installation}/access_tokens", f"a token for {name}"
        made = await self._ask("POST", path, await self._bearer(), body, attempted)
        return Token(text=made["token"], expires=made["expires_at"])

    async def _installation(self, name: str) -> int:
        if name not in self._installations:
            path = f"/repos/{name}/installation" if "/" in name else f"/orgs/{name}/installation"
            found = await self._ask("GET", path, await self._bearer(), None, f"looking for the App's installation at {name}")
            if found is None:
                raise GitHubShut(f"access to {name}", 404, "the App is not installed there", "install it: docs/github.md")
            self._installations[name] = int(found["id"])
        return self._installations[name]

    async def _bearer(self) -> str:
        return f"Bearer {await asyncio.to_thread(self._signed)}"

    def _signed(self) -> str:
        """Return the App's own token, as its key signs it; the key is read for this alone."""
        import jwt  # here: it loads `cryptography`, and most processes never sign

        now = int(self._clock().timestamp())
        claims = {"iat": now - CLOCKS_DIFFER, "exp": now + JWT_SECONDS, "iss": str(self._app)}
        try:
            return jwt.encode(claims, private_key(self._key_file), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise BadInput(f"{self._key_file} holds no private key of a GitHub App: download one from the App's page") from None


def private_key(path: Path) -> str:
    """Return the text of the key file; raise BadInput when it is not there, or is others' to read as well."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"the App's key {path} cannot be read ({type(error).__name__}): set SLIPWAY_GITHUB_APP_KEY_FILE"
        ) from None
    if mode & 0o077:
        raise BadInput(f"the App's key {path} can be read by others: `chmod 600 {path}`")
    return text
