"""What the API shows of each thing: exactly these fields, whatever the inside has more."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from deployments.place_values import begins
from domain.runs import Run
from domain.usage import TokenUsage


class Shown(BaseModel):
    """A shape takes what it shows, and leaves out the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Said(Shown):
    """What was done, in one sentence."""

    message: str


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
    open: bool = Field(description="Whether it has not ended")
    running: bool
    address: str
    run: str
    commit: str
    candidate: str
    data: str = Field(description="How much of the serving one's data it began with")
    reason: str = Field(description="Why it ended as it did")
    created: datetime
    expires: datetime


class ResourceShown(Shown):
    """A database of the project's own."""

    kind: str
    address: str = Field(description="Where apps of the project reach it")
    state: str
    restarts: int


class QuestionShown(Shown):
    """What a run asks its person."""

    run: str
    number: int
    diagnosis: dict[str, Any]
    asked: datetime
    deadline: datetime
    answer: dict[str, Any] | None = None
    answered: datetime | None = None
    answers: dict[str, str] = Field(description="By each possible choice: the command that answers so")


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


class RunShown(RunShort):
    """A run with its question, its test reports and its cost."""

    question: QuestionShown | None = None
    reports: tuple[str, ...]
    cost_usd: float
    calls: int
    tokens: TokenUsage
    flow_run: str = Field(default="", description="Its page in the Prefect UI, told on the machine itself alone")


class ProjectShown(ProjectShort):
    """A project with what belongs to it."""

    running: bool | None = Field(default=None, description="Of what serves; null when nothing does, or the engine is silent")
    releases: tuple[ReleaseShown, ...]
    previews: tuple[PreviewShown, ...]
    checks: tuple[str, ...] = Field(description="What it has to hold at each change")
    domains: tuple[str, ...] = Field(description="Host names that lead to it, its own first")
    resources: tuple[ResourceShown, ...]
    secrets: tuple[str, ...] = Field(description="Names; values are never shown")
    runs: tuple[RunShown, ...] = Field(description="The last five, newest first")


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

    project: str
    at: datetime
    actor: str
    what: str
    why: str
    version: int | None = None


class ProofShown(Shown):
    """What was proved of a run, signed, and whether the signature holds."""

    proof: dict[str, Any]
    signature: str = Field(description="Over the canonical form of `proof`, in hex")
    key: str = Field(description="This installation's public key, in hex")
    genuine: bool


class ProofKeyShown(Shown):
    """By which key this installation signs what it has proved; empty before the first proof."""

    key: str


class Heard(Said):
    """What was said to a run, and when its agent reads it."""

    run: str
    sequence: int
    person: str
    text: str
    at: datetime


class FileKept(Shown):
    """A file that is kept for its person's next requests."""

    name: str = Field(examples=["prices.csv"])
    kind: str = Field(description="`text`, `zip` or `photo`")
    bytes: int
    file: str = Field(description="Its mark: requests name it by that")


class Offered(Shown):
    """A Brief that may be accepted; nothing is started or reserved yet."""

    run: str = Field(description="Id of the run that it becomes")
    project: str
    brief: str = Field(description="What would be built, for people, as Markdown")
    offer: str = Field(description="Accepts it: only this installation makes them, each for its caller")


class Going(Said):
    """A rollback that has begun."""

    rollback: str = Field(description="Its id: by that its outcome is asked for")


class GoneBackShown(Shown):
    """What came of a rollback; without an outcome it goes on."""

    outcome: str | None
    project: str
    bad: int | None = Field(default=None, description="Release that served")
    good: int | None = Field(default=None, description="Release that serves now")
    message: str
    is_done: bool
