"""The Protocols that blocks fulfil, beyond those that live beside their values.

Beside their values: engines in `workers`, ModelClient and Transcripts in `conversations`, Ledger in `usage`, Proxy in `routes`,
Proofs in `proofs`, Releases in `releases`, Rollbacks in `rollbacks`, Domains in `host_claims`, Previews in `previews`,
Snapshots in `snapshots`, DataKeeper in `app_data`, Resources and their runner in `resources`,
People in `people`, Members in `admission`, Invitations in `invitations`, Spending in `allowances`, Buttons in `buttons`,
Bots in `bots`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from domain.admission import Members
from domain.allowances import Spending
from domain.audit import AuditLine
from domain.bots import Bots
from domain.briefs import Brief
from domain.buttons import Buttons
from domain.checks import Check
from domain.complaints import Complaint
from domain.conversations import Transcripts
from domain.environment import EnvironmentVersion, Source
from domain.escalations import Answer, Diagnosis, Escalation
from domain.git_credentials import GitCredential
from domain.host_claims import Domains
from domain.invitations import Invitations
from domain.patches import Commit, Extent, Patch
from domain.people import People
from domain.previews import Previews
from domain.proofs import Proofs
from domain.releases import Releases
from domain.remarks import Remark
from domain.resources import Resources
from domain.rollbacks import Rollbacks
from domain.runs import DeliveryRequest, Notification, Origin, Progress, Project, ReleaseRequest, Run, RunState
from domain.snapshots import Snapshots
from domain.usage import Ledger, Reservation, UsageLine
from domain.vault import SecretInfo


class Registry(
    Ledger,
    Transcripts,
    Proofs,
    Releases,
    Rollbacks,
    Domains,
    Previews,
    Snapshots,
    Resources,
    People,
    Members,
    Invitations,
    Spending,
    Buttons,
    Bots,
    Protocol,
):
    """The durable truth: each method is one short transaction."""

    # projects
    async def add_project(self, brief: Brief, owner: str, domain: str, at: datetime) -> Project:
        """Reserve the slug and store the Brief; raise BadInput with the cure when the slug is taken."""
        ...

    async def project(self, slug: str) -> Project | None: ...
    async def projects(self) -> Sequence[Project]: ...
    async def set_brief(self, slug: str, brief: Brief) -> None: ...
    async def set_repository(self, slug: str, repository: str) -> None:
        """Name the project's repository at GitHub, OWNER/NAME; empty: it has none."""
        ...

    async def remove_project(self, slug: str) -> None:
        """Forget the project with its checks and releases; runs and ledger lines stay."""
        ...

    # acceptance ledger
    async def checks(self, project: str) -> Sequence[Check]:
        """Return the active executable checks, oldest first."""
        ...

    async def set_checks(self, project: str, run: str, checks: Sequence[Check], retired: Sequence[str]) -> None:
        """Add or replace the run's checks by id and retire those that cover `retired` Brief checks."""
        ...

    # runs
    async def add_run(self, request: DeliveryRequest | ReleaseRequest, at: datetime) -> Run:
        """Store a queued run; the same id again returns the stored one."""
        ...

    async def run(self, run: str) -> Run | None: ...
    async def runs(self, project: str | None = None, limit: int = 50, *, person: str | None = None) -> Sequence[Run]:
        """Return runs, newest first: all, or those of a project, or of one person's."""
        ...

    async def update_run(
        self,
        run: str,
        *,
        state: RunState | None = None,
        step: str | None = None,
        round: int | None = None,
        flow_run: str | None = None,
        address: str | None = None,
        message: str | None = None,
        waits_for: Sequence[str] | None = None,
        origin: Origin | None = None,
        ended: datetime | None = None,
    ) -> Run:
        """Change the given fields. A run that ended keeps its end: later changes of `state` are ignored."""
        ...

    async def add_progress(
        self,
        run: str,
        kind: str,
        text: str,
        at: datetime,
        step: str = "",
        data: dict[str, str | int | float | bool] | None = None,
    ) -> Progress:
        """Append with the next sequence number."""
        ...

    async def progress(self, run: str, after: int = 0) -> Sequence[Progress]: ...

    # environment versions
    async def add_environment(self, project: str, secrets: dict[str, str], plain: dict[str, str]) -> EnvironmentVersion:
        """Store as the next version; equal content to the newest returns that one."""
        ...

    async def environment(self, project: str, number: int) -> EnvironmentVersion | None: ...

    async def variables(self, project: str) -> Mapping[str, Source]:
        """Return who provides each variable that was decided about."""
        ...

    async def decide_variables(self, project: str, sources: Mapping[str, Source], by: str) -> None:
        """Store who provides these; what was decided before stays."""
        ...

    # outbox
    async def add_notification(self, notification: Notification) -> bool:
        """Store it; False when the key is there already."""
        ...

    async def unsent(self, channel: str) -> Sequence[Notification]: ...
    async def notifications(self, channel: str, since: datetime) -> Sequence[Notification]:
        """Return what was written for the channel since then, sent or not, in the order it was added."""
        ...

    async def mark_sent(self, key: str, at: datetime) -> None: ...

    # the dialogue
    async def newest_epoch(self, name: str) -> int | None:
        """Return the epoch of the person's newest session that said anything; None when there is none."""
        ...

    # remarks
    async def add_remark(self, run: str, person: str, text: str, at: datetime) -> Remark:
        """Append with the next sequence number; raise UnknownObject when there is no such run."""
        ...

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        """Return the run's remarks with a sequence above `after`, in order."""
        ...

    # questions to people
    async def add_escalation(
        self, run: str, number: int, diagnosis: Diagnosis, asked: datetime, deadline: datetime
    ) -> Escalation:
        """Store the question; the same number again returns the stored one."""
        ...

    async def answer_escalation(self, run: str, number: int, answer: Answer, at: datetime) -> bool:
        """Store the answer if there is none; False when another one counts already."""
        ...

    async def escalations(self, run: str) -> Sequence[Escalation]:
        """Return the run's questions, oldest first."""
        ...

    # ledger lines
    async def budget(self, project: str) -> int:
        """Return what the project may spend in all, in millionths of a USD."""
        ...

    async def reservations(self, before: datetime) -> Sequence[Reservation]:
        """Return what was set aside before that time and neither settled nor given back, oldest first."""
        ...

    async def usage(
        self, project: str | None = None, run: str | None = None, since: datetime | None = None
    ) -> Sequence[UsageLine]: ...

    # audit
    async def audit(self, line: AuditLine) -> None:
        """Append it; `tasks.audit.record` is who calls this."""
        ...

    async def history(self, project: str | None = None, since: datetime | None = None) -> Sequence[AuditLine]:
        """Return the lines of one project or of all, since then or all, in the order in which they were written."""
        ...


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
