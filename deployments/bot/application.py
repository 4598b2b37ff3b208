"""The vendor's application: one handler per thing that a person can say, behind one door for access, language and errors."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any

from telegram import Bot, Update
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, CommandHandler, MessageHandler, filters

from deployments.bot.commands import Commands
from deployments.bot.door import STRANGER, Door
from deployments.bot.files import FileMessages
from deployments.bot.found_secrets import SecretMessages
from deployments.bot.handlers import Handlers
from deployments.bot.inbox import Inbox
from deployments.bot.messages import Said, said_in
from deployments.bot.proposal_buttons import ProposalButtons
from deployments.bot.questions import QuestionMessages
from deployments.bot.references import Dead, meant
from deployments.bot.turns import Turns
from deployments.bot.voices import VoiceMessages
from deployments.wording.explaining import explain
from domain.admission import Member
from domain.errors import SlipwayError

logger = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]
FILES = (filters.Document.ALL & ~filters.ANIMATION) | filters.PHOTO
Act = Callable[[Said], Awaitable[None]]


@dataclass(frozen=True)
class Answers:
    """What people answer to questions of ours, before anything else that they may have said."""

    secrets: SecretMessages
    questions: QuestionMessages
    voices: VoiceMessages
    proposals: ProposalButtons | None = None

    async def take(self, said: Said) -> bool:
        """Deal with what was an answer; False when it was none."""
        return (
            await self.secrets.refuse_credential(said)
            or await self.secrets.take_answer(said)
            or await self.questions.take(said)
            or await self.voices.take(said)
            or (self.proposals is not None and await self.proposals.take(said))
        )


def application(
    bot: Bot, inbox: Inbox, handlers: Handlers, answers: Answers, files: FileMessages, door: Door, turns: Turns
) -> App:
    """Return the vendor's application with one handler per thing that a person can say."""
    app = ApplicationBuilder().bot(bot).update_queue(inbox).job_queue(None).concurrent_updates(turns).build()
    answering = partial(_answering, handlers=handlers, answers=answers, door=door)
    private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    commands = Commands(handlers)
    for name, act in commands.acts.items():
        app.add_handler(CommandHandler(name, answering(act), private))
    app.add_handler(MessageHandler(private & filters.COMMAND, answering(handlers.help)))
    app.add_handler(MessageHandler(private & filters.TEXT, answering(handlers.text)))
    app.add_handler(MessageHandler(private & (filters.VOICE | filters.AUDIO), answering(answers.voices.hear)))
    app.add_handler(MessageHandler(private & FILES, answering(files.take)))
    app.add_handler(MessageHandler(private, answering(handlers.other)))
    app.add_handler(MessageHandler(filters.ChatType.PRIVATE & filters.UpdateType.EDITED_MESSAGE, answering(handlers.edited)))
    app.add_handler(CallbackQueryHandler(answering(commands.press)))
    app.add_handler(
        MessageHandler(filters.ChatType.GROUPS & filters.COMMAND, partial(_in_a_group, handlers=handlers, door=door))
    )
    return app


def _answering(
    act: Act, handlers: Handlers, answers: Answers, door: Door
) -> Callable[[Update, Any], Coroutine[Any, Any, None]]:
    """Wrap a handler: access first, sealed messages next, and every error becomes one sentence."""

    async def respond(update: Update, _: Any) -> None:
        said = said_in(update)
        if said is None:
            return
        try:
            said = await _spoken_to(said, handlers)
            if member := await door.admits(said):
                await _taken(said, member, act, handlers, answers, door)
        except Exception as error:  # the door's last line: a person is never left without an answer
            await tell_error(handlers, said, error)

    return respond


async def _in_a_group(update: Update, _: Any, *, handlers: Handlers, door: Door) -> None:
    """Tell whoever calls the bot among others where it can be talked to; all else that is said there is not for it."""
    if (said := said_in(update)) is None:
        return
    try:
        said = await _spoken_to(said, handlers)
        if await door.passes(said, STRANGER):
            await handlers.speech.tell(said, "only_private")
    except SlipwayError as closed:
        logger.warning("update %s: %s", said.update, closed)


async def _spoken_to(said: Said, handlers: Handlers) -> Said:
    """Return what was said, to be answered in the language that its person chose."""
    person = await handlers.desk.registry.person(said.person)
    return said.model_copy(update={"language": person.speaks(said.usual)})


async def _taken(said: Said, member: Member, act: Act, handlers: Handlers, answers: Answers, door: Door) -> None:
    match await meant(said, handlers.desk.registry):
        case Dead(why=why):
            await handlers.speech.pop(said, why)
        case Said() as known:
            if await door.hears(known, member) and not await answers.take(known):
                await act(known)


async def tell_error(handlers: Handlers, said: Said, error: Exception) -> None:
    reference = token_hex(3)
    if isinstance(error, SlipwayError):
        logger.warning("%s: update %s: %s", reference, said.update, error)
    else:
        logger.error("%s: update %s", reference, said.update, exc_info=error)
    try:
        if isinstance(error, SlipwayError):
            await handlers.speech.heard(said)
            await handlers.speech.say(said, explain(said.language, error))
        else:
            await handlers.speech.tell(said, "error_unexpected", reference=reference)
    except SlipwayError as closed:
        logger.warning("%s: the person could not be told: %s", reference, closed)
