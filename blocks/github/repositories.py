"""Repositories at GitHub: what is there, who may what, and what protects them. Fulfils `domain.github.Repositories`."""

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from blocks.github.wire import Wire, segment
from domain.github import CHECK, AccessLevel, RemotePush, RemoteRepository
from domain.github_errors import CURES, GitHubRefused
from domain.github_permissions import ADMINISTRATION, CONTENTS, METADATA, SECRETS

BY_A_PERSON = "make it at GitHub, install the App on it, and name it with `slipway repository PROJECT OWNER/NAME`"


class RemoteRepositories:
    """Each method is one operation, or GitHub's two or three calls for it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def repository(self, name: str) -> RemoteRepository | None:
        """Return the repository; None when there is none that we may see, or the App is not installed on it."""
        try:
            found = await self._wire.ask("GET", name, "", METADATA, f"looking for {name}")
        except GitHubRefused as refused:
            if refused.status == 404:
                return None
            raise
        return _repository(found) if found else None

    async def known(self, name: str) -> RemoteRepository:
        """Return the repository that is there; raise GitHubRefused, with the cure, when there is none that we may see."""
        found = await self.repository(name)
        if found is None:
            raise GitHubRefused(f"looking for {name}", 404, "there is no such repository for us", CURES[404])
        return found

    async def create(self, name: str, description: str, *, private: bool) -> RemoteRepository:
        """Make it in its organisation, or among a person's own by their token: an App may not do the latter.

        Its button for merging makes no other commits of those that were tested: what serves would not be on main then.
        """
        owner, _, short = name.partition("/")
        attempted = f"to make the repository {name}"
        body = {
            "name": short, "description": description, "private": private, "has_wiki": False, "auto_init": False,
            "allow_squash_merge": False, "allow_rebase_merge": False,
        }  # fmt: skip
        if self._wire.access.makes_checks:
            try:
                made = await self._wire.ask_path("POST", f"/orgs/{owner}/repos", owner, ADMINISTRATION, attempted, body)
            except GitHubRefused as refused:
                if refused.status == 404:
                    raise GitHubRefused(attempted, 404, f"{owner} is no organisation with the App", BY_A_PERSON) from None
                raise
        else:
            login = str((await self._wire.who())["login"])
            mine = login.lower() == owner.lower()
            path = "/user/repos" if mine else f"/orgs/{owner}/repos"
            made = await self._wire.ask_path("POST", path, owner, ADMINISTRATION, attempted, body)
        return _repository(made)

    async def head(self, name: str, branch: str) -> str | None:
        """Return the commit of a branch; None when there is no such branch."""
        found = await self._wire.ask("GET", name, f"/branches/{segment(branch)}", CONTENTS, f"looking at {branch} of {name}")
        return str(found["commit"]["sha"]) if found else None

    async def last_push(self, name: str, branch: str) -> RemotePush | None:
        """Return the newest push to the branch, or whatever else moved it; None when GitHub knows of none by anybody."""
        query, attempted = {"ref": f"refs/heads/{branch}", "per_page": "1"}, f"looking who moved {branch} of {name}"
        found = await self._wire.ask("GET", name, "/activity", CONTENTS, attempted, query=query)
        if not found or not (actor := found[0].get("actor")):
            return None
        by_person, at = actor["type"] == "User", datetime.fromisoformat(found[0]["timestamp"])
        return RemotePush(after=found[0]["after"], sender=actor["login"], by_person=by_person, at=at)

    async def advance(self, name: str, branch: str, commit: str) -> None:
        """Fast-forward a branch to a commit that is there."""
        rest, attempted = f"/git/refs/heads/{segment(branch, keep='/')}", f"to move {branch} of {name}"
        await self._wire.ask("PATCH", name, rest, CONTENTS, attempted, {"sha": commit, "force": False})

    async def protect(self, name: str, branch: str) -> None:
        """Protect the branch. GitHub has it for public repositories, and for private ones of paid plans.

        Approvals are not asked for here: GitHub would then take a merge by its own button only, which makes another commit.
        """
        body: dict[str, Any] = {
            "required_status_checks": {"strict": False, "contexts": [CHECK]},
            "enforce_admins": False,
            "required_pull_request_reviews": None,
            "restrictions": None,
            "allow_force_pushes": False,
            "allow_deletions": False,
        }
        rest, attempted = f"/branches/{segment(branch)}/protection", f"to protect {branch} of {name}"
        await self._wire.ask("PUT", name, rest, ADMINISTRATION, attempted, body)

    async def set_secret(self, name: str, key: str, value: SecretStr) -> None:
        """Seal the value for the repository and store it."""
        attempted = f"to store the secret {key} of {name}"
        public = await self._wire.ask("GET", name, "/actions/secrets/public-key", SECRETS, attempted)
        if public is None:
            raise GitHubRefused(attempted, 404, "the repository takes no secrets from us")
        body = {"encrypted_value": sealed(public["key"], value), "key_id": public["key_id"]}
        await self._wire.ask("PUT", name, f"/actions/secrets/{segment(key)}", SECRETS, attempted, body)

    async def invite(self, name: str, person: str) -> None:
        """Invite a person as administrator; nothing happens when they are one."""
        rest, attempted = f"/collaborators/{segment(person)}", f"to invite {person} to {name}"
        await self._wire.ask("PUT", name, rest, ADMINISTRATION, attempted, {"permission": "admin"})

    async def transfer(self, name: str, owner: str) -> None:
        """Give the repository to another owner, who must accept it within a day."""
        await self._wire.ask("POST", name, "/transfer", ADMINISTRATION, f"to give {name} to {owner}", {"new_owner": owner})

    async def access(self, name: str, person: str) -> AccessLevel:
        """Return what a person may do there; `none` also for somebody who is not at GitHub."""
        rest, attempted = f"/collaborators/{segment(person)}/permission", f"to say what {person} may do at {name}"
        found = await self._wire.ask("GET", name, rest, METADATA, attempted)
        known: tuple[AccessLevel, ...] = ("admin", "write", "read")
        return next((level for level in known if found and found["permission"] == level), "none")


def sealed(public: str, value: SecretStr) -> str:
    """Return the value in a box that the repository alone opens."""
    from nacl.public import PublicKey, SealedBox  # here: few processes seal

    box = SealedBox(PublicKey(b64decode(public)))
    return b64encode(box.encrypt(value.get_secret_value().encode())).decode()


def _repository(found: dict[str, Any]) -> RemoteRepository:
    return RemoteRepository(
        name=found["full_name"],
        url=found["html_url"],
        private=found["private"],
        description=found.get("description") or "",
        default_branch=found.get("default_branch") or "main",
    )
