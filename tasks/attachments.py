"""Attachments on their way in, and as a model reads them.

True afterwards: of a file that was taken in, the bytes are kept for its person; of one that was refused, nothing. Uses the
data folder.
"""

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Sequence

from blocks.attachment_files import UNPACKED
from blocks.zips import members
from domain.attachments import (
    IMAGE_BYTES,
    LISTED,
    SHOWN,
    Attachment,
    AttachmentRefused,
    Attachments,
    Limits,
    Shown,
    as_data,
    kind_of,
    media_type_of,
    owner_of,
    safe_name,
    text_of,
)
from domain.conversations import Image, Part, Text
from domain.credentials import credential_in
from domain.values import Value
from tasks.redaction import redacted

ENDINGS = {"image/png": "photo.png", "image/jpeg": "photo.jpg", "image/gif": "photo.gif", "image/webp": "photo.webp"}


class Read(Value):
    """What a model is given of files."""

    text: str = ""
    pictures: tuple[Image, ...] = ()


async def take_in(person: str, name: str, content: bytes, limits: Limits, files: Attachments) -> Attachment:
    """Judge the file, keep it for its person and return it; raise AttachmentRefused, and keep nothing of it."""
    attachment = await asyncio.to_thread(judged, person, name, content, limits)
    await files.keep(attachment, content)
    return attachment


def judged(person: str, name: str, content: bytes, limits: Limits) -> Attachment:
    """Return the file as a value; raise AttachmentRefused for what is too large, unsafe, of no use, or holds a credential."""
    kind = kind_of(content)
    called = safe_name(name, ENDINGS.get(media_type_of(content), "file.txt"))
    if not content:
        raise AttachmentRefused(called, "empty")
    if len(content) > limits.bytes:
        raise AttachmentRefused(called, "too_big", f"at most {limits.megabytes:g} MB")
    if kind is None:
        raise AttachmentRefused(called, "unknown")
    if kind == "photo" and len(content) > IMAGE_BYTES:
        raise AttachmentRefused(called, "photo_big", f"at most {IMAGE_BYTES / 1_000_000:g} MB")
    for path, text in texts_in(called, kind, content, limits):
        if found := credential_in(text):
            raise AttachmentRefused(called, "credential", f"{found}{f' in {path}' if kind == 'zip' else ''}")
    return Attachment(
        name=called,
        kind=kind,
        digest=hashlib.sha256(content).hexdigest(),
        owner=owner_of(person),
        bytes=len(content),
        media_type=media_type_of(content),
    )


def texts_in(name: str, kind: str, content: bytes, limits: Limits) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of all that is text in the file, for a zip of its members; raise AttachmentRefused as `members`."""
    bodies = members(name, content, limits) if kind == "zip" else [(name, content)] if kind == "text" else []
    yield from ((path, text) for path, body in bodies if (text := text_of(body)) is not None)


async def read_files(attachments: Sequence[Attachment], files: Attachments) -> Read:
    """Return what a model is given of the files, known secrets taken out; one that is gone is told as such."""
    shown, pictures = [], []
    for each in attachments:
        try:
            content = await files.content(each)
        except AttachmentRefused as gone:
            shown.append(Shown(name=each.name, bytes=each.bytes, text=f"[{gone}]"))
            continue
        if each.kind == "photo":
            pictures.append(Image(media_type=each.media_type, base64=base64.b64encode(content).decode()))
        text = await asyncio.to_thread(_clean_text, each, content)
        shown.append(Shown(name=each.name, bytes=each.bytes, text=text))
    return Read(text=as_data(shown), pictures=tuple(pictures))


async def first_message(text: str, attachments: Sequence[Attachment], files: Attachments | None) -> Sequence[Part]:
    """Return the first message of a conversation, with what a model is given of the files after it."""
    read = await read_files(attachments, files) if files is not None else Read()
    return (Text(text=f"{text}\n\n{read.text}" if read.text else text), *read.pictures)


def _clean_text(attachment: Attachment, content: bytes) -> str:
    return redacted(_text_for_model(attachment, content))


def _text_for_model(attachment: Attachment, content: bytes) -> str:
    """Return a text as it is, of a zip its names and then its texts, of a photo that it is a picture."""
    match attachment.kind:
        case "photo":
            return "[a picture, which follows]"
        case "text":
            return text_of(content) or ""
        case "zip":
            return _zip_for_model(attachment, content)


def _zip_for_model(attachment: Attachment, content: bytes) -> str:
    names, texts, room = [], [], SHOWN
    for path, body in members(attachment.name, content, UNPACKED):
        names.append(f"{path} ({len(body):,} bytes)")
        text = text_of(body) if room > 0 else None
        if text is not None:
            texts.append(f"--- {path}\n{text[:room]}")
            room -= len(text)
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return "\n".join(["[a zip with these files]", *names[:LISTED], *more, *texts])
