"""What the simulated Telegram is made of: people, messages, buttons, files, and refusals."""

from dataclasses import dataclass, field
from typing import Any


class Refused(Exception):
    """An answer with `ok: false`: (error code, description, parameters)."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(code, description, parameters)


class Fault(Exception):
    """An answer that is none: (status, body, whether the call was carried out before, whether the answer breaks off)."""

    def __init__(self, status: int, body: str, *, taken: bool = False, torn: bool = False) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body
        self.taken, self.torn = taken, torn


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


@dataclass
class Button:
    """One inline button as the person sees it."""

    label: str
    data: str
    chat: int
    message: int
    url: str = ""
    row: int = 0


@dataclass(frozen=True)
class File:
    """What hangs on a message; `kind` is the Bot API's word: document, photo or voice."""

    kind: str
    id: str
    name: str
    mime: str
    size: int


@dataclass
class Message:
    """One message as it stands now; `versions` are the texts it had, oldest first."""

    id: int
    chat: int
    by_bot: bool
    text: str
    entities: list[dict[str, Any]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    reaction: str = ""
    deleted: bool = False
    file: File | None = None
    """With one, `text` is its caption."""
    asks: str | None = None
    """Placeholder of a forced reply; None when the message forces none."""
    reply_to: int = 0
    silent: bool = False


@dataclass
class Person:
    id: int
    language: str = "en"
    blocked: bool = False
    actions: list[str] = field(default_factory=list)
    draft: str | None = None
    """What the bot streams now; None when it streams nothing."""
    drafts: list[str] = field(default_factory=list)


def as_sent(message: Message) -> dict[str, Any]:
    """Return a message as the Bot API shows it."""
    kinds = [{"text": b.label, **({"url": b.url} if b.url else {"callback_data": b.data})} for b in message.buttons]
    rows = [
        [k for k, b in zip(kinds, message.buttons, strict=True) if b.row == n] for n in sorted({b.row for b in message.buttons})
    ]
    named = ("caption", "caption_entities") if message.file else ("text", "entities")
    return {
        "message_id": message.id, "date": 1_790_000_000, "chat": {"id": message.chat, "type": "private"},
        **(media(message.file) if message.file else {}), **dict(zip(named, (message.text, message.entities), strict=True)),
        **({"reply_markup": {"inline_keyboard": rows}} if rows else {}),
        **({"edit_date": 1_790_000_001} if len(message.versions) > 1 else {}),
    }  # fmt: skip


def media(file: File) -> dict[str, Any]:
    """Return a message's file as the Bot API shows it; a photo is its only size."""
    facts = {"file_id": file.id, "file_unique_id": file.id, "file_size": file.size}
    match file.kind:
        case "photo":
            return {"photo": [{**facts, "width": 90, "height": 90}]}
        case "voice":
            return {"voice": {**facts, "duration": 1, "mime_type": file.mime}}
        case _:
            return {"document": {**facts, "file_name": file.name, "mime_type": file.mime}}
