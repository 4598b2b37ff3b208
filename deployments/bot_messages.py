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
    message: str
    text: str
    """The message, or the data of the pressed button."""
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
        return self.text.partition(" ")[2].strip()


def said_in(update: Update) -> Said | None:
    """Return what was said; None when the update names no person or chat."""
    user, chat, message, query = (
        update.effective_user,
        update.effective_chat,
        update.effective_message,
        update.callback_query,
    )
    if user is None or chat is None or message is None:
        return None
    return Said(
        update=update.update_id,
        chat=str(chat.id),
        person=f"telegram:{user.id}",
        user=user.id,
        language=spoken(user.language_code),
        message=str(message.message_id),
        text=(query.data if query else message.text) or "",
        press=query.id if query else "",
    )
