"""The Protocols that blocks fulfil, beyond those that live beside their values.

Beside their values: engines in `workers`, ModelClient and Transcripts in `conversations`, Ledger in `usage`, Proxy in `routes`,
Proofs in `proofs`, Releases in `releases`, Rollbacks in `rollbacks`, Domains in `host_claims`, Previews in `previews`,
Snapshots in `snapshots`, DataKeeper in `app_data`, Resources and their runner in `resources`,
People in `people`, Members in `admission`, Invitations in `invitations`, Spending in `allowances`, Buttons in `buttons`,
Bots in `bots`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from domain.complaints import Complaint
from domain.git_credentials import GitCredential
from domain.patches import Commit, Extent, Patch
from domain.vault import SecretInfo


class Vault(Protocol):
    """Project secrets by name, each in versions: a value that was stored never changes."""

    async def put(self, project: str, key: str, value: str, *, generated: bool = False, unchecked: bool = False) -> str:
        """Store the value as the newest version and return its reference; the newest value again is that version."""
        ...

    async def get(self, reference: str) -> str:
        """Return the value; raise UnknownObject when there is none."""
        ...

    async def listed(self, project: str) -> Sequence[SecretInfo]:
        """Return all versions whose value is there, by key and version; no value is loaded."""
        ...

    async def names(self, project: str) -> Sequence[str]:
        """Return the keys, sorted, whose newest value may be used: it is there, and nobody complained of it."""
        ...

    async def complain(self, reference: str, complaint: Complaint) -> None:
        """Write down that this value cannot be used; it counts as missing until another one is put."""
        ...

    async def adopt(self, project: str, key: str) -> None:
        """Take in what a person stored under the key's name in Prefect's own UI; nothing happens when that is nothing."""
        ...

    async def forget(self, project: str, references: Sequence[str]) -> None:
        """Drop these versions of the project's; nothing happens to those that are gone or another's."""
        ...

    async def delete(self, project: str, key: str) -> None:
        """Drop all versions of the key; nothing happens when there is none."""
        ...

    async def clear(self, project: str) -> None:
        """Drop everything of the project, half stored versions too."""
        ...


class RepositoryCredentials(Protocol):
    """What opens a project's repository at its host, for the project's own workers."""

    async def credential(self, project: str, repository: str) -> GitCredential | None:
        """Return what opens `repository` (OWNER/NAME) and nothing else; None when the project has nothing for it.

        Raise BadInput, with the cure, for what the project has and must not be used.
        """
        ...


class GitHost(Protocol):
    """Repositories. `branch` names are plain, like main or run/r-abc."""

    async def create(self, project: str) -> None:
        """Make an empty repository; nothing happens when it is there."""
        ...

    async def exists(self, project: str) -> bool: ...

    async def head(self, project: str, branch: str = "main") -> str | None:
        """Return the commit of the branch; None when it has none."""
        ...

    async def checkout(self, project: str, commit: str, folder: Path) -> None:
        """Put a clean clone at `commit`, detached, with history, into the empty `folder`."""
        ...

    async def read(self, project: str, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Return the text of each of `paths` that is a file in the commit, cut to a known size; links are not followed."""
        ...

    async def commit_tree(
        self, project: str, folder: Path, *, branch: str, parent: str | None, message: str, author: str
    ) -> Commit:
        """Commit exactly the files of `folder` (without its .git, by its .gitignore) onto `parent` and point `branch` at it.

        No hook, filter or configuration of the folder is used. Files unchanged: the parent's own commit comes back.
        """
        ...

    async def patch(self, project: str, base: str | None, commit: str) -> Patch:
        """Return what changed between two commits, with a diff of known length to be shown; `base` None means from nothing."""
        ...

    async def extent(self, project: str, base: str | None, commit: str) -> Extent:
        """Return which lines of which files changed between two commits, also where the shown diff is cut."""
        ...

    async def fork(self, project: str, one: str, other: str) -> str | None:
        """Return the newest commit that both build on; None when they share none."""
        ...

    async def advance(self, project: str, branch: str, commit: str) -> None:
        """Fast-forward `branch`; raise Broken when it is not an ancestor. The same commit again changes nothing."""
        ...

    async def take_back(self, project: str, branch: str, commit: str, to: str) -> None:
        """Let `branch` stand at `to` again; nothing happens when it does not stand at `commit`."""
        ...

    async def delete(self, project: str) -> None: ...


class Wakeups(Protocol):
    """Hints between processes, and short locks. A hint can be lost: whoever waits also looks at the registry."""

    async def publish(self, channel: str, text: str) -> None: ...

    def subscribe(self, *channels: str) -> AbstractAsyncContextManager[AsyncIterator[tuple[str, str]]]:
        """Yield (channel, text) as they come; entering returns only when the subscription stands."""
        ...

    async def lock(self, name: str, owner: str, seconds: float) -> int | None:
        """Take or extend the lease; return its fencing number, which grows with each new owner; None when another has it."""
        ...

    async def unlock(self, name: str, owner: str) -> None:
        """Give it back; nothing happens when another has it."""
        ...


class Chat(Protocol):
    """A messenger."""

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        """Send a message with buttons (label, data), without a sound when `quiet`, and return its id.

        Raises AnswerLost when it is not known whether it was sent.
        """
        ...

    async def ask(self, chat: str, html: str, hint: str) -> str:
        """Send a question that the person's next message answers, `hint` shown in its empty field; return its id."""
        ...

    async def edit(self, chat: str, message: str, html: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        """Replace a message; nothing happens when it reads the same already."""
        ...
