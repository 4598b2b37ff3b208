"""Buttons on their way out and back: what they do stays in the registry, the chat has references."""

from collections.abc import Sequence
from datetime import UTC, datetime

from deployments.bot.messages import Said
from domain.buttons import Buttons, button
from domain.values import Value

Labelled = tuple[tuple[str, str], ...]
"""Buttons as (label, action), or as (label, reference)."""


class Dead(Value):
    """A button that does nothing for whoever pressed it; `why` is the key of the sentence that says so."""

    why: str


async def referenced(buttons: Sequence[tuple[str, str]], person: str, registry: Buttons) -> Labelled:
    """Store the person's buttons, before they can be seen; return them with references in the place of actions."""
    now = datetime.now(UTC)
    made = [(label, button(person, action, now)) for label, action in buttons]
    await registry.show_buttons(*(each for _, each in made))
    return tuple((label, each.reference) for label, each in made)


async def meant(said: Said, registry: Buttons) -> Said | Dead:
    """Return what was said, a pressed button as its action."""
    if not said.press:
        return said
    found = await registry.pressed(said.text)
    if found is None:
        return Dead(why="dead_button")
    return said.model_copy(update={"text": found.action}) if found.person == said.person else Dead(why="not_yours")
