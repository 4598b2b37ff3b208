"""Runs: one request on its way to a release, as people and processes follow it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from domain.attachments import Attachment
from domain.briefs import Brief
from domain.names import Slug
from domain.values import Value


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """Suspended until a person answers; no process, no cost."""
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (RunState.DELIVERED, RunState.FAILED, RunState.CANCELLED)


class Origin(Value):
    """Where a request came from, and so where its news go."""

    channel: Literal["cli", "telegram", "api", "github"] = "cli"
    chat: str = ""
    person: str = ""
    message: str = Field(default="", description="Message that is edited as the run goes on")


class DeliveryRequest(Value):
    """Input of the delivery flow; shown in the Prefect UI, so it holds names of secrets at most."""

    run: str = Field(pattern=r"^r-[a-z0-9]{6,32}$", description="Slipway's id of this run")
    project: Slug
    change: bool = Field(default=False, description="Work on the existing repository instead of making one")
    request: str = Field(max_length=20_000)
    brief: Brief
    origin: Origin = Origin()
    preview: Literal["", "copy", "empty"] = Field(
        default="", description="Show the change beside what serves first, with a copy of its data or with none; empty: go live"
    )
    attachments: tuple[Attachment, ...] = Field(default=(), description="Files of its person, by name and hash of content")
    commit: str = Field(
        default="",
        pattern=r"^([0-9a-f]{40})?$",
        description="A person's own commit: it is tested and delivered as it is",
    )


class ReleaseRequest(Value):
    """Input of the release flow: what was accepted before goes online again; shown in the Prefect UI."""

    run: str = Field(pattern=r"^r-[a-z0-9]{6,32}$", description="Slipway's id of this run")
    project: Slug
    change: Literal[True] = True
    request: str = Field(max_length=2_000, description="Why, in words for the history")
    commit: str
    candidate: str
    origin: Origin = Origin()
    preview: int | None = Field(default=None, description="Preview whose change this is, and becomes the project's own by it")
    again: bool = Field(default=False, description="It served when this was asked for: what serves instead by now goes online")


class Run(Value):
    """One row of the registry."""

    id: str
    project: str
    change: bool
    request: str
    state: RunState
    step: str = ""
    round: int = 0
    flow_run: str = ""
    """Prefect's id; empty until the run was handed over."""
    address: str = ""
    message: str = ""
    """How it ended or what it waits for, one sentence."""
    waits_for: tuple[str, ...] = ()
    """Names of the missing secrets, when it waits for such."""
    origin: Origin
    created: datetime
    ended: datetime | None = None


HAND_OVER_PATIENCE = timedelta(minutes=10)
"""Storing a run and handing it over takes a second; after so long the process between them is dead."""

NEVER_HANDED_OVER = "this request was written down but never started, because its process was ended: send it again"


def never_handed_over(run: Run, now: datetime) -> bool:
    """Tell whether nobody will ever work on the run."""
    return run.state is RunState.QUEUED and not run.flow_run and now - run.created > HAND_OVER_PATIENCE


WAITING_PATIENCE = timedelta(days=8)
"""Prefect ends a suspended run after seven days; a run of ours that still waits later waits for nothing."""

WAITED_TOO_LONG = "nobody gave what it waited for within seven days: send the request again when it is there"


def waited_too_long(run: Run, now: datetime) -> bool:
    """Tell whether the run waits for a person whose answer can no longer resume it."""
    return run.state is RunState.WAITING and now - run.created > WAITING_PATIENCE


class Progress(Value):
    """One thing that happened in a run; people and processes read these in order."""

    run: str
    sequence: int
    at: datetime
    kind: Literal["step", "round", "report", "cost", "note", "log", "waiting", "end"]
    step: str = ""
    text: str
    data: dict[str, str | int | float | bool] = Field(default_factory=dict)


STEPS: Sequence[str] = ("brief", "prepare", "plan", "develop", "test", "prove", "environment", "deploy", "watch")
"""The steps of a delivery in order, as cards and live views show them."""


def run_channel(run: str) -> str:
    """Name the channel on which a run's progress is hinted."""
    return f"slipway:run:{run}"


class Project(Value):
    """One row of the registry."""

    slug: str
    title: str
    kind: str
    owner: str
    brief: Brief
    created: datetime
    domain: str
    """Host name without port, like `notes.localhost`."""
    repository: str = ""
    """OWNER/NAME at GitHub; empty: it has none there."""


class Notification(Value):
    """One message to a person in the outbox; `key` makes it unique for ever."""

    key: str
    channel: str
    chat: str
    text: str
    run: str = ""
    created: datetime
    sent: datetime | None = None
