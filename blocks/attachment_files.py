"""Attachments in the data folder, each named by the hash of its bytes.

`attachments/people/<owner>/<digest>` is a person's until its time is over, `attachments/runs/<run>/<owner>-<digest>` a run's
until it has ended: a hard link, so that the janitor may take either away without the other.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from blocks.private_files import write_private
from blocks.zips import members
from domain.attachments import FOLDER, Attachment, AttachmentRefused, Limits, places

UNPACKED = Limits(members=100_000, unpacked_megabytes=2_000)
"""What was judged at the door by the operator's limits is only kept from filling the disk here."""
PERSON_BYTES = 200_000_000
"""Of one person's files that no run has yet; the oldest go first."""


class AttachmentFiles:
    """The attachments of one data folder. Fulfils `domain.attachments.Attachments`."""

    def __init__(self, home: Path, person_bytes: int = PERSON_BYTES) -> None:
        self._person_bytes = person_bytes
        self._people = home / FOLDER / "people"
        self._runs = home / FOLDER / "runs"

    async def keep(self, attachment: Attachment, content: bytes) -> None:
        """Store the content for its person; kept already, its time begins anew."""
        await asyncio.to_thread(self._keep, attachment, content)

    async def content(self, attachment: Attachment) -> bytes:
        """Return the bytes; raise AttachmentRefused (`gone`) when they are not kept any more."""
        return await asyncio.to_thread(_read, self._path(attachment), attachment)

    async def give(self, run: str, attachments: Sequence[Attachment]) -> None:
        """Let the run have them until it has ended; given before, nothing changes."""
        await asyncio.to_thread(self._give, run, attachments)

    async def lay_out(self, run: str, attachments: Sequence[Attachment], folder: Path) -> None:
        """Write the run's files into the folder, each at its place, a zip unpacked."""
        await asyncio.to_thread(self._lay_out, run, attachments, folder)

    def _keep(self, attachment: Attachment, content: bytes) -> None:
        path = self._path(attachment)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, content)
        self._make_room(path)

    def _make_room(self, newest: Path) -> None:
        """Drop the person's oldest files when all together are more than anybody needs: a stranger shall not fill the disk."""
        room = self._person_bytes - newest.stat().st_size
        with suppress(FileNotFoundError):  # the janitor was faster; the next file is looked at again
            kept = [path for path in newest.parent.glob("[0-9a-f]*") if path != newest]
            for path in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True):
                room -= path.stat().st_size
                if room < 0:
                    path.unlink()

    def _give(self, run: str, attachments: Sequence[Attachment]) -> None:
        (self._runs / run).mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in attachments:
            with suppress(FileExistsError):
                try:
                    os.link(self._path(each), self._of_run(run, each))
                except FileNotFoundError:
                    if not self._of_run(run, each).exists():
                        raise AttachmentRefused(each.name, "gone") from None

    def _lay_out(self, run: str, attachments: Sequence[Attachment], folder: Path) -> None:
        for place, each in places(attachments):
            content = _read(self._of_run(run, each), each)
            if each.kind != "zip":
                (folder / place).write_bytes(content)
                continue
            (folder / place).mkdir()
            for path, body in members(each.name, content, UNPACKED):
                aim = folder / place / path
                aim.parent.mkdir(parents=True, exist_ok=True)
                aim.write_bytes(body)

    def _path(self, attachment: Attachment) -> Path:
        return self._people / attachment.owner / attachment.digest

    def _of_run(self, run: str, attachment: Attachment) -> Path:
        return self._runs / run / f"{attachment.owner}-{attachment.digest}"


def _read(path: Path, attachment: Attachment) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise AttachmentRefused(attachment.name, "gone") from None
    if hashlib.sha256(content).hexdigest() != attachment.digest:  # a disk that lost power
        raise AttachmentRefused(attachment.name, "gone")
    return content
