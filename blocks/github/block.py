"""GitHub as this installation reaches it: as an App, or by a person's token."""

from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, PrivateAttr, SecretStr

from blocks.github.pulls import RemotePulls
from blocks.github.reports import RemoteReports
from blocks.github.repositories import RemoteRepositories
from blocks.github.talk import RemoteTalk
from blocks.github.wire import Wire
from domain.errors import Broken
from domain.git_credentials import TOKEN_USER, GitCredential
from domain.github_permissions import PUSH


class GitHubAccess(Block):
    """Fulfils `domain.github.GitHub`. It holds the path of the App's key, never the key; tokens made of it stay in memory."""

    _block_type_name: ClassVar[str] = "Slipway GitHub"
    _block_type_slug: ClassVar[str] = "slipway-github"

    api_url: str = Field(default="https://api.github.com", description="Address of GitHub's API")
    app_id: int | None = Field(default=None, description="Number of the App; None: a person's token is used")
    app_key_file: str = Field(default="", description="PEM file with the App's private key, readable by its owner alone")
    token: SecretStr | None = Field(default=None, description="A person's token, where there is no App")

    _wire: Wire | None = PrivateAttr(default=None)
    _name: str = PrivateAttr(default="")

    @property
    def wire(self) -> Wire:
        """Return the one wire of this process, with its tokens and what it has read."""
        if self._wire is None:
            if self.app_id is not None:
                self._wire = Wire.of_app(self.api_url, self.app_id, Path(self.app_key_file))
            elif self.token is not None:
                self._wire = Wire.of_person(self.api_url, self.token)
            else:
                raise Broken("GitHub is not set up: neither an App nor a token")
        return self._wire

    @property
    def repositories(self) -> RemoteRepositories:
        return RemoteRepositories(self.wire)

    @property
    def pulls(self) -> RemotePulls:
        return RemotePulls(self.wire)

    @property
    def reports(self) -> RemoteReports:
        return RemoteReports(self.wire)

    @property
    def talk(self) -> RemoteTalk:
        return RemoteTalk(self.wire)

    async def credential(self, name: str) -> GitCredential:
        """Return what opens the repository to git, for it alone where the access is an App's."""
        token = await self.wire.access.token(name, PUSH)
        return GitCredential(username=TOKEN_USER, password=token)

    async def who(self) -> str:
        """Return as whom GitHub knows us: an App's slug or a person's login."""
        if not self._name:  # it stays the same, and is asked at each comment
            found = await self.wire.who() or {}
            self._name = str(found.get("slug") or found.get("login") or "")
        return self._name
