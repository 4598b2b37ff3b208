"""Telegram through python-telegram-bot: one bot's side of its chats."""

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Sequence
from typing import BinaryIO, TypeVar

import httpx
from prefect.blocks.core import Block
from pydantic import Field, PrivateAttr, SecretStr
from telegram import Bot, BotCommand, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, LinkPreviewOptions
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from blocks.plain_http import is_near
from blocks.telegram_downloads import downloaded
from blocks.telegram_updates import UpdatesRequest
from blocks.trust import trust_for
from domain.attachments import AttachmentRefused
from domain.chat_text import paired, sendable, split_html
from domain.errors import (
    AnswerLost,
    ChatBusy,
    ChatClosed,
    ChatMoved,
    ChatRefused,
    ChatTokenRefused,
    ServiceUnreachable,
    SlipwayError,
    UnknownObject,
)

T = TypeVar("T")

CLOSED = ("chat not found", "user is deactivated", "peer_id_invalid", "not enough rights")
GONE = ("message to edit not found", "message to delete not found", "message can't be edited", "message_id_invalid")
UNREADABLE = "Invalid server response"
"""The vendor's words for an answer that is no JSON, as one that was cut off."""
PLAIN = LinkPreviewOptions(is_disabled=True)

CONNECTIONS = 128
SIGNS = 4
"""Connections of their own for signs. For each call the vendor's pool looks at all connections and all that wait: with 100 of
both a call costs 20 ms of processor, on these few 2 ms, and a hundred people see their sign within the time of ten."""
POOL_SECONDS = 30.0
"""How long a call waits for a connection when many chats are answered at once: the vendor's second would lose answers."""


class TelegramChat(Block):
    """One bot. Fulfils `domain.protocols.Chat`; chats and messages are named by their ids as text."""

    _block_type_name = "Slipway Telegram"
    _block_type_slug = "slipway-telegram"

    token: SecretStr = Field(description="Bot token from @BotFather")
    api_url: str | None = Field(default=None, description="Another Bot API server; empty means Telegram's own")

    _bots: dict[int, Bot] = PrivateAttr(default_factory=dict)

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        """Send a message, a long one as several, and return the id of the last, which has the buttons."""
        *head, last = split_html(sendable(html))
        for part in head:
            await self._send(chat, part, (), quiet=quiet)
        return await self._send(chat, last, buttons, quiet=quiet)

    async def ask(self, chat: str, html: str, hint: str) -> str:
        """Send a question to which the person's client opens a reply; `hint` is cut to the 64 characters that it shows."""
        sent = self._client().send_message(
            chat, sendable(html), parse_mode=ParseMode.HTML, reply_markup=ForceReply(input_field_placeholder=hint[:64])
        )
        return str((await _asked(sent, "asking a question")).message_id)

    async def send_file(
        self, chat: str, name: str, content: bytes | BinaryIO, caption: str = "", *, quiet: bool = False
    ) -> str:
        """Send a file with an HTML caption, which may have 1024 visible characters, and return the message's id.

        Of an open file no more than a piece is in memory at once.
        """
        if not isinstance(content, bytes):
            content.seek(0)
        document = InputFile(content, filename=name, read_file_handle=False)
        sent = self._client().send_document(
            chat, document, caption=paired(caption), parse_mode=ParseMode.HTML, disable_notification=quiet or None
        )
        return str((await _asked(sent, "sending a file")).message_id)

    async def draft(self, chat: str, number: int, html: str) -> bool:
        """Show an answer that is being written, cut to what one can hold, for half a minute or until the next message.

        `number` is that of the answer, and not 0. Returns False where this server, or this chat, knows no drafts.
        """
        try:
            shown = split_html(sendable(html))[-1]
            return await self._client().send_message_draft(int(chat), number, shown, parse_mode=ParseMode.HTML)
        except (InvalidToken, BadRequest) as error:  # InvalidToken: the vendor's word for a method that is not there
            refused = translated(error, "showing a draft")
            if isinstance(refused, ChatClosed):
                raise refused from None
            return False
        except TelegramError as error:
            raise translated(error, "showing a draft") from None

    async def edit(self, chat: str, message: str, html: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        """Replace a message, cut to what one can hold; raise UnknownObject when the person deleted it."""
        edited = self._client().edit_message_text(
            split_html(sendable(html))[0],
            chat_id=chat,
            message_id=int(message),
            parse_mode=ParseMode.HTML,
            reply_markup=_keyboard(buttons),
            link_preview_options=PLAIN,
        )
        try:
            await edited
        except TelegramError as error:
            if "not modified" not in error.message.lower():
                raise translated(error, "editing a message", message) from None

    async def delete_message(self, chat: str, message: str) -> None:
        """Delete a message, also a person's; raise UnknownObject when it is gone."""
        await _asked(self._client().delete_message(chat, int(message)), "deleting a message", message)

    async def react(self, chat: str, message: str, emoji: str) -> None:
        sent = self._client(SIGNS).set_message_reaction(chat, int(message), emoji)
        await _asked(sent, "reacting to a message", message)

    async def typing(self, chat: str) -> None:
        """Show "typing..." for five seconds or until the next message."""
        await _asked(self._client(SIGNS).send_chat_action(chat, ChatAction.TYPING), "showing that it types")

    async def answer(self, press: str, text: str = "") -> None:
        """Answer a pressed button, which ends its spinner; `text` is shown over the chat."""
        await _asked(self._client().answer_callback_query(press, paired(text)), "answering a button")

    async def fetch(self, file: str, name: str, limit: int, seconds: float = 60.0) -> bytes:
        """Download what a person sent, by its file id; raise AttachmentRefused: `too_big` (`limit`), `gone`."""
        try:
            async with asyncio.timeout(seconds):
                found = await _asked(self._client().get_file(file), "asking for a file")
                if not found.file_path:
                    raise ServiceUnreachable("Telegram", "asking for a file", "no path came")
                return await downloaded(found.file_path, name, limit)
        except ChatRefused as refused:
            if "too big" in str(refused):
                raise AttachmentRefused(name, "too_big", "at most what Telegram gives to bots") from refused
            if "file_id" in str(refused):
                raise AttachmentRefused(name, "gone", "") from refused
            raise
        except TimeoutError:
            raise ServiceUnreachable("Telegram", "downloading a file", f"longer than {seconds:g} s") from None

    async def name_commands(self, commands: Sequence[tuple[str, str]], language: str = "") -> None:
        """Fill the menu of commands for people of one language; "" is everybody else."""
        menu = [BotCommand(name, description) for name, description in commands]
        await _asked(self._client().set_my_commands(menu, language_code=language or None), "naming the commands")

    async def username(self) -> str:
        """Ask Telegram who this bot is: the cheapest proof that token and server are right."""
        return (await _asked(self._client().get_me(), "asking who the bot is")).username or ""

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        bots = tuple(self._bots.values())
        self._bots.clear()
        for bot in bots:
            await bot.request.shutdown()

    async def _send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]], *, quiet: bool) -> str:
        sent = self._client().send_message(
            chat,
            html,
            parse_mode=ParseMode.HTML,
            reply_markup=_keyboard(buttons),
            link_preview_options=PLAIN,
            disable_notification=quiet or None,
        )
        return str((await _asked(sent, "sending a message")).message_id)

    def _client(self, connections: int = CONNECTIONS) -> Bot:
        if connections not in self._bots:
            self._bots[connections] = bot_client(self.token, self.api_url, connections)
        return self._bots[connections]


