"""The Telegram bot: polls or is brought updates, hands updates to their handlers, keeps cards, sends the outbox."""

import asyncio
import logging
import signal
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from telegram import Bot
from telegram.error import TelegramError
from telegram.warnings import PTBDeprecationWarning

from blocks.telegram import TelegramChat, bot_client, translated
from deployments.api.pepper import pepper_of
from deployments.bot.access import check_access
from deployments.bot.albums import Pause, quiet
from deployments.bot.application import Answers, App, application, tell_error
from deployments.bot.asks import Asks
from deployments.bot.chat_signs import ChatSigns
from deployments.bot.commands import COMMANDS
from deployments.bot.dialogue import Dialogue
from deployments.bot.door import Door, House
from deployments.bot.drafts import Drafts
from deployments.bot.files import FileMessages
from deployments.bot.found_secrets import SecretMessages
from deployments.bot.handlers import Desk, Handlers
from deployments.bot.inbox import Inbox
from deployments.bot.live_cards import PACE, LiveCards
from deployments.bot.outbox import Outbox
from deployments.bot.page import PagePlace
from deployments.bot.places import HEARD, Places
from deployments.bot.polls import Polls
from deployments.bot.proposal_buttons import ProposalButtons
from deployments.bot.questions import QuestionMessages
from deployments.bot.sealing import Seal
from deployments.bot.sendings import Sendings
from deployments.bot.streamed import Streamed
from deployments.bot.turns import Turns
from deployments.bot.voices import VoiceMessages, transcriber_of
from deployments.bot.waiting_files import WaitingFiles
from deployments.bot.webhook import Receiver
from deployments.data_folder import DataFolder
from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from deployments.settings import Settings
from deployments.wording.texts import LANGUAGES, say
from domain.attachments import Limits
from domain.bot_webhook import Webhook, webhook_secret
from domain.errors import BadInput, ChatRefused, ChatTokenRefused, SlipwayError, TryAgain
from domain.registry import Registry
from domain.talks import Talks
from domain.transcribing import Transcriber
from tasks.hosts import host_owners

logger = logging.getLogger(__name__)

UPDATES = ["message", "edited_message", "callback_query"]
STOPPING = 3.0
"""Seconds that handlers get to end; what they do not finish is in the inbox."""


async def run_bot(settings: Settings) -> None:
    """Answer on Telegram until SIGTERM or SIGINT; the Prefect server is known from the environment.

    Raises BadInput when the bot must not start, ChatTokenRefused when Telegram does not know the token.
    """
    import blocks.claude.exchange  # noqa: F401  (the first word waits for no import)
    from deployments.desk.opening import open_desk  # its blocks load every vendor

    log_without_token()
    if settings.telegram_token is None:
        raise BadInput("there is no bot token: get one from @BotFather and set SLIPWAY_TELEGRAM_TOKEN")
    chat = TelegramChat(token=settings.telegram_token, api_url=settings.telegram_api_url)
    async with open_desk({}) as desk, desk.blocks.kept():
        check_access(desk.blocks.engine.isolates, settings.people)
        operator = str(settings.telegram_operator_chat or "")
        house = House(rules=settings.people, rates=desk.blocks.rates, key=DataFolder(settings.home).invitation_key)
        talks = desk.blocks.talks if has_dialogue(settings) else None
        webhook = await own_webhook(desk.blocks.installation.webhook, desk.registry)
        async with bot_running(
            desk,
            chat,
            settings.home / "telegram",
            house,
            operator=operator,
            talks=talks,
            limits=settings.attachment_limits,
            transcriber=transcriber_of(settings.transcribe_command, settings.transcribe_seconds),
            webhook=webhook,
            page=PagePlace(url=settings.page_url, pepper=pepper_of(DataFolder(settings.home))),
        ) as polls:
            await _told_to_stop(polls)


