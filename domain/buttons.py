"""Buttons in chats: what one does is kept here, the messenger is told a short reference to it."""

import hashlib
from datetime import datetime, timedelta
from typing import Protocol

from domain.values import Value

KEPT = timedelta(days=90)
"""A button that was last shown longer ago is dead."""
LENGTH = 20


class Button(Value):
    """One button of one person."""

    reference: str
    person: str
    action: str
    """What pressing it does: a command as the person would type it, or a verb with its object."""
    shown: datetime


def button(person: str, action: str, at: datetime) -> Button:
    """Return the person's button for the action; the same two have the same reference, so that showing it again is no new one.

    The reference is an address and no secret: whoever presses is compared with `person`.
    """
    digest = hashlib.sha256(f"{person}\n{action}".encode()).hexdigest()
    return Button(reference=digest[:LENGTH], person=person, action=action, shown=at)


class Buttons(Protocol):
    """The registry's part that knows them."""

    async def show_buttons(self, *buttons: Button) -> None:
        """Store them, or that they were shown again; those shown longer ago than `KEPT` are forgotten."""
        ...

    async def pressed(self, reference: str) -> Button | None:
        """Return the button of this reference; None when it is unknown or was forgotten."""
        ...
