"""What the Product Owner's tools may have done; the code behind it knows how."""

from typing import Protocol

from domain.proposals import Proposal
from domain.runs import Origin, Run


class Deeds(Protocol):
    """Each is done once for the same key or proposal, however often it is asked for."""

    async def start(self, proposal: Proposal) -> Run: ...

    async def cancel(self, run: str, who: str) -> Run:
        """End the run as cancelled."""
        ...

    async def rollback(self, project: str, reason: str, who: str, *, key: str | None = None) -> str:
        """Start going back to the release before; raise NothingToRollBackTo or BadInput when that cannot be."""
        ...

    async def ask_secret(self, project: str, name: str, why: str, origin: Origin, *, key: str) -> None:
        """Ask the person for a secret by its name, once for the same key; its value goes to the vault and to nobody else."""
        ...

    async def output(self, project: str) -> str:
        """Return the last lines that the project's app printed, redacted; empty when nothing of it is online."""
        ...

    async def add_domain(self, project: str, host: str, who: str) -> str:
        """Let the host lead to the project as well and return its address; raise BadInput when it may not."""
        ...
