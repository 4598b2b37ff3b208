"""What commands ask of an installation: of the one on this machine, or by the HTTP API of one elsewhere."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from deployments.place_values import Document, GoneBack, Led, Offer, Output, Wish
from domain.audit import AuditLine
from domain.escalations import Escalation
from domain.runs import Progress

if TYPE_CHECKING:
    from rich.console import Console


class Projects(Protocol):
    """An installation's projects and runs. Everything raises BadInput for what is not there."""

    async def overview(self) -> Document: ...

    async def project(self, slug: str) -> Document: ...

    async def known(self, project: str) -> None:
        """Return when there is such a project: nobody is asked anything for nothing."""
        ...

    async def runs(self) -> Sequence[Document]: ...

    async def run(self, run: str) -> Document: ...

    async def last_run(self, project: str) -> tuple[str, str] | None:
        """Return id and first line of the project's last run."""
        ...

    def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        """Yield what happened in the run, in order; with `stay`, until it rests."""
        ...

    async def output(self, project: str, lines: int) -> Output: ...

    async def history(self, project: str) -> Sequence[AuditLine]: ...

    async def costs(self, project: str) -> Document: ...

    async def proof(self, project: str, run: str | None) -> Document:
        """Return the run's proof, or the newest, with the key of its signature and whether that holds."""
        ...

    async def archive(self, project: str, target: Path) -> None:
        """Write the project's code into a new zip."""
        ...

    async def cancel(self, run: str) -> tuple[Document, bool]:
        """Stop it, and return it; False when it had ended before."""
        ...

    async def tell(self, whom: str, text: str) -> Document:
        """Say something to a run, or to the one open run of a project; `message` says when it is heard."""
        ...

    async def propose(self, wish: Wish, screen: "Console") -> Offer:
        """Turn the wish into a Brief, and show on the screen that this takes its time."""
        ...

    async def accept(self, offer: Offer) -> Document:
        """Start the run of the Brief, and return it; accepted again, it is that run."""
        ...

    async def decline(self, offer: Offer) -> None:
        """Let nothing come of the Brief."""
        ...

    async def roll_back(self, project: str, reason: str, version: int | None, data: str) -> GoneBack: ...

    async def question(self, run: str) -> Escalation: ...

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation: ...

    async def take_down(self, project: str) -> None: ...

    async def tell_news(self, screen: "Console") -> None:
        """Print what this person was not told yet, where this is the place to be told."""
        ...


class Belongings(Protocol):
    """What belongs to a project: secrets, host names, previews, a repository at GitHub."""

    async def secrets(self, project: str) -> Sequence[Document]: ...

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str: ...

    async def lost_without(self, project: str, name: str, *, old: bool) -> Sequence[int]:
        """Return the kept releases that could not be brought back without its values, or without the old ones."""
        ...

    async def remove_secret(self, project: str, name: str, given_up: Sequence[int], *, old: bool) -> str:
        """Forget its values, or only the old ones; BadInput where a release is lost with that which is not given up."""
        ...

    async def is_made_up(self, project: str, name: str) -> bool:
        """Tell whether Slipway makes up its next value too; raise BadInput when it is not to be rotated."""
        ...

    async def rotate(self, project: str, name: str, value: str | None, *, unchecked: bool) -> Document | None:
        """Give it another value, and return the run that lets the app have it; None when nothing that serves uses it."""
        ...

    async def rotated(self, project: str, name: str, run: str | None) -> str:
        """Say what serves with which value now."""
        ...

    async def forget_unneeded(self, project: str, name: str) -> int:
        """Drop its earlier values that nothing needs, and return how many."""
        ...

    async def domains(self, project: str) -> Sequence[str]: ...

    async def add_domain(self, project: str, host: str, *, main: bool) -> Led: ...

    async def remove_domain(self, project: str, host: str) -> str: ...

    async def previews(self, project: str) -> Sequence[Document]: ...

    async def preview(self, project: str, number: int | None) -> Document:
        """Return the preview of this number, else the newest that is open, else the newest."""
        ...

    async def confirm(self, project: str, number: int | None) -> Document:
        """Begin the run by which the preview goes live, and return it."""
        ...

    async def drop(self, project: str, number: int | None) -> Document: ...

    async def repository(self, project: str) -> Document: ...

    async def set_repository(self, project: str, name: str) -> None:
        """Set its repository at GitHub; an empty name takes it away."""
        ...

    async def invite_to_repository(self, project: str, login: str) -> None: ...

    async def transfer_repository(self, project: str, owner: str) -> None: ...


class Office(Protocol):
    """Whom and what the installation lets in: API keys, the pool of bots, invitations, people."""

    async def keys(self) -> Sequence[Document]: ...

    async def add_key(self, name: str, owner: str | None, scopes: Sequence[str], days: float | None) -> Document:
        """Return the new key's document, with all that it is as `key`."""
        ...

    async def revoke_key(self, which: str) -> Document: ...

    async def bots(self) -> Sequence[Document]: ...

    async def add_bot(self, token: str) -> Document: ...

    async def retire_bot(self, name: str) -> str: ...

    async def invitations(self) -> Sequence[Document]: ...

    async def invite(self, uses: int, days: float | None, note: str) -> Document:
        """Return the new invitation with its `code`, a `link` for that, and as `warning` why it does not count yet."""
        ...

    async def revoke_invitation(self, number: int) -> Document: ...

    async def people(self) -> Sequence[Document]: ...

    async def block(self, person: str) -> str: ...

    async def allow(self, person: str) -> str: ...

    async def limit(self, person: str, given: Mapping[str, float | None], *, usual: bool) -> str: ...


class Place(Projects, Belongings, Office, Protocol):
    """An installation."""
