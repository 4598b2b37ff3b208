"""What a person sent, as values: the only place that reads the vendor's updates."""

from telegram import Update

from deployments.wording import spoken
from domain.runs import Origin
from domain.values import Value


class Said(Value):
    """One message or pressed button of one person."""

    update: int
    chat: str
    person: str
    """Owner's name in the registry: `telegram:<user id>`."""
    user: int
    language: str
    """What the bot answers in: what the person chose, else that of their app."""
    usual: str = "en"
    """Language of the person's app."""
    message: str
    text: str
    """The message, or the data of the pressed button."""
    reply: str = ""
    """Id of the message that this one answers; empty when it answers none."""
    press: str = ""
    """Id of the pressed button's query; empty for a message."""

    @property
    def key(self) -> str:
        """Idempotency key of what this starts."""
        return f"tg:{self.chat}:{self.update}"

    @property
    def origin(self) -> Origin:
        return Origin(channel="telegram", chat=self.chat, person=self.person)

    @property
    def words(self) -> str:
        """What follows the command."""
        return rest_of(self.text)


def said_in(update: Update) -> Said | None:
    """Return what was said; None when the update is neither a message nor a button of a person."""
    user, message, query = update.effective_user, update.message, update.callback_query
    if user is None or (message is None and query is None):
        return None
    card = message or (query.message if query else None)  # None or inaccessible when the card is old or deleted
    return Said(
        update=update.update_id,
        chat=str(card.chat.id if card else user.id),
        person=f"telegram:{user.id}",
        user=user.id,
        language=spoken(user.language_code),
        usual=spoken(user.language_code),
        message=str(card.message_id) if card else "",
        text=(query.data if query else message.text if message else "") or "",
        reply=str(message.reply_to_message.message_id) if message and message.reply_to_message else "",
        press=query.id if query else "",
    )


def rest_of(text: str) -> str:
    """Return what follows the first word."""
    return "".join(text.split(maxsplit=1)[1:])


def overtakes(update: Update) -> bool:
    """Tell whether the update must not wait for its chat's earlier ones: a button, or /cancel."""
    words = ((update.message.text if update.message else "") or "").split(maxsplit=1)
    return update.callback_query is not None or (bool(words) and words[0].split("@")[0] == "/cancel")
