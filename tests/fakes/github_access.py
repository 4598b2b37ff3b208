"""Who may call the fake GitHub: an App by its signature, and tokens that open what they were made for until they end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APP = 4711
BY_THE_APP = (
    "apps/get-authenticated", "apps/get-installation", "apps/create-installation-access-token", "apps/get-repo-installation",
    "apps/get-org-installation",
)  # fmt: skip
NEEDS = {
    "repos/get": "metadata", "repos/create-in-org": "administration", "repos/create-for-authenticated-user": "administration",
    "repos/get-branch": "contents", "repos/list-activities": "contents",
    "repos/update-branch-protection": "administration", "git/update-ref": "contents",
    "pulls/list": "pull_requests", "pulls/create": "pull_requests", "pulls/get": "pull_requests",
    "pulls/update": "pull_requests", "pulls/list-reviews": "pull_requests", "repos/compare-commits": "contents",
    "checks/list-for-ref": "checks", "checks/create": "checks", "checks/update": "checks",
    "repos/get-combined-status-for-ref": "statuses", "repos/create-commit-status": "statuses",
    "repos/list-deployments": "deployments",
    "repos/create-deployment": "deployments", "repos/list-deployment-statuses": "deployments",
    "repos/create-deployment-status": "deployments", "repos/get-release-by-tag": "contents",
    "repos/create-release": "contents", "actions/get-repo-public-key": "secrets",
    "actions/create-or-update-repo-secret": "secrets", "repos/add-collaborator": "administration",
    "repos/get-collaborator-permission-level": "metadata", "repos/transfer": "administration", "issues/get": "issues",
    "issues/list-comments": "issues", "issues/create-comment": "issues", "issues/update-comment": "issues",
    "reactions/create-for-issue": "issues", "reactions/create-for-issue-comment": "issues", "users/get-authenticated": "",
}  # fmt: skip
"""By operation: the permission, as GitHub's page on fine-grained permissions lists it."""


@lru_cache(maxsize=1)
def private_key() -> rsa.RSAPrivateKey:
    """Return the App's key, made once a process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_text() -> str:
    """Return it as the App's page gives it."""
    return (
        private_key()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        .decode()
    )


@dataclass(frozen=True)
class Given:
    """A token that was given: empty `repositories` is all of the owner, empty `permissions` a person's own."""

    owner: str
    repositories: tuple[str, ...]
    permissions: dict[str, str]
    expires: datetime


@dataclass
class Access:
    """What was given so far. Move `now` to let tokens end."""

    installations: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, Given] = field(default_factory=dict)
    ahead: timedelta = timedelta()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def give(self, owner: str, body: dict[str, Any]) -> tuple[str, Given]:
        """Make a token that lives an hour."""
        text = f"ghs_{len(self.tokens) + 1:036d}"
        permissions = {"metadata": "read", **body.get("permissions", {})}
        given = Given(owner, tuple(body.get("repositories", ())), permissions, self.now + timedelta(hours=1))
        self.tokens[text] = given
        return text, given

    def opens(self, text: str, repository: str) -> bool:
        """Tell whether git may push to a repository with a token."""
        given = self.tokens.get(text)
        owner, _, name = repository.partition("/")
        if given is None or given.expires <= self.now or given.owner != owner:
            return False
        return not given.permissions or (name in given.repositories and given.permissions.get("contents") == "write")

    def refused(self, operation: str, repository: str, authorization: str, *, writes: bool) -> tuple[int, str] | None:
        """Return status and words for who may not; None for who may."""
        text = authorization.removeprefix("Bearer ")
        if operation in BY_THE_APP:
            return self._forged(text)
        given = self.tokens.get(text)
        if given is None or given.expires <= self.now:
            return 401, "Bad credentials"
        owner, _, name = repository.partition("/")
        if repository and (given.owner != owner or (given.repositories and name not in given.repositories)):
            return 404, "Not Found"
        level = given.permissions.get(NEEDS[operation], "")
        if given.permissions and (not level or (writes and level != "write")):
            return 403, "Resource not accessible by integration"
        return None

    def _forged(self, text: str) -> tuple[int, str] | None:
        try:
            claims = jwt.decode(
                text, private_key().public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.PyJWTError:
            return 401, "A JSON web token could not be decoded"
        now = self.now.timestamp()
        if (
            claims["iss"] != str(APP)
            or claims["exp"] - claims["iat"] > 660
            or not claims["iat"] <= now < claims["exp"] <= now + 600
        ):
            return 401, "'Expiration time' claim ('exp') is too far in the future"
        return None
