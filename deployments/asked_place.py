"""What commands ask of an installation: of the one on this machine, or by the HTTP API of one elsewhere."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from domain.audit import AuditLine
from domain.escalations import Escalation
from domain.runs import Progress
from domain.values import Value

if TYPE_CHECKING:
    from rich.console import Console


class Output(Value):
    """What a project's app printed, and which release of it; None of what is not online."""

    release: int | None = None
    text: str = ""


class GoneBack(Value):
    """What came of a rollback, as far as it is known when the command ends."""

    outcome: str
    project: str
    bad: int | None = None
    """Release that served, if one did."""
    good: int | None = None
    """Release that it went back to, if that is known."""
    message: str
    is_done: bool


class Place(Protocol):
    """An installation. Documents are those of deployments/documents.py; raises BadInput for what is not there."""

    async def overview(self) -> dict[str, Any]: ...

    async def project(self, slug: str) -> dict[str, Any]: ...

    async def runs(self) -> Sequence[dict[str, Any]]: ...

    async def run(self, run: str) -> dict[str, Any]: ...

    async def last_run(self, project: str) -> tuple[str, str] | None:
        """Return id and first line of the project's last run."""
        ...

    def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        """Yield what happened in the run, in order; with `stay`, until it rests."""
        ...

    async def output(self, project: str, lines: int) -> Output: ...

    async def history(self, project: str) -> Sequence[AuditLine]: ...

    async def costs(self, project: str) -> dict[str, Any]: ...

    async def cancel(self, run: str) -> tuple[dict[str, Any], bool]:
        """Stop it, and return it; False when it had ended before."""
        ...

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack: ...

    async def question(self, run: str) -> Escalation: ...

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation: ...

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str: ...

    async def secrets(self, project: str) -> Sequence[dict[str, Any]]: ...

    async def domains(self, project: str) -> Sequence[str]: ...

    async def remove_domain(self, project: str, host: str) -> str: ...

    async def tell_news(self, screen: "Console") -> None:
        """Print what this person was not told yet, where this is the place to be told."""
        ...
