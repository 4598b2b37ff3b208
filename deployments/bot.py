"""The Telegram bot: polls, hands updates to their handlers, keeps cards, sends the outbox."""

import asyncio
import logging
import signal
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, CommandHandler, MessageHandler, filters
from telegram.warnings import PTBDeprecationWarning

from blocks.telegram import TelegramChat, bot_client, translated
from deployments.asks import Asks
from deployments.bot_access import check_access
from deployments.bot_commands import COMMANDS, Commands
from deployments.bot_handlers import Desk, Handlers
from deployments.bot_messages import Said, said_in
from deployments.bot_questions import QuestionMessages
from deployments.bot_secrets import SecretMessages
from deployments.bot_turns import Turns
from deployments.chat_signs import ChatSigns
from deployments.dialogue import Dialogue
from deployments.inbox import Inbox
from deployments.live_cards import PACE, LiveCards
from deployments.outbox import Outbox
from deployments.proposal_buttons import ProposalButtons
from deployments.references import Dead, meant
from deployments.sealing import Seal
from deployments.sendings import Sendings
from deployments.settings import Settings
from deployments.wording import LANGUAGES, explain, say
from domain.errors import BadInput, ChatTokenRefused, SlipwayError, TryAgain
from domain.talks import Talks

logger = logging.getLogger(__name__)

UPDATES = ["message", "callback_query"]
STOPPING = 3.0
"""Seconds that handlers get to end; what they do not finish is in the inbox."""

App = Application[Any, Any, Any, Any, Any, Any]
Act = Callable[[Said], Awaitable[None]]


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
        check_access(desk.blocks.engine.isolates, settings.telegram_allowed)
        operator = str(settings.telegram_operator_chat or "")
        people, folder = settings.telegram_allowed, settings.home / "telegram"
        talks = desk.blocks.talks if has_dialogue(settings) else None
        async with bot_running(desk, chat, folder, people, operator=operator, talks=talks):
            await _told_to_stop()


def has_dialogue(settings: Settings) -> bool:
    """Tell whether people are shown a proposal first; a session that is recorded or played knows requests only."""
    return settings.chat_approval and settings.record is None and settings.replay is None


def log_without_token() -> None:
    """Log to stderr, without httpx's line per request: the token is in Telegram's URLs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*retry_after", PTBDeprecationWarning)  # both of its types are taken: blocks/telegram.py


@asynccontextmanager
async def bot_running(
    desk: Desk,
    chat: TelegramChat,
    folder: Path,
    allowed: Iterable[int] = (),
    *,
    operator: str = "",
    pace: float = PACE,
    stopping: float = STOPPING,
    talks: Talks | None = None,
) -> AsyncIterator[None]:
    """Run the bot inside this block. Everything it must remember is in the registry, in `folder` and in `talks`.

    Without `talks` each message is a request that starts at once.
    """
    asks = Asks(folder / "asks")
    inbox = Inbox(folder, Seal(asks, desk.registry, desk.vault))
    sendings = Sendings(folder / "sendings")
    cards = LiveCards(chat, desk.registry, desk.wakeups, sendings, pace=pace)
    bot = bot_client(chat.token, chat.api_url)
    dialogue = Dialogue(desk, talks, inbox, cards, ChatSigns(chat)) if talks else None
    handlers = Handlers(desk, chat, cards, dialogue)
    questions = Asks(folder / "questions")
    answers = Answers(
        SecretMessages(desk, chat, asks, handlers),
        QuestionMessages(desk, chat, questions, asks, handlers),
        ProposalButtons(desk, handlers.speech, cards, talks) if talks else None,
    )
    app = application(bot, inbox, handlers, answers, frozenset(allowed))
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
        if dialogue is not None:
            await dialogue.aclose()
        await cards.aclose()
        await asyncio.gather(sending, return_exceptions=True)
        await chat.aclose()


@dataclass(frozen=True)
class Answers:
    """What people answer to questions of ours, before anything else that they may have said."""

    secrets: SecretMessages
    questions: QuestionMessages
    proposals: ProposalButtons | None = None

    async def take(self, said: Said) -> bool:
        """Deal with what was an answer; False when it was none."""
        return (
            await self.secrets.refuse_credential(said)
            or await self.secrets.take_answer(said)
            or await self.questions.take(said)
            or (self.proposals is not None and await self.proposals.take(said))
        )


def application(bot: Bot, inbox: Inbox, handlers: Handlers, answers: Answers, allowed: frozenset[int]) -> App:
    """Return the vendor's application with one handler per thing that a person can say."""
    builder = ApplicationBuilder().bot(bot).update_queue(inbox).job_queue(None).concurrent_updates(Turns(inbox))
    app = builder.build()
    answering = partial(_answering, handlers=handlers, answers=answers, allowed=allowed)
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    commands = Commands(handlers)
    for name, act in commands.acts.items():
        app.add_handler(CommandHandler(name, answering(act), private))
    app.add_handler(MessageHandler(private & filters.COMMAND, answering(handlers.help)))
    app.add_handler(MessageHandler(private & filters.TEXT, answering(handlers.text)))
    app.add_handler(MessageHandler(private, answering(handlers.other)))
    app.add_handler(CallbackQueryHandler(answering(commands.press)))
    return app


def _answering(
    act: Act, handlers: Handlers, answers: Answers, allowed: frozenset[int]
) -> Callable[[Update, Any], Coroutine[Any, Any, None]]:
    """Wrap a handler: access first, sealed messages next, and every error becomes one sentence."""

    async def respond(update: Update, _: Any) -> None:
        said = said_in(update)
        if said is None:
            return
        try:
            if allowed and said.user not in allowed:
                await handlers.tell(said, "not_allowed", person=said.user)
                return
            said = await _spoken_to(said, handlers)
            await _taken(said, act, handlers, answers)
        except Exception as error:  # the door's last line: a person is never left without an answer
            await _tell_error(handlers, said, error)

    return respond


async def _spoken_to(said: Said, handlers: Handlers) -> Said:
    """Return what was said, to be answered in the language that its person chose."""
    person = await handlers.desk.registry.person(said.person)
    return said.model_copy(update={"language": person.speaks(said.usual)})


async def _taken(said: Said, act: Act, handlers: Handlers, answers: Answers) -> None:
    match await meant(said, handlers.desk.registry):
        case Dead(why=why):
            await handlers.speech.pop(said, why)
        case Said() as known:
            if not await answers.take(known):
                await act(known)


async def _tell_error(handlers: Handlers, said: Said, error: Exception) -> None:
    reference = token_hex(3)
    if isinstance(error, SlipwayError):
        logger.warning("%s: update %s: %s", reference, said.update, error)
    else:
        logger.error("%s: update %s", reference, said.update, exc_info=error)
    try:
        if isinstance(error, SlipwayError):
            await handlers.tell_text(said, explain(said.language, error))
        else:
            await handlers.tell(said, "error_unexpected", reference=reference)
    except SlipwayError as closed:
        logger.warning("%s: the person could not be told: %s", reference, closed)


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
