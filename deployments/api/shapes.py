"""What the API shows of each thing: exactly these fields, whatever the inside has more."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.runs import Run
from domain.usage import TokenUsage


class Shown(BaseModel):
    """A shape takes what it shows, and leaves out the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ProjectShort(Shown):
    """A project in a list."""

    project: str = Field(examples=["short-links"])
    title: str = Field(examples=["Short links"])
    kind: str = Field(description="Kind of project, as in the Brief")
    state: str = Field(description="`release N`, or `not online`", examples=["release 3"])
    address: str = Field(description="Empty when it is not online", examples=["http://short-links.localhost:8080"])
    waiting: tuple[str, ...] = Field(description="What its last run waits for")
    last_run: str = Field(examples=["r-0123456789 delivered"])
    cost_usd: float


class ReleaseShown(Shown):
    """A release: commit, candidate and version of the environment."""

    project: str
    number: int
    run: str
    commit: str
    candidate: str
    environment_version: int
    state: str = Field(examples=["live"])
    reason: str
    created: datetime
    went_live: datetime | None = None
    ended: datetime | None = None
    actor: str = ""
    unfit: bool = False


class PreviewShown(Shown):
    """A change that is up to be looked at."""

    preview: int
    state: str
    running: bool
    address: str
    run: str
    data: str = Field(description="How much of the serving one's data it began with")
    expires: datetime


class ResourceShown(Shown):
    """A database of the project's own."""

    kind: str
    state: str
    restarts: int


class ProjectShown(ProjectShort):
    """A project with what belongs to it."""

    running: bool | None = Field(default=None, description="Of what serves; null when nothing does, or the engine is silent")
    releases: tuple[ReleaseShown, ...]
    previews: tuple[PreviewShown, ...]
    checks: tuple[str, ...] = Field(description="What it has to hold at each change")
    domains: tuple[str, ...] = Field(description="Host names that lead to it, its own first")
    resources: tuple[ResourceShown, ...]
    secrets: tuple[str, ...] = Field(description="Names; values are never shown")


class QuestionShown(Shown):
    """What a run asks its person."""

    run: str
    number: int
    diagnosis: dict[str, Any]
    asked: datetime
    deadline: datetime
    answer: dict[str, Any] | None = None
    answered: datetime | None = None


class RunShort(Shown):
    """A run in a list."""

    run: str = Field(examples=["r-0123456789"])
    project: str
    state: str = Field(examples=["running"])
    step: str = Field(examples=["develop"])
    rounds: int
    address: str
    message: str = Field(description="How it ended, or what it waits for")
    waits_for: tuple[str, ...] = Field(description="Names of the secrets that it waits for")
    request: str = Field(default="", description="How the request begins")
    created: datetime
    ended: datetime | None = None


def short(run: Run) -> RunShort:
    return RunShort.model_validate({**run.model_dump(mode="json"), "run": run.id, "rounds": run.round, "request": begins(run)})


def begins(run: Run) -> str:
    """Return the first line of the request, cut."""
    return next(iter(run.request.splitlines()), "")[:100]


class RunShown(RunShort):
    """A run with its question, its test reports and its cost."""

    question: QuestionShown | None = None
    reports: tuple[str, ...]
    cost_usd: float
    calls: int
    tokens: TokenUsage


class ProgressShown(Shown):
    """One thing that happened in a run."""

    sequence: int
    at: datetime
    kind: str
    step: str
    text: str
    data: dict[str, str | int | float | bool]


class OutputShown(Shown):
    """What a project's app printed last."""

    release: int | None = Field(default=None, description="Which release; null when it is not online")
    text: str = ""


class CostShown(Shown):
    """What a project has cost, and what it may."""

    project: str
    cost_usd: float
    budget_usd: float
    calls: int
    tokens: TokenUsage


class HistoryLine(Shown):
    """Who changed what, when and why."""

    at: datetime
    actor: str
    what: str
    why: str
    version: int | None = None


class ProofShown(Shown):
    """What was proved of a run, signed, and whether the signature holds."""

    genuine: bool
    document: dict[str, Any]


class SecretShown(Shown):
    """One version of a secret; its value is never shown."""

    name: str
    version: int
    newest: bool
    made: datetime
    length: int | None = None
    made_by: str = Field(alias="from", description="`person`, or `slipway` for what it made itself")
    used_by: tuple[dict[str, Any], ...]
    problem: str | None = None


class Me(Shown):
    """The key with which this was asked."""

    prefix: str = Field(examples=["slipway_0123456789ab_"])
    name: str
    owner: str
    scopes: tuple[str, ...]
    expires: datetime | None = None


class KeyShown(Shown):
    """A key, without what would open anything."""

    id: str
    prefix: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    state: str = Field(description="`active`, `expired` or `revoked`")
    created: datetime
    expires: datetime | None = None
    used: datetime | None = Field(default=None, description="Last use, five minutes late at most")
    revoked: datetime | None = None
    maker: str = Field(default="", description="Id of the key that made it; empty: a person did")


class KeyRevoked(KeyShown):
    """A key that opens nothing any more."""

    made: tuple[KeyShown, ...] = Field(description="Those that were made by it, which open nothing any more either")


class NewKeyShown(KeyShown):
    """A key that was just made, with all that it is."""

    key: str = Field(description="Shown this once")


class BotShown(Shown):
    """A bot of the pool; its token is never shown."""

    username: str
    state: str
    project: str = Field(description="Who has it, or had it last")
    since: datetime


class Said(Shown):
    """What was done, in one sentence."""

    message: str
