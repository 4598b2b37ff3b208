"""What an engine or the data folder holds for this installation, as things that can be judged and removed one by one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.values import Value


class Held(Value):
    """One thing that an engine or the data folder holds."""

    kind: str
    """What it is: release, preview, data-of-copy, resource, volume-maker, network, volume, image, receipt, run-log,
    attachment, attachment-of-run, others."""
    name: str
    """By which it is removed."""
    identity: str = ""
    """Of a copy: the one that its release has."""
    installation: str | None = None
    """Whose it says it is; None when it says nothing, and is found by its name alone."""
    projects: tuple[str, ...] = ()
    """All that it is for; empty when it is for all."""
    run: str = ""
    made: datetime | None = None
    """When it was made, or last written to; None when that is not known."""


class Holder(Protocol):
    """Something that holds things for this installation: an engine, the data folder."""

    async def held(self) -> Sequence[Held]:
        """List everything that is this installation's by its label, or by its name where it has no label."""
        ...

    async def discard(self, held: Held) -> bool:
        """Remove it; False when it is gone, still in use, or turns out to be somebody else's."""
        ...
