"""Bodies of GitHub's webhooks as what they tell; all that is not listened to is let go.

Shapes are those of GitHub's documentation ("Webhook events and payloads"); of each, only what is used is read.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.errors import BadInput
from domain.heard import Commented, Event, Labelled, Moved, Pushed
from domain.names import checked_repository
from domain.trimming import plain

COMMAND = "/slipway"
TITLE_LIMIT, TEXT_LIMIT = 300, 12_000
"""Characters of an issue's title and text that are read; together they fit into one request."""
NOWHERE = "0" * 40
"""The commit of a branch that is not there."""


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _repository(text: str) -> str:
    try:
        return checked_repository(text)
    except BadInput as error:
        raise ValueError(str(error)) from None


FullName = Annotated[str, AfterValidator(_repository)]
_FULL_NAME = TypeAdapter(FullName)


_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^[./-]|\.lock(/|$)|[./]$|^$")


def _branch(text: str) -> str:
    if len(text) > 250 or _NO_BRANCH.search(text):
        raise ValueError("git has no branch of that name (git-check-ref-format)")
    return text


class _Account(_Read):
    login: str = Field(max_length=60, pattern=r"^[A-Za-z0-9_-]+(\[bot\])?$")  # a managed user's has a _
    type: str


class _Repository(_Read):
    full_name: FullName
    default_branch: Annotated[str, AfterValidator(_branch)] = "main"
    pushed_at: datetime | None = None


class _Event(_Read):
    action: str = ""
    repository: _Repository
    sender: _Account


class _Message(_Read):
    message: str


Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class _Push(_Event):
    ref: str
    before: Sha
    after: Sha
    forced: bool = False
    head_commit: _Message | None = None


class _Issue(_Read):
    number: int = Field(ge=1, lt=2**53)
    title: str
    body: str | None = None
    updated_at: datetime
    pull_request: dict[str, Any] | None = None


class _Label(_Read):
    name: str


class _Labelled(_Event):
    issue: _Issue
    label: _Label


class _Comment(_Read):
    id: int = Field(ge=1, lt=2**63)
    body: str
    created_at: datetime


class _Commented(_Event):
    issue: _Issue
    comment: _Comment


class _Moved(_Event):
    name: str | None = Field(default=None, validation_alias=AliasPath("changes", "repository", "name", "from"))
    person: str | None = Field(default=None, validation_alias=AliasPath("changes", "owner", "from", "user", "login"))
    club: str | None = Field(default=None, validation_alias=AliasPath("changes", "owner", "from", "organization", "login"))


class Unreadable(ValueError):
    """The body is not what GitHub sends of such an event."""


def heard(event: str, body: bytes, label: str) -> Event | None:
    """Return what the delivery tells; None when it is nothing that is listened to. Raise Unreadable."""
    if event not in _KINDS:
        return None
    try:
        if event in _ACTIONS and _Action.model_validate_json(body).action not in _ACTIONS[event]:
            return None
        return _KINDS[event](body, label)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, wrong["loc"]))[:100]
        raise Unreadable(f"the body of this `{event}` cannot be read: {where or 'it'}: {wrong['msg'][:200]}") from None


class _Action(_Read):
    action: str = ""


_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "issues": ("labeled",),
    "issue_comment": ("created",),
    "repository": ("renamed", "transferred"),
}


def _pushed(body: bytes, _: str) -> Pushed | None:
    push = _Push.model_validate_json(body)
    place = push.repository
    on_main = push.ref == f"refs/heads/{place.default_branch}"
    if not on_main or push.after == NOWHERE or push.sender.type != "User":
        return None
    lines = plain(push.head_commit.message).splitlines() if push.head_commit else []
    return Pushed(
        repository=place.full_name,
        sender=push.sender.login,
        happened=_aware(place.pushed_at) if place.pushed_at else None,
        branch=place.default_branch,
        before=push.before,
        after=push.after,
        title=lines[0][:TITLE_LIMIT] if lines else "",
        forced=push.forced,
    )


def _labelled(body: bytes, label: str) -> Labelled | None:
    given = _Labelled.model_validate_json(body)
    if given.label.name != label or given.issue.pull_request is not None or given.sender.type != "User":
        return None
    return Labelled(
        repository=given.repository.full_name,
        sender=given.sender.login,
        happened=_aware(given.issue.updated_at),
        issue=given.issue.number,
        title=plain(given.issue.title)[:TITLE_LIMIT],
        text=plain(given.issue.body or "")[:TEXT_LIMIT],
    )


def _commented(body: bytes, _: str) -> Commented | None:
    said = _Commented.model_validate_json(body)
    first, *rest = plain(said.comment.body).split(maxsplit=1) or [""]
    if first != COMMAND or said.sender.type != "User":
        return None
    return Commented(
        repository=said.repository.full_name,
        sender=said.sender.login,
        happened=_aware(said.comment.created_at),
        issue=said.issue.number,
        comment=said.comment.id,
        words="".join(rest).strip()[:TEXT_LIMIT],
    )


def _moved(body: bytes, _: str) -> Moved:
    moved = _Moved.model_validate_json(body)
    owner, _, name = moved.repository.full_name.partition("/")
    former = _FULL_NAME.validate_python(f"{moved.club or moved.person or owner}/{moved.name or name}")
    return Moved(repository=moved.repository.full_name, sender=moved.sender.login, former=former)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_KINDS: Mapping[str, Callable[[bytes, str], Event | None]] = {
    "push": _pushed,
    "issues": _labelled,
    "issue_comment": _commented,
    "repository": _moved,
}
