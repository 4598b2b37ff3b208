"""Files of the simulated Telegram: sent by either side, told by their ids, downloaded by their paths."""

from dataclasses import dataclass, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.fakes.telegram_methods import Methods
from tests.fakes.telegram_values import File, Refused, bad

DOWNLOAD, UPLOAD, PHOTO = 20_000_000, 50_000_000, 10_000_000
"""Bytes that a bot may download, and send as a document or photo."""
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")


@dataclass(frozen=True)
class Upload:
    """A file in a call."""

    name: str
    mime: str
    content: bytes


class FileMethods(Methods):
    """The methods with files; `files` holds what can be downloaded, by file id."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, File] = {}

    def sendDocument(self, call: dict[str, Any]) -> dict[str, Any]:
        self.chat(call)
        return self.posted(call, *self.caption(call), file=self.attached(call, "document", UPLOAD))

    def sendPhoto(self, call: dict[str, Any]) -> dict[str, Any]:
        self.chat(call)
        file = self.attached(call, "photo", PHOTO)
        if not self.files[file.id].startswith(PICTURES):
            raise bad("IMAGE_PROCESS_FAILED")
        return self.posted(call, *self.caption(call), file=file)

    def getFile(self, call: dict[str, Any]) -> dict[str, Any]:
        name = str(call.get("file_id"))
        if name not in self.files:
            raise bad("wrong file_id or the file is temporarily unavailable")
        size = len(self.files[name])
        if size > DOWNLOAD:
            raise bad("file is too big")
        folder = f"{self.kinds[name].kind}s" if name in self.kinds else "documents"
        return {"file_id": name, "file_unique_id": name, "file_size": size, "file_path": f"{folder}/{name}"}

    def attached(self, call: dict[str, Any], field: str, most: int) -> File:
        """Return the file of a call: uploaded in it, here or by `attach://`, or known by its id."""
        given = call.get(field)
        if isinstance(given, str) and given.startswith("attach://"):
            given = call.get(given.removeprefix("attach://"))
        if isinstance(given, str) and given in self.kinds:
            return self.kinds[given]
        if not isinstance(given, Upload):
            raise bad(f"there is no {field} in the request")
        if not given.content:
            raise bad("file must be non-empty")
        if len(given.content) > most:
            raise Refused(413, "Request Entity Too Large")
        return self.keep(File(field, "", given.name, given.mime, len(given.content)), given.content)

    def keep(self, file: File, content: bytes) -> File:
        """Store a file under an id of its own."""
        known = replace(file, id=f"file-{len(self.files) + 1}")
        self.files[known.id], self.kinds[known.id] = content, known
        return known


def parts_of(kind: str, body: bytes) -> dict[str, Any]:
    """Read a multipart form: texts as texts, what has a file name as an Upload."""
    form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + body)
    found: dict[str, Any] = {}
    for part in form.iter_parts():
        content, name = part.get_payload(decode=True), part.get_filename()
        assert isinstance(content, bytes)
        field = str(part.get_param("name", header="content-disposition"))
        found[field] = content.decode() if name is None else Upload(name, part.get_content_type(), content)
    return found
