"""What a person sent, as values: the only place that reads the vendor's updates."""

from telegram import Chat, Message, Update
from telegram.ext import filters

from deployments.bot.sealing import MARK
from deployments.wording.texts import spoken
from domain.attachments import IMAGE_BYTES, IMAGE_PIXELS, Attachment
from domain.runs import Origin
from domain.values import Value

BEGINS = ("/new", "/change")
"""Commands that something to be built begins with; a caption may, too."""


class Sent(Value):
    """A file that hangs on a message and has not been downloaded."""

    id: str
    name: str = ""
    voice: bool = False
    """It is speech, not something to be read."""


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
    sent: Sent | None = None
    album: str = ""
    """Id of the album that it is a part of."""
    unread: str = ""
    """Which kind of message it is, of those that nobody reads: see `unread_kind`."""
    files: tuple[Attachment, ...] = ()
    """What was downloaded of it, or waited for it."""
    heard_in: int = 0
    """The voice message whose words these are, by its update; 0 for words that were written."""

    @property
    def key(self) -> str:
        """Idempotency key of what this starts."""
        return f"tg:{self.chat}:{self.heard_in or self.update}"

    @property
    def origin(self) -> Origin:
        return Origin(channel="telegram", chat=self.chat, person=self.person)

    @property
    def command(self) -> str:
        """Return the first word without the bot's name; empty when it is no command."""
        first = next(iter(self.text.split(maxsplit=1)), "")
        return first.split("@")[0].lower() if first.startswith("/") else ""

    @property
    def words(self) -> str:
        """What follows the command."""
        return rest_of(self.text)


def said_in(update: Update) -> Said | None:
    """Return what was said; None when the update is neither a message nor a button of a person.

    A position that moves comes as an edit every few seconds, and is none either.
    """
    user, query = update.effective_user, update.callback_query
    message = update.message or update.edited_message
    if user is None or (message is None and query is None) or (update.edited_message and update.edited_message.location):
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
        text=(query.data if query else (message.text or message.caption) if message else "") or "",
        reply=str(message.reply_to_message.message_id) if message and message.reply_to_message else "",
        press=query.id if query else "",
        sent=sent_in(message) if message else None,
        album=message.media_group_id or "" if message else "",
        unread=unread_kind(message) if message else "",
    )


def to_be_seen(update: Update) -> Said | None:
    """Return what a person wrote or sent that has to be thought about; None for commands that are answered at once."""
    message, said = update.message, said_in(update)
    if message is None or said is None or message.chat.type != Chat.PRIVATE or said.text.startswith(MARK):
        return None
    return said if (said.text or said.sent) and said.command in ("", *BEGINS) else None


def sent_in(message: Message) -> Sent | None:
    """Return the file of a message that can be of use; of a photo the largest size that models take."""
    if message.animation:  # comes as a document too
        return None
    if sound := message.voice or message.audio:
        return Sent(id=sound.file_id, name=getattr(sound, "file_name", None) or "voice.ogg", voice=True)
    if message.document:
        return Sent(id=message.document.file_id, name=message.document.file_name or "")
    fits = [
        size for size in message.photo if (size.file_size or 0) <= IMAGE_BYTES and max(size.width, size.height) <= IMAGE_PIXELS
    ]
    sizes = fits or list(message.photo[:1])
    if not sizes:
        return None
    best = max(sizes, key=lambda size: size.width * size.height)
    return Sent(id=best.file_id, name=f"photo-{message.message_id}.jpg")  # they are JPEG; in a talk each is called by its name


def unread_kind(message: Message) -> str:
    """Name what nobody reads, by the ending of its key in the wording; empty for what is read, and for news of the chat."""
    found = {
        "sticker": message.sticker or message.dice,
        "video": message.video or message.video_note or message.animation,
        "place": message.location or message.venue,
        "contact": message.contact,
        "poll": message.poll,
    }
    if kind := next((kind for kind, thing in found.items() if thing), ""):
        return kind
    return "" if message.text or sent_in(message) or filters.StatusUpdate.ALL.check_update(Update(0, message)) else "message"


def rest_of(text: str) -> str:
    """Return what follows the first word."""
    return "".join(text.split(maxsplit=1)[1:])


def overtakes(update: Update) -> bool:
    """Tell whether the update must not wait for its chat's earlier ones: a button, or /cancel."""
    words = ((update.message.text if update.message else "") or "").split(maxsplit=1)
    return update.callback_query is not None or (bool(words) and words[0].split("@")[0] == "/cancel")
