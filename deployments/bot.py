"""The Telegram bot: polls, hands updates to their handlers, keeps cards, sends the outbox."""

import asyncio
import logging
import shlex
import signal
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from telegram.error import TelegramError
from telegram.warnings import PTBDeprecationWarning

from blocks.telegram import TelegramChat, bot_client, translated
from blocks.transcriber import CommandTranscriber
from deployments.allowances import Allowances
from deployments.asks import Asks
from deployments.bot_access import check_access
from deployments.bot_albums import Pause, quiet
from deployments.bot_application import Answers, App, application, tell_error
from deployments.bot_commands import COMMANDS
from deployments.bot_door import Door, House
from deployments.bot_files import FileMessages
from deployments.bot_handlers import Desk, Handlers
from deployments.bot_questions import QuestionMessages
from deployments.bot_secrets import SecretMessages
from deployments.bot_voices import VoiceMessages
from deployments.chat_signs import ChatSigns
from deployments.data_folder import DataFolder
from deployments.deeds import DeskDeeds
from deployments.dialogue import Dialogue
from deployments.inbox import Inbox
from deployments.live_cards import PACE, LiveCards
from deployments.outbox import Outbox
from deployments.proposal_buttons import ProposalButtons
from deployments.sealing import Seal
from deployments.sendings import Sendings
from deployments.settings import Settings
from deployments.waiting_files import WaitingFiles
from deployments.wording import LANGUAGES, say
from domain.attachments import Limits
from domain.errors import BadInput, ChatTokenRefused, SlipwayError, TryAgain
from domain.talks import Talks
from domain.transcribing import Transcriber

logger = logging.getLogger(__name__)

UPDATES = ["message", "edited_message", "callback_query"]
STOPPING = 3.0
"""Seconds that handlers get to end; what they do not finish is in the inbox."""


async def run_bot(settings: Settings) -> None:
    """Answer on Telegram until SIGTERM or SIGINT; the Prefect server is known from the environment.

    Raises BadInput when the bot must not start, ChatTokenRefused when Telegram does not know the token.
    """
    from deployments.requests import open_desk  # its blocks load every vendor

    log_without_token()
    if settings.telegram_token is None:
        raise BadInput("there is no bot token: get one from @BotFather and set SLIPWAY_TELEGRAM_TOKEN")
    chat = TelegramChat(token=settings.telegram_token, api_url=settings.telegram_api_url)
    async with open_desk({}) as desk:
        check_access(desk.blocks.engine.isolates, settings.people)
        operator = str(settings.telegram_operator_chat or "")
        house = House(rules=settings.people, rates=desk.blocks.rates, key=DataFolder(settings.home).invitation_key)
        talks = desk.blocks.talks if has_dialogue(settings) else None
        async with bot_running(
            desk,
            chat,
            settings.home / "telegram",
            house,
            operator=operator,
            talks=talks,
            limits=settings.attachment_limits,
            transcriber=transcriber_of(settings),
        ):
            await _told_to_stop()


def transcriber_of(settings: Settings) -> Transcriber | None:
    """Return what makes text of voice messages; None when no program is named."""
    command = shlex.split(settings.transcribe_command)
    return CommandTranscriber(command, settings.transcribe_seconds) if command else None


def has_dialogue(settings: Settings) -> bool:
    """Tell whether people are shown a proposal first; a session that is recorded or played knows requests only."""
    return settings.chat_approval and settings.record is None and settings.replay is None


def log_without_token() -> None:
    """Log to stderr; httpx's line per request, with the token in it, is silenced where the client is made."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    warnings.filterwarnings("ignore", ".*retry_after", PTBDeprecationWarning)  # both of its types are taken: blocks/telegram.py


@asynccontextmanager
async def bot_running(
    desk: Desk,
    chat: TelegramChat,
    folder: Path,
    house: House,
    *,
    operator: str = "",
    pace: float = PACE,
    stopping: float = STOPPING,
    talks: Talks | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    transcriber: Transcriber | None = None,
    pause: Pause = quiet,
) -> AsyncIterator[None]:
    """Run the bot inside this block. Everything it must remember is in the registry, in `folder` and in `talks`.

    Without `talks` each message is a request that starts at once.
    """
    asks = Asks(folder / "asks")
    inbox = Inbox(folder, Seal(asks, desk.registry, desk.vault))
    sendings = Sendings(folder / "sendings")
    cards = LiveCards(chat, desk.registry, desk.wakeups, sendings, pace=pace)
    bot = bot_client(chat.token, chat.api_url)
    allowances = Allowances(desk.registry, desk.wakeups, house.rules.usual)
    deeds = DeskDeeds(desk, allowances)
    dialogue = Dialogue(desk, talks, inbox, cards, ChatSigns(chat), deeds) if talks else None
    handlers = Handlers(desk, chat, cards, WaitingFiles(folder / "files"), allowances, dialogue)
    files = FileMessages(handlers, chat, inbox, limits, partial(tell_error, handlers), pause)
    questions = Asks(folder / "questions")
    answers = Answers(
        SecretMessages(desk, chat, asks, handlers),
        QuestionMessages(desk, chat, questions, asks, handlers),
        VoiceMessages(handlers, chat, limits, transcriber, folder / "heard"),
        ProposalButtons(desk, deeds, handlers.speech, cards, talks) if talks else None,
    )
    door = Door(house, desk.registry, desk.wakeups, handlers.speech)
    app = application(bot, inbox, handlers, answers, files, door)
    sending = asyncio.create_task(Outbox(chat, desk.registry, desk.wakeups, asks, sendings, questions, operator=operator).run())
    try:
        await _reach_telegram(app)
        await _name_commands(chat)
        await cards.resume()
        await app.start()
        await inbox.load(bot)
        assert app.updater  # noqa: S101  (the builder makes one)
        await app.updater.start_polling(bootstrap_retries=-1, allowed_updates=UPDATES, error_callback=_polling_failed)
        yield
    finally:
        sending.cancel()
        await _stop(app, stopping)
        await files.albums.aclose()
        if dialogue is not None:
            await dialogue.aclose()
        await cards.aclose()
        await asyncio.gather(sending, return_exceptions=True)
        await chat.aclose()


async def _reach_telegram(app: App) -> None:
    """Return when Telegram knows the bot, however long it cannot be reached."""
    wait = 1.0
    while True:
        try:
            await app.initialize()
        except TelegramError as refused:
            error = translated(refused, "asking who the bot is")
            if not isinstance(error, TryAgain):
                raise error from None  # the vendor's text holds the token
            logger.warning("%s; tried again in %g s", error, wait)
            await asyncio.sleep(wait)
            wait = min(30.0, wait * 2)
        else:
            return


async def _name_commands(chat: TelegramChat) -> None:
    for language in LANGUAGES:
        menu = [(name, say(language, f"command_{name}")) for name in COMMANDS]
        try:
            await chat.name_commands(menu, "" if language == "en" else language)
        except ChatTokenRefused:
            raise
        except SlipwayError as error:
            logger.warning("the menu of commands stays as it was: %s", error)


def _polling_failed(error: TelegramError) -> None:
    logger.warning("%s", translated(error, "waiting for messages"))


async def _stop(app: App, seconds: float) -> None:
    """End polling first, then handlers; those that take longer are cut off and taken up by the next process."""
    if app.updater and app.updater.running:
        await app.updater.stop()
    if app.running:
        try:
            await asyncio.wait_for(app.stop(), seconds)
        except TimeoutError:
            logger.info("handlers were cut off; the next start takes them up")
    await app.shutdown()
    await app.bot.shutdown()  # closes what an initialisation that failed had opened


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
