"""What a block that reaches GitHub can do, and one that moves commits there. A repository is always OWNER/NAME."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import SecretStr

from domain.git_credentials import GitCredential
from domain.github import (
    AccessLevel,
    CommitCheck,
    Deployment,
    PullRequest,
    Reaction,
    Remark,
    RemoteIssue,
    RemotePush,
    RemoteRepository,
)


class Repositories(Protocol):
    """Repositories and what stands on them."""

    async def repository(self, name: str) -> RemoteRepository | None:
        """Return the repository; None when there is none that we may see."""
        ...

    async def known(self, name: str) -> RemoteRepository:
        """Return the repository that is there; raise GitHubRefused, with the cure, when there is none that we may see."""
        ...

    async def create(self, name: str, description: str, *, private: bool) -> RemoteRepository:
        """Make an empty repository; raise GitHubRefused when there is one already or we may not."""
        ...

    async def head(self, name: str, branch: str) -> str | None:
        """Return the commit of a branch; None when there is no such branch."""
        ...

    async def last_push(self, name: str, branch: str) -> RemotePush | None:
        """Return the newest push to the branch; None when GitHub knows of none."""
        ...

    async def advance(self, name: str, branch: str, commit: str) -> None:
        """Fast-forward a branch to a commit that is there; raise GitHubRefused when it is none."""
        ...

    async def protect(self, name: str, branch: str) -> None:
        """Let nobody force or delete the branch, and let in only what has passed our check."""
        ...

    async def set_secret(self, name: str, key: str, value: SecretStr) -> None:
        """Store a secret of the repository's workflows, sealed for it."""
        ...

    async def invite(self, name: str, person: str) -> None:
        """Invite a person as administrator; nothing happens when they are one."""
        ...

    async def transfer(self, name: str, owner: str) -> None:
        """Give the repository to another owner, who must accept it."""
        ...

    async def access(self, name: str, person: str) -> AccessLevel:
        """Return what a person may do there; `none` also for somebody who is not at GitHub."""
        ...


class Pulls(Protocol):
    """Pull requests."""

    async def of_branch(self, name: str, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch of the repository, open or not; None when there is none."""
        ...

    async def open_pull(self, name: str, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Ask that `branch` comes into `base`."""
        ...

    async def update_pull(self, name: str, number: int, title: str, body: str) -> None:
        """Give a pull request other words."""
        ...

    async def approved(self, name: str, number: int, commit: str) -> bool:
        """Tell whether somebody who may write approved this very commit, and nobody's last word is against it."""
        ...


class Reports(Protocol):
    """What is told about a commit."""

    async def report(self, name: str, check: CommitCheck) -> None:
        """Let one check run with the check's identity say this; a personal token, which may make none, sets a status."""
        ...

    async def is_deployed(self, name: str, deployment: Deployment) -> bool:
        """Tell whether GitHub shows this deployment as the active one."""
        ...

    async def deployed(self, name: str, deployment: Deployment) -> None:
        """Let this deployment be there once, and be the active one."""
        ...

    async def released(self, name: str, tag: str, title: str, body: str) -> None:
        """Publish a release of a tag that is there; nothing happens when it has one."""
        ...


class Talk(Protocol):
    """Issues and what is said at them; a pull request's number is an issue's too."""

    async def issue(self, name: str, number: int) -> RemoteIssue | None:
        """Return the issue; None when there is none."""
        ...

    async def comments(self, name: str, number: int) -> Sequence[Remark]:
        """Return all comments of the issue, oldest first."""
        ...

    async def comment(self, name: str, number: int, body: str) -> Remark:
        """Say something at an issue. Asked twice it is said twice: who may be killed looks at `comments` first."""
        ...

    async def edit_comment(self, name: str, comment: int, body: str) -> None:
        """Give a comment of ours other words."""
        ...

    async def react(self, name: str, reaction: Reaction, *, comment: int | None = None, issue: int | None = None) -> None:
        """React to a comment, or to an issue; the same reaction again changes nothing."""
        ...


class GitHub(Protocol):
    """GitHub as one App, or as one person by their token."""

    @property
    def repositories(self) -> Repositories: ...

    @property
    def pulls(self) -> Pulls: ...

    @property
    def reports(self) -> Reports: ...

    @property
    def talk(self) -> Talk: ...

    async def credential(self, name: str) -> GitCredential:
        """Return what opens the repository to git, for it alone where the access is an App's."""
        ...

    async def who(self) -> str:
        """Return as whom GitHub knows us: an App's slug or a person's login."""
        ...


class RemoteGit(Protocol):
    """Moves commits between our own repository of a project and its home at GitHub."""

    async def push(self, project: str, name: str, commit: str, reference: str) -> None:
        """Let `reference` (like refs/heads/main) at GitHub be the commit; never forced: raise GitHubRefused instead."""
        ...

    async def fetch(self, project: str, name: str, branch: str) -> str | None:
        """Bring a branch's commits into our repository, under no branch of it; return its head, None when there is none.

        Raise HistoryTooLarge where that is more than is taken at once.
        """
        ...
