"""Files for a request: each is judged and kept for its person by itself, and then named by the mark that it was given."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request

from deployments.api.access import House, Owned, TheHouse, Theirs
from deployments.api.doors import FILES
from deployments.api.problems import Refusal
from deployments.api.seals import sealed, unsealed
from deployments.api.shapes import FileKept
from deployments.api.wishes import WHOLE
from domain.attachments import Attachment, checked_count, owner_of

router = APIRouter(tags=["projects"])

KIND = "file"
Files = Callable[[], Awaitable[Sequence[Attachment]]]
"""Judges and keeps what came with a wish; asked for when its person may begin something, and not before."""
FileName = Annotated[
    str, Query(min_length=1, max_length=255, pattern=WHOLE, description="Name of the file.", examples=["prices.csv"])
]
RAW = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


@router.put(FILES, openapi_extra=RAW)
async def keep_file(request: Request, house: TheHouse, theirs: Owned, name: FileName) -> FileKept:
    """Keep a file for your next requests, which name it by its mark: UTF-8 text, a zip or a picture. 409 for what is none."""
    from tasks.attachments import take_in  # loads Prefect

    taken = await take_in(theirs.caller.owner, name, await request.body(), house.files, house.desk.attachments)
    return FileKept(name=taken.name, kind=taken.kind, bytes=taken.bytes, file=sealed(KIND, taken, house.pepper))


def named(marks: Sequence[str], house: House, theirs: Theirs) -> Files:
    """Return how the files come of a wish that names them."""

    async def files() -> Sequence[Attachment]:
        return files_of(marks, house, theirs.caller.owner)

    return files


def files_of(marks: Sequence[str], house: House, person: str) -> tuple[Attachment, ...]:
    """Return the files that a request names; raise Refusal for a mark that is not this person's, and for too many."""
    found = [unsealed(KIND, mark, Attachment, house.pepper) for mark in marks]
    theirs = [each for each in found if each is not None and each.owner == owner_of(person)]
    if len(theirs) < len(found):
        raise Refusal(422, "one of `files` is no file of yours: send it again")
    return checked_count(theirs, house.files)
