"""Which command does what, and what a pressed button does: a button's action is a command, or a verb with a run."""

from collections.abc import Awaitable, Callable, Mapping

from deployments.bot.handlers import Handlers
from deployments.bot.messages import Said
from deployments.bot.owned import Owned
from deployments.bot.page import PageCommand
from deployments.bot.preferences import PersonCommands
from deployments.bot.preview_cards import CONFIRM
from deployments.bot.projects import ProjectCommands
from deployments.bot.releases import ReleaseCommands
from deployments.bot.runs import RunCommands
from deployments.bot.upkeep import UpkeepCommands
from deployments.wording.cards import STOP

Act = Callable[[Said], Awaitable[None]]

COMMANDS = (
    "start", "help", "new", "change", "projects", "status", "logs", "diff", "cost", "secrets", "rollback", "domain", "proof",
    "archive", "history", "preview", "down", "page", "cancel", "settings", "language",
)  # fmt: skip
"""All commands, in the order of the menu."""


class Commands:
    """All that a person can type after a slash, or press."""

    def __init__(self, handlers: Handlers) -> None:
        desk, speech, cards = handlers.desk, handlers.speech, handlers.cards
        owned = Owned(desk.registry, speech)
        projects = ProjectCommands(desk.registry, desk.vault, desk.look, owned, speech)
        person = PersonCommands(desk.registry, speech)
        self._registry = desk.registry
        self._speech = speech
        self._runs = RunCommands(desk, owned, speech, cards, handlers.forget)
        self._upkeep = UpkeepCommands(desk, owned, speech, cards)
        releases = ReleaseCommands(desk, owned, speech)
        page = PageCommand(desk.registry, speech, handlers.page_place)
        groups = (handlers, projects, self._runs, releases, self._upkeep, person, page)
        self.acts: Mapping[str, Act] = {
            name: next(getattr(group, name) for group in groups if hasattr(group, name)) for name in COMMANDS
        }

    async def press(self, said: Said) -> None:
        """Do what the button says: a command at once, else what concerns one of the person's runs."""
        if said.text.startswith("/"):
            await self._speech.heard(said)
            await self.acts[said.text[1:].split()[0]](said)
            return
        verb, _, name = said.text.partition(":")
        run = await self._registry.run(name) if verb in (STOP, CONFIRM) else None
        if run is None:
            await self._speech.pop(said, "dead_button")
        elif run.origin.person != said.person:
            await self._speech.pop(said, "not_yours")
        else:
            await (self._upkeep.confirm if verb == CONFIRM else self._runs.stop)(said, run)