async def own_webhook(webhook: Webhook | None, registry: Registry) -> Webhook | None:
    """Return the webhook; raise BadInput when its host is a project's, made before that name was kept for the bot."""
    if webhook and (owner := (await host_owners(registry)).get(webhook.host)):
        raise BadInput(f"{webhook.host} leads to the project {owner}: set SLIPWAY_TELEGRAM_WEBHOOK=false")
    return webhook


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
    webhook: Webhook | None = None,
    page: PagePlace | None = None,
) -> AsyncIterator[Polls]:
    """Run the bot inside this block. Everything it must remember is in the registry, in `folder` and in `talks`.

    Without `talks` each message is a request that starts at once; without `webhook` the bot asks Telegram for updates.
    """
    asks = Asks(folder / "asks")
    inbox = Inbox(folder, Seal(asks, desk.registry, desk.vault))
    sendings = Sendings(folder / "sendings")
    cards = LiveCards(chat, desk.registry, desk.wakeups, sendings, pace=pace)
    bot = bot_client(chat.token, chat.api_url)
    allowances = Allowances(desk.registry, desk.wakeups, house.rules.usual)
    deeds = DeskDeeds(desk, allowances)
    streamed = Streamed(chat, folder / "streamed")
    dialogue = Dialogue(desk, talks, inbox, cards, ChatSigns(chat), Drafts(chat, streamed), deeds, Places()) if talks else None
    sent = Sendings(folder / "sent-files")
    handlers = Handlers(desk, chat, cards, WaitingFiles(folder / "files"), allowances, dialogue, page, files=sent)
    files = FileMessages(handlers, chat, inbox, limits, partial(tell_error, handlers), pause)
    questions = Asks(folder / "questions")
    answers = Answers(
        SecretMessages(desk, chat, asks, handlers),
        QuestionMessages(desk, chat, questions, asks, handlers),
        VoiceMessages(handlers, chat, limits, transcriber, folder / "heard"),
        ProposalButtons(desk, deeds, handlers.speech, cards, talks) if talks else None,
    )
    door = Door(house, desk.registry, desk.wakeups, handlers.speech)
    app = application(bot, inbox, handlers, answers, files, door, Turns(inbox, Places(HEARD), chat, door))
    secret = webhook_secret(chat.token.get_secret_value())
    receiver = Receiver(webhook, secret, inbox, bot) if webhook else None
    polls = Polls(chat)
    outbox = Outbox(chat, desk.registry, desk.wakeups, asks, sendings, questions, operator=operator)
    await sendings.keep_only((*await outbox.unsent(), *await cards.unsent()))
    sending = asyncio.create_task(outbox.run())
    try:
        await _until_answered(app.initialize, "asking who the bot is")
        await _name_commands(chat)
        await streamed.clear_all()
        await cards.resume()
        await app.start()
        await inbox.load(bot)
        if webhook and receiver:
            receiver.start()
            await _bring_updates_to(webhook, secret, bot)
        else:
            assert app.updater  # noqa: S101  (the builder makes one)
            # It takes a webhook away first; what waits there is kept.
            await app.updater.start_polling(bootstrap_retries=-1, allowed_updates=UPDATES, error_callback=polls.failed)
        yield polls
    finally:
        sending.cancel()
        await polls.aclose()
        if receiver is not None:
            await receiver.aclose()
        await _stop(app, stopping)
        await files.albums.aclose()
        if dialogue is not None:
            await dialogue.aclose()
        await cards.aclose()
        await asyncio.gather(sending, return_exceptions=True)
        await chat.aclose()


async def _bring_updates_to(webhook: Webhook, secret: str, bot: Bot) -> None:
    """Return when Telegram brings updates there, also those that waited; one at a time, so that they come in order."""

    async def give() -> object:
        return await bot.set_webhook(webhook.url, max_connections=1, allowed_updates=UPDATES, secret_token=secret)

    try:
        await _until_answered(give, "setting the webhook")
    except ChatRefused as refused:
        raise BadInput(f"Telegram takes no webhook at {webhook.url}: {refused}; see SLIPWAY_TELEGRAM_WEBHOOK") from None


async def _until_answered(ask: Callable[[], Awaitable[object]], attempted: str) -> None:
    """Ask Telegram until it answers, however long it cannot be reached."""
    wait = 1.0
    while True:
        try:
            await ask()
        except TelegramError as refused:
            error = translated(refused, attempted)
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


async def _told_to_stop(polls: Polls) -> None:
    """Return at a signal; raise ChatTokenRefused when the token was revoked."""
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, polls.end)
    await polls.ended()
