"""GitHub, the second home of a project's code: what is read and written there.

A repository is always OWNER/NAME.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from domain.values import Value

CHECK = "slipway/tests"
"""Name of our check of a commit."""

AccessLevel = Literal["admin", "write", "read", "none"]
Reaction = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]
Conclusion = Literal["success", "failure", "neutral"]


class RemoteRepository(Value):
    """A repository at GitHub."""

    name: str = Field(description="OWNER/NAME, as GitHub spells it")
    url: str
    private: bool
    description: str = ""
    default_branch: str = "main"


class RemotePush(Value):
    """The newest push to a branch."""

    after: str
    """The commit at which it left the branch."""
    sender: str
    by_person: bool
    at: datetime


class PullRequest(Value):
    """A pull request, open or not."""

    number: int
    url: str
    title: str = ""
    body: str = ""
    open: bool
    branch: str
    commit: str


class Remark(Value):
    """A comment on an issue or pull request."""

    id: int
    author: str
    body: str
    url: str


class RemoteIssue(Value):
    """An issue; GitHub counts a pull request as one too."""

    number: int
    title: str
    body: str
    author: str
    labels: tuple[str, ...] = ()
    open: bool = True
    pull_request: bool = False


class Annotation(Value):
    """One remark of a check at a line of a file."""

    path: str
    line: int = 1
    title: str
    message: str


class CommitCheck(Value):
    """What a check run says of a commit; `run` is its identity, by which it is found again."""

    run: str
    commit: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    details_url: str = ""


class Deployment(Value):
    """That a commit is online; a release that comes back later is another one."""

    run: str
    commit: str
    since: datetime
    """When it was switched to: by this and the run it is found again."""
    address: str
