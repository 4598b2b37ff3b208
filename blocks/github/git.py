"""Git between our repositories and GitHub: commits are pushed and fetched, and nothing is ever forced there.

The token is in the environment of the one git that needs it, for the one address that it is for: in no command line, no remote
address and no configuration file. Git follows no redirect with it.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.git.command import git
from blocks.git.credentials import lent_environment
from domain.errors import AnswerLost, Broken, TryAgain
from domain.git_credentials import site_of
from domain.github_errors import CURES, GitHubRefused, HistoryTooLarge
from domain.github_protocols import GitHub
from domain.names import formed_slug

PROXIES = ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
NETWORK = (
    "could not resolve", "failed to connect", "couldn't connect", "timed out", "error: 5", "error: 429", "connection",
    "early eof", "rpc failed; curl", "hung up", "disconnect", "ssl_read", "tls packet",
)  # fmt: skip
"""Words of git's when the network or GitHub's side failed, in lower case."""

STATUS = re.compile(r"returned error: (\d{3})\b")
"""Where git says which status it met."""

MEGABYTE = 1024 * 1024
MOST = 500 * MEGABYTE
"""Bytes that one fetch may bring: nobody knows what a person has pushed."""

SEEN = "refs/slipway/github"
"""Where branches of GitHub are kept here: no branch of ours, and pushed nowhere."""


class GitHubRemote:
    """Fulfils `domain.github.RemoteGit` for the bare repositories `<folder>/<project>.git`; `site` is like https://github.com."""

    def __init__(self, folder: Path, site: str, github: GitHub, ca_bundle: str = "", most: int = MOST) -> None:
        self._folder, self._site, self._github, self._ca_bundle = folder, site_of(site), github, ca_bundle
        self._most = most

    async def push(self, project: str, name: str, commit: str, reference: str) -> None:
        """Let `reference` (like refs/heads/main) at GitHub be the commit; never forced: raise GitHubRefused instead."""
        attempted = f"to take {reference} of {name}"
        await self._remote(project, name, attempted, "push", "--quiet", self._address(name), f"{commit}:{reference}")

    async def fetch(self, project: str, name: str, branch: str) -> str | None:
        """Bring a branch's commits into our repository, under no branch of it; return its head, None when there is none.

        Raise HistoryTooLarge where that is more than is taken at once.
        """
        here = f"{SEEN}/{branch}"
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        listed = await self._remote(project, name, f"to list {name}", "ls-remote", self._address(name), f"refs/heads/{branch}")
        if not listed:
            return None
        refs = f"+refs/heads/{branch}:{here}"
        with alone_in(self._path(project)) as halves:
            try:
                await self._remote(project, name, f"to give {branch} of {name}", "fetch", *options, self._address(name), refs)
            except (AnswerLost, GitHubRefused):
                if not any(each.stat().st_size >= self._most for each in halves()):
                    raise
                raise HistoryTooLarge(name, self._most // MEGABYTE) from None
        return (await git("rev-parse", "--verify", here, repository=self._path(project))).line

    async def _remote(self, project: str, name: str, attempted: str, *command: str) -> str:
        safe = (("transfer.fsckObjects", "true"), ("fetch.unpackLimit", "1"))  # one file, however much it is: so it has a bound
        settings = ((f"protocol.{self._site.protocol}.allow", "always"), *safe)
        lent = lent_environment(self._address(name), await self._github.credential(name), *settings)
        try:
            said = {**self._environment(), **lent}
            return (await git(*command, repository=self._path(project), environment=said, most=self._most)).line
        except Broken as error:
            words = str(error)
        if "cannot lock ref" in words or "incorrect old value" in words:  # somebody moves it at this moment
            raise TryAgain(words)
        if any(word in words.lower() for word in NETWORK):
            raise AnswerLost("GitHub", attempted, words)
        found = STATUS.search(words)
        status = int(found[1]) if found else 0
        raise GitHubRefused(attempted, status, words, CURES.get(status, ""))

    def _environment(self) -> dict[str, str]:
        passed = {key: os.environ[key] for key in PROXIES if key in os.environ}
        return {**passed, **({"GIT_SSL_CAINFO": self._ca_bundle} if self._ca_bundle else {})}

    def _address(self, name: str) -> str:
        return f"{self._site.address(name)}.git"

    def _path(self, project: str) -> Path:
        return self._folder / f"{formed_slug(project)}.git"


@contextmanager
def alone_in(repository: Path) -> Iterator[Callable[[], list[Path]]]:
    """Let this be the only fetch into the repository, and leave no half pack there; raise TryAgain during another one.

    Yield what lists halves: git leaves one where the network, its bound or a kill ends it, and here nobody collects garbage.
    """

    def halves() -> list[Path]:
        return list((repository / "objects" / "pack").glob("tmp_*"))

    with (repository / "fetching").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryAgain(f"another fetch into {repository.name} is at work") from None
        try:
            yield halves
        finally:
            for half in halves():
                half.unlink(missing_ok=True)
