"""A GitHub for a test: its API and its git over one folder, and who we are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from blocks.git.block import BareGitHost
from blocks.github.block import GitHubAccess
from blocks.github.git import GitHubRemote
from tests.fakes.git_server import GitServer
from tests.fakes.github_access import APP, Given, key_text
from tests.fakes.github_api import GitHubApi
from tests.fakes.github_state import State

OWNER, NAME = "club", "club/notes"
PERSONAL = "github_pat_11AAAAAA0octocat-of-the-tests"


@dataclass(frozen=True)
class Place:
    """Both halves of GitHub, and ours: the App's access, a person's, and git between."""

    api: GitHubApi
    git: GitServer
    app: GitHubAccess
    person: GitHubAccess
    host: BareGitHost

    @property
    def state(self) -> State:
        return self.api.state

    def kept_here(self) -> bytes:
        """Return everything in our own repositories."""
        return b"".join(path.read_bytes() for path in Path(self.host.folder).rglob("*") if path.is_file())

    def remote_of(self, who: GitHubAccess) -> GitHubRemote:
        """Return git between here and there with somebody's access."""
        return GitHubRemote(Path(self.host.folder), self.git.url, who)


@contextmanager
def github_place(folder: Path) -> Iterator[Place]:
    """Serve a GitHub with the organisation `club`, where the App is installed, and octocat's token; it has no repository."""
    key = folder / "app.pem"
    key.write_text(key_text())
    key.chmod(0o600)
    there, here = folder / "github", folder / "repositories"
    there.mkdir()
    with GitHubApi(there) as api, GitServer(there) as git:
        api.state.organisations.add(OWNER)
        api.access.installations[OWNER] = 77
        api.access.tokens[PERSONAL] = Given(api.state.login, (), {}, api.access.now.replace(year=2999))
        git.opens = api.access.opens
        app = GitHubAccess(api_url=api.url, app_id=APP, app_key_file=str(key))
        person = GitHubAccess(api_url=api.url, token=SecretStr(PERSONAL))
        yield Place(api, git, app, person, BareGitHost(folder=str(here)))
