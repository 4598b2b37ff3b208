"""The credential of a project's own repository: what git asks for, and whether it is told. Decisions only, no I/O.

Source: git-credential(1), input and output format. With credential.useHttpPath git asks for the path too.
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from domain.values import Value

TOKEN_SECRET = "GITHUB_TOKEN"  # noqa: S105  (a name)
"""Name of the project's secret that holds a personal token."""

TOKEN_USER = "x-access-token"  # noqa: S105  (a name)
"""User name that GitHub takes with any token."""

CLASSIC = ("ghp_", "gho_")
"""Beginnings of tokens that open all repositories of their owner (GitHub's documentation of token formats)."""

CLASSIC_REFUSED = (
    f"{TOKEN_SECRET} is a classic token, which opens all repositories of its owner: store a fine-grained one that is limited "
    "to this repository"
)

QUESTION_LIMIT = 8 * 1024
"""Bytes of one question; git's own have some two hundred."""

_FACTS = ("protocol", "host", "path", "username")


class Site(NamedTuple):
    """Where repositories are, in git's words: `https` and `github.com`."""

    protocol: str
    host: str

    def address(self, repository: str) -> str:
        return f"{self.protocol}://{self.host}/{repository}"


class GitCredential(Value):
    """What opens a repository."""

    username: str
    password: SecretStr


class Question(Value):
    """What git wants a credential for; empty where it says nothing of it."""

    protocol: str = ""
    host: str = ""
    path: str = ""
    username: str = ""

    @property
    def address(self) -> str:
        """Return it in one line, as a stranger said it: not to be followed, and cut."""
        return f"{self.protocol}://{self.host}/{self.path}"[:200]


def site_of(address: str) -> Site:
    """Return the site of a web address like https://github.com, without the port that goes without saying."""
    parts = urlsplit(address)
    usual = parts.port == {"https": 443, "http": 80}.get(parts.scheme)
    return Site(parts.scheme, parts.hostname or "" if usual else parts.netloc)


def question_of(body: bytes) -> Question | None:
    """Return the question; None for what git does not say: a fact twice, a whole address, controls, too many bytes."""
    try:
        lines = body.decode("ascii").split("\n") if len(body) <= QUESTION_LIMIT else []
        facts = list(_facts(lines))
    except ValueError:
        return None
    known = dict(facts)
    return Question(**known) if known and len(known) == len(facts) else None


def _facts(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a question says of the four facts; raise ValueError where it is none of git's."""
    for line in lines[: lines.index("")] if "" in lines else lines:
        name, sign, value = line.partition("=")
        if not sign or not line.isprintable() or name == "url":
            raise ValueError(line)
        if name in _FACTS:
            yield name, value


def why_not(question: Question, site: Site, repository: str) -> str:
    """Return why the question gets no credential; empty when it asks for exactly the repository, with or without `.git`.

    Nothing is normalised: what a server may take for the same by other spelling is another path here.
    """
    if not repository:
        return "this project has no repository: its person sets it with `slipway repository`"
    if (question.protocol, question.host) != site:
        return "this is another site than the project's repository"
    if question.path not in (repository, f"{repository}.git"):
        return "this is not the project's repository"
    if question.username not in ("", TOKEN_USER):
        return "this is for another user"
    return ""


def told(credential: GitCredential) -> bytes:
    """Return the answer in git's words."""
    return f"username={credential.username}\npassword={credential.password.get_secret_value()}\n".encode()
