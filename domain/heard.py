"""What Slipway listens to at GitHub: a push to the main branch, a label, a command in a comment, a repository's new name."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from domain.values import Value


class _At(Value):
    """What all have: where, who and when."""

    repository: str
    """OWNER/NAME."""
    sender: str
    """Login of who did it."""
    happened: datetime | None = None
    """None where GitHub does not say it."""


class Pushed(_At):
    """A person moved the main branch."""

    kind: Literal["pushed"] = "pushed"
    branch: str
    before: str
    after: str
    title: str = ""
    """First line of the newest commit's message."""
    forced: bool = False


class Labelled(_At):
    """An issue was given the label that makes it a request."""

    kind: Literal["labelled"] = "labelled"
    issue: int
    title: str
    text: str


class Commented(_At):
    """Somebody wrote a command under an issue."""

    kind: Literal["commented"] = "commented"
    issue: int
    comment: int
    """Id of the comment."""
    words: str
    """The command without its first word."""


class Moved(_At):
    """The repository has another name or owner."""

    kind: Literal["moved"] = "moved"
    former: str
    """OWNER/NAME that it had."""


Event = Pushed | Labelled | Commented | Moved
Heard = Annotated[Event, Field(discriminator="kind")]
