"""Git's questions at the gateway: the credential of the asking run's own repository, or nothing.

Each answer is a line of the run's receipt and of the service's log, without the credential. Nothing is kept here: a token that
its person replaces or deletes is another one, or none, at the next question.
"""

import logging
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from blocks.egress_receipts import CredentialReceipts
from deployments.gateway.guests import Refused, registry_refusal
from domain.errors import BadInput, SlipwayError
from domain.gateway import Access, Refusal
from domain.git_credentials import TOKEN_SECRET, GitCredential, Question, Site, question_of, told, why_not
from domain.protocols import RepositoryCredentials
from domain.receipts import CredentialAnswer
from domain.runs import Project

log = logging.getLogger("slipway.gateway")

QUESTIONS = 500
"""Of one run in all; git asks once for each fetch and push. So no receipt grows without end."""

UNREAD = "this is no question of git's"


class ProjectReader(Protocol):
    """The part of the registry that knows a project's repository."""

    async def project(self, slug: str) -> Project | None: ...


class Told(NamedTuple):
    """An answer in git's words, and why it is empty when it is."""

    body: bytes
    why: str

    @property
    def headers(self) -> list[tuple[str, str]]:
        reason = [("x-slipway-reason", self.why)] if self.why else []
        return [("content-type", "text/plain"), ("cache-control", "no-store"), *reason]


class CredentialDesk:
    """Answers for one installation."""

    def __init__(
        self,
        projects: ProjectReader,
        credentials: RepositoryCredentials,
        site: Site,
        receipts: CredentialReceipts,
        questions: int = QUESTIONS,
    ) -> None:
        self._projects = projects
        self._credentials = credentials
        self._site = site
        self._receipts = receipts
        self._questions = questions
        self._asked: Counter[str] = Counter()

    async def answer(self, access: Access, body: bytes) -> Told:
        """Return what the run's git is told; raise Refused when it has asked too often, or nobody can be asked."""
        await self._count(access.run)
        question = question_of(body)
        try:
            found = await self._found(access.project, question) if question else UNREAD
        except SlipwayError as error:
            raise Refused(registry_refusal(error)) from error
        told_now = Told(b"", found) if isinstance(found, str) else Told(told(found), "")
        await self._write_down(access, question or Question(), told_now.why)
        return told_now

    async def _found(self, project: str, question: Question) -> GitCredential | str:
        """Return the credential, or why there is none."""
        known = await self._projects.project(project)
        repository = known.repository if known else ""
        if why := why_not(question, self._site, repository):
            return why
        try:
            found = await self._credentials.credential(project, repository)
        except BadInput as error:
            return str(error)
        return found or f"the project has no secret {TOKEN_SECRET}: its person stores it with `slipway secret set`"

    async def _count(self, run: str) -> None:
        if run not in self._asked:
            self._asked.setdefault(run, len(await self._receipts.of_run(run)))
        self._asked[run] += 1
        if self._asked[run] > self._questions:
            why = f"{run} has asked for a credential {self._questions} times already"
            raise Refused(Refusal(status=429, type="rate_limit_error", message=why))

    async def _write_down(self, access: Access, question: Question, why: str) -> None:
        asked = question.address if question != Question() else ""
        await self._receipts.append(access.run, CredentialAnswer(at=datetime.now(UTC), asked=asked, refused=why))
        log.info("git of %s (%s) asked for %r: %s", access.run, access.project, asked, why or "given")
