"""Settings of GitHub, where it is a second home of the projects' code."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from deployments.setting_types import ExistingFile

if TYPE_CHECKING:
    from blocks.github.block import GitHubAccess


class GitHubSettings(BaseSettings):
    """As whom Slipway acts at GitHub, and what it does there."""

    github_api_url: str = Field(
        default="https://api.github.com",
        pattern=r"^https?://[a-z0-9.-]+(:\d{1,5})?(/[a-z0-9/]*[a-z0-9])?$",
        description="address of GitHub's API; that of an Enterprise server is like https://github.example.org/api/v3",
    )
    github_app_id: int | None = Field(default=None, ge=1, description="the number of your GitHub App, from its page (App ID)")
    github_app_key_file: ExistingFile | None = Field(
        default=None, description="an existing PEM file with the App's private key, readable by its owner alone (chmod 600)"
    )
    github_token: SecretStr | None = Field(
        default=None, description="a fine-grained personal token, the simple alternative to an App"
    )
    github_owner: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9](-?[A-Za-z0-9]){0,38})?$",
        description="the organisation (or, by a personal token, the person) in which delivered projects get a repository; "
        "unset: only projects named with `slipway repository` are pushed",
    )
    github_private: bool = Field(default=True, description="true or false: repositories that are made are private")
    github_approval: bool = Field(
        default=False, description="true or false: pull requests are merged only once somebody approved them at GitHub"
    )
    github_protect: bool = Field(default=False, description="true or false: the main branch of repositories is protected")

    @model_validator(mode="after")
    def one_access(self) -> Self:
        """Refuse half an App, and two ways at once."""
        if (self.github_app_id is None) != (self.github_app_key_file is None):
            raise ValueError("SLIPWAY_GITHUB_APP_ID and SLIPWAY_GITHUB_APP_KEY_FILE: an App needs both")
        if self.github_app_id is not None and self.github_token is not None:
            raise ValueError("SLIPWAY_GITHUB_APP_ID and SLIPWAY_GITHUB_TOKEN: set one of them")
        if self.github_owner and not self.uses_github:
            raise ValueError("SLIPWAY_GITHUB_OWNER: nobody acts there; set SLIPWAY_GITHUB_APP_ID or SLIPWAY_GITHUB_TOKEN too")
        return self

    def reach_github(self) -> "GitHubAccess":
        """Return GitHub as it is reached by these; the App's key stays in its file."""
        from blocks.github.block import GitHubAccess  # loads Prefect

        return GitHubAccess(
            api_url=self.github_api_url,
            app_id=self.github_app_id,
            app_key_file=str(self.github_app_key_file or ""),
            token=self.github_token,
        )

    @property
    def uses_github(self) -> bool:
        """Tell whether Slipway acts at GitHub."""
        return self.github_app_id is not None or self.github_token is not None
