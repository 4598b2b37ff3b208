"""Credentials of repositories: the project's own token in the vault, and how a worker's git comes to ask for it."""

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path

from domain.errors import BadInput
from domain.git_credentials import CLASSIC, CLASSIC_REFUSED, TOKEN_SECRET, TOKEN_USER, GitCredential
from domain.protocols import Vault
from domain.vault import newest

HELPER = Path(__file__).with_name("credential_helper.py")
LENT_USER, LENT_PASSWORD = "SLIPWAY_LENT_USER", "SLIPWAY_LENT_PASSWORD"


class StoredTokens:
    """Fulfil `domain.protocols.RepositoryCredentials` by a secret of the project: its person's personal token.

    `vault` is called at each question, in a thread: what it imports is not the asking process's until then.
    """

    def __init__(self, vault: Callable[[], Vault]) -> None:
        self._vault = vault

    async def credential(self, project: str, repository: str) -> GitCredential | None:  # noqa: ARG002 - the token is for one
        """Return the token; None when the project has none. Raise BadInput for one that cannot be limited to a repository."""
        vault = await asyncio.to_thread(self._vault)
        found = newest(await vault.listed(project)).get(TOKEN_SECRET)
        if found is None or found.complaint is not None:
            return None
        token = (await vault.get(found.reference)).strip()
        if token.startswith(CLASSIC):
            raise BadInput(CLASSIC_REFUSED)
        return GitCredential(username=TOKEN_USER, password=token)


def helper_environment(python: str) -> dict[str, str]:
    """Return the variables by which git asks our helper, run by `python`, and none that this machine has configured."""
    helper = f"!{shlex.quote(python)} -I {shlex.quote(str(HELPER))}"
    return configuration(("credential.helper", ""), ("credential.helper", helper), ("credential.useHttpPath", "true"))


def lent_environment(address: str, credential: GitCredential, *settings: tuple[str, str]) -> dict[str, str]:
    """Return the variables that lend one git a credential for one address alone, besides other settings for it.

    Git hands its environment to the helper, which prints from it: the secret is in no argument and no file.
    """
    helper = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${LENT_USER}" "${LENT_PASSWORD}"; }}; f'
    return {
        **configuration(
            ("credential.helper", ""),
            (f"credential.{address}.helper", helper),
            ("credential.useHttpPath", "true"),
            ("http.followRedirects", "false"),
            *settings,
        ),
        LENT_USER: credential.username,
        LENT_PASSWORD: credential.password.get_secret_value(),
    }


def configuration(*settings: tuple[str, str]) -> dict[str, str]:
    """Return the variables by which git has these settings, over those of any file."""
    numbered = {
        f"GIT_CONFIG_{part}_{number}": text
        for number, pair in enumerate(settings)
        for part, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(settings)), **numbered}
