"""What is written down about projects: one Protocol, made of those that live beside their values and of what all of them share.

`blocks.registry.block` fulfils it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.admission import Members
from domain.allowances import Spending
from domain.audit import AuditLine
from domain.bots import Bots
from domain.briefs import Brief
from domain.buttons import Buttons
from domain.checks import Check
from domain.conversations import Transcripts
from domain.environment import EnvironmentVersion, Source
from domain.escalations import Answer, Diagnosis, Escalation
from domain.host_claims import Domains
from domain.invitations import Invitations
from domain.listings import ProjectLines
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


class Registry(
    Ledger,
    Transcripts,
    Proofs,
    Releases,
    ProjectLines,
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
        """Name the project's repository at GitHub, OWNER/NAME; empty: it has none. Raise BadInput when it is another's."""
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
    async def runs(
        self, project: str | None = None, limit: int = 50, *, person: str | None = None, ended: bool | None = None
    ) -> Sequence[Run]:
        """Return runs, newest first; those of one project, that one person asked for, or that have or have not ended."""
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
