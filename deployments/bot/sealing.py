"""Sealing: takes secrets out of updates before anything else sees them, the disk included.

The answer to a question for a secret goes straight to the vault, while Telegram still holds the update: a kill brings it
again, and storing it again changes nothing. A credential in any other message is dropped. What goes on, to the inbox and
the handlers, says only what happened. While a run's question is open, a message of one word is its answer too: people who
dismiss the reply would otherwise send the value to the model. What the Product Owner asks for is answered by a reply only,
since nothing says until when it waits, and people say "yes" to it.
"""

import asyncio
import logging
from typing import Any

from telegram import Message, Update

from blocks.telegram_updates import as_json
from deployments.bot.asks import NOT_SENT, Ask, Asks
from domain.credentials import credential_in
from domain.errors import SlipwayError
from domain.protocols import Vault
from domain.registry import Registry
from domain.runs import RunState
from domain.secret_formats import shape_complaint
from domain.values import Value

logger = logging.getLogger(__name__)

MARK = "\u2063"
ANSWER = f"{MARK}secret:"
CREDENTIAL = f"{MARK}credential:"
"""Beginnings of sealed texts, with an invisible separator. Who types it has it taken away: it would pass for sealed."""

OF = "@"
"""Begins a project's name where a run's id stands else."""
VALUE_LIMIT = 32_768
VAULT_SECONDS = 15.0
KEPT = ("message_id", "date", "chat", "from")
"""What is kept of a message that held a secret: not its text, caption, quotes, entities or what it replies to."""


class Answered(Value):
    """What became of an answer.

    `stored`, `lost` (the vault did not answer), `bad` (empty or too long), `shape` and `stand_in` (`domain.complaints`), `same`
    (refused before), `late` (nobody waits).
    """

    outcome: str
    run: str
    """Id of the run that waits for it; empty for one that the Product Owner asked for."""
    name: str
    project: str = ""
    """Whose it is, where no run waits."""


class Seal:
    """Decides for each update what of it may be kept."""

    def __init__(self, asks: Asks, registry: Registry, vault: Vault) -> None:
        self._asks = asks
        self._registry = registry
        self._vault = vault

    async def __call__(self, update: Update) -> Update:
        """Return the update without any secret."""
        message = update.message
        if update.edited_message is not None:
            return _edited(update, update.edited_message)
        if message is None:
            return update
        if (ask := await self._asked(message)) is not None:
            outcome = await self._stored(ask, message.text or "")
            return _with(update, f"{ANSWER}{outcome} {ask.run or OF + ask.project} {ask.name}")
        kind = credential_in(message.text or message.caption or "")
        if kind is not None:
            return _with(update, f"{CREDENTIAL}{kind}")
        if credential_in(as_json(update)) is not None:
            return _with(update, (message.text or "").lstrip(MARK))
        return _unmarked(update, message)

    async def _asked(self, message: Message) -> Ask | None:
        """Return the question that this message answers."""
        chat, text = str(message.chat.id), message.text or ""
        to = message.reply_to_message
        if to is not None and (ask := self._asks.find(chat, str(to.message_id))):
            return ask
        ask = self._asks.newest(chat)
        if ask is None or text.startswith("/"):
            return None
        unsent = to is not None and ask.message == NOT_SENT and ask.name in (to.text or "")
        return ask if unsent or (ask.run and len(text.split()) == 1 and await self._lacks(ask)) else None

    async def _stored(self, ask: Ask, value: str) -> str:
        try:
            async with asyncio.timeout(VAULT_SECONDS):
                if not await self._waits(ask):
                    return "late"
                if not value.strip() or len(value) > VALUE_LIMIT:
                    return "bad"
                if wrong := shape_complaint(ask.name, value):
                    return wrong.kind
                await self._vault.put(ask.project, ask.name, value)
                return "stored" if ask.name in await self._vault.names(ask.project) else "same"
        except (SlipwayError, TimeoutError) as error:
            logger.warning("%s of %s did not reach the vault: %s", ask.name, ask.project, type(error).__name__)
            return "lost"

    async def _lacks(self, ask: Ask) -> bool:
        return await self._waits(ask) and ask.name not in await self._vault.names(ask.project)

    async def _waits(self, ask: Ask) -> bool:
        if not ask.run:
            return await self._registry.project(ask.project) is not None
        run = await self._registry.run(ask.run)
        return run is not None and run.state is RunState.WAITING and ask.name in run.waits_for


def answered(text: str) -> Answered | None:
    """Read a sealed answer; None for any other text."""
    words = text.removeprefix(ANSWER).split(" ")
    if not text.startswith(ANSWER) or len(words) != 3:
        return None
    if words[1].startswith(OF):
        return Answered(outcome=words[0], run="", name=words[2], project=words[1].removeprefix(OF))
    return Answered(outcome=words[0], run=words[1], name=words[2])


def sealed_credential(text: str) -> str | None:
    """Return the kind of credential that was taken out of a message; None for any other text."""
    return text.removeprefix(CREDENTIAL)[:40] if text.startswith(CREDENTIAL) else None


def _unmarked(update: Update, message: Message) -> Update:
    """Return the update without our mark before its words: only we say what was sealed."""
    said = {"text": message.text or "", "caption": message.caption or ""}
    words = {name: text.lstrip(MARK) for name, text in said.items() if text.startswith(MARK)}
    if not words:
        return update
    data: dict[str, Any] = update.to_dict()
    plain = {name: value for name, value in data["message"].items() if name not in ("entities", "caption_entities")}
    return Update.de_json({"update_id": update.update_id, "message": plain | words}, update.get_bot())


def _edited(update: Update, message: Message) -> Update:
    """Keep of an edit only that there was one, and a credential as of any message: nobody reads its words."""
    if message.location is not None:
        return update
    data: dict[str, Any] = update.to_dict()
    kind = credential_in(as_json(update))
    kept = {name: data["edited_message"][name] for name in KEPT if name in data["edited_message"]}
    told = {"message": kept | {"text": f"{CREDENTIAL}{kind}"}} if kind else {"edited_message": kept}
    return Update.de_json({"update_id": update.update_id, **told}, update.get_bot())


def _with(update: Update, text: str) -> Update:
    data: dict[str, Any] = update.to_dict()
    message = {name: data["message"][name] for name in KEPT if name in data["message"]} | {"text": text}
    return Update.de_json({"update_id": update.update_id, "message": message}, update.get_bot())