def bot_client(token: SecretStr, api_url: str | None, connections: int = CONNECTIONS) -> Bot:
    """Return the vendor's client, for every call of ours to Telegram; a server nearby is reached without a proxy.

    httpx's line for each request is silenced from here on: addresses stand in it, and the token in them.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    base = (api_url or "https://api.telegram.org").rstrip("/")
    here = {"trust_env": not is_near(base), "verify": trust_for(base)}
    return Bot(
        token.get_secret_value(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=HTTPXRequest(connection_pool_size=connections, pool_timeout=POOL_SECONDS, httpx_kwargs=here),
        get_updates_request=UpdatesRequest(connection_pool_size=1, httpx_kwargs=here),
    )


def translated(error: TelegramError, attempted: str, message: str = "") -> SlipwayError:  # noqa: PLR0911  (a table)
    """Say in our errors what Telegram answered; the vendor's words, never the token (InvalidToken carries it)."""
    words = error.message
    match error:
        case RetryAfter():
            return ChatBusy(_seconds(error), attempted)
        case InvalidToken():
            return ChatTokenRefused(attempted)
        case ChatMigrated():
            return ChatMoved(attempted, str(error.new_chat_id))
        case Forbidden():
            return ChatClosed(attempted, words)
        case BadRequest() if any(sign in words.lower() for sign in GONE):
            return UnknownObject("message", message)
        case BadRequest() if any(sign in words.lower() for sign in CLOSED):
            return ChatClosed(attempted, words)
        case TelegramError() if words == UNREADABLE:
            return AnswerLost("Telegram", attempted, words)
        case NetworkError() if not isinstance(error, BadRequest):
            unsent = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            return (ServiceUnreachable if unsent else AnswerLost)("Telegram", attempted, words)
        case _:
            return ChatRefused(attempted, words)


def _seconds(error: RetryAfter) -> float:
    with warnings.catch_warnings():  # reading the attribute warns that it will be a timedelta one day: both are taken
        warnings.simplefilter("ignore")
        after = error.retry_after
    return float(after) if isinstance(after, int) else after.total_seconds()


def _keyboard(buttons: Sequence[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    keys = [InlineKeyboardButton(paired(label), callback_data=data) for label, data in buttons]
    return InlineKeyboardMarkup([keys[i : i + 2] for i in range(0, len(keys), 2)]) if keys else None


async def _asked(call: Awaitable[T], attempted: str, message: str = "") -> T:
    try:
        return await call
    except TelegramError as error:  # `from None`: the vendor's chain may show the token in a traceback
        raise translated(error, attempted, message) from None
