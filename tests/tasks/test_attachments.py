"""Files on their way from a person to the model and into the developer's workspace."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.attachment_files import AttachmentFiles
from blocks.registry.block import SqlRegistry
from domain.attachments import IMAGE_BYTES, AttachmentRefused, Limits
from domain.conversations import Image
from domain.redaction import Redactor
from tasks.attachments import read_files, take_in
from tasks.product_owner import write_brief
from tasks.redaction import install
from tests.blocks.test_zips import zipped
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, use
from tests.tasks.conftest import brief
from tests.tasks.talk_desk import ANN, TalkDesk, propose, reply
from tests.tasks.test_roles import MODEL, claude

LIMITS = Limits(megabytes=5.0, members=5)
PNG = b"\x89PNG\r\n\x1a\nand pixels"
TOKEN = "ghp_" + "Ab1" * 12


@pytest.fixture
def files(tmp_path: Path) -> AttachmentFiles:
    return AttachmentFiles(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"x" * 5_000_001, "too_big"),
        ("a.pdf", b"%PDF-1.7\n\xe2\xe3", "unknown"),
        ("a.png", PNG + bytes(IMAGE_BYTES), "photo_big"),
        ("notes.txt", f"use {TOKEN}".encode(), "credential"),
        ("site.zip", zipped(("deep/.env", f"KEY={TOKEN}".encode())), "credential"),
        ("site.zip", zipped(("../x", b"1")), "unsafe"),
    ],
)
async def test_what_is_refused_is_not_kept(files: AttachmentFiles, tmp_path: Path, name: str, content: bytes, why: str) -> None:
    with pytest.raises(AttachmentRefused) as refused:
        await take_in("telegram:1", name, content, LIMITS, files)
    assert refused.value.why == why
    assert TOKEN not in str(refused.value)
    assert not (tmp_path / "attachments").exists()


async def test_a_model_reads_texts_and_sees_photos_and_no_known_secret(files: AttachmentFiles) -> None:
    install(Redactor({"DOOR_CODE": "open-sesame-42"}))
    csv = await take_in("telegram:1", "prices.csv", b"tea;3\nopen-sesame-42", LIMITS, files)
    site = await take_in("telegram:1", "site.zip", zipped(("index.html", b"<p>Hello"), ("a.bin", b"\0\0")), LIMITS, files)
    photo = await take_in("telegram:1", "", PNG, LIMITS, files)
    read = await read_files([csv, site, photo], files)
    assert "tea;3" in read.text
    assert "open-sesame-42" not in read.text
    assert "index.html (8 bytes)" in read.text
    assert "<p>Hello" in read.text
    assert photo.name == "photo.png"
    assert read.pictures == (Image(media_type="image/png", base64=base64.b64encode(PNG).decode()),)


async def test_brief_is_written_from_the_words_the_files_and_the_photo(registry: SqlRegistry, files: AttachmentFiles) -> None:
    csv = await take_in(ANN, "prices.csv", b"tea;3", LIMITS, files)
    photo = await take_in(ANN, "sketch.png", PNG, LIMITS, files)
    handed_in = Say([use("submit_brief", **brief("prices").model_dump(mode="json"))])
    with ScriptedMessagesAPI([handed_in]) as api:
        await write_brief.fn(
            "r-000009", "a page of this", None, None, None, frozenset(), MODEL, claude(api), registry,
            attachments=(csv, photo), files=files,
        )  # fmt: skip
    content = api.requests[0].body["messages"][0]["content"]
    assert [block["type"] for block in content] == ["text", "image"]
    assert content[0]["text"].index("a page of this") < content[0]["text"].index("tea;3")
    line = (await registry.cost(run="r-000009")).tokens
    assert line.input + line.cache_write + line.cache_read > 1_600  # the picture is paid for


async def test_files_of_the_dialogue_are_seen_and_go_into_the_run_that_names_them(
    registry: SqlRegistry, files: AttachmentFiles
) -> None:
    csv = await take_in(ANN, "prices.csv", b"tea;3", LIMITS, files)
    photo = await take_in(ANN, "sketch.png", PNG, LIMITS, files)
    unknown, known = propose(), propose()
    unknown["input"]["files"], known["input"]["files"] = ["other.csv"], ["prices.csv"]
    script = [Say([unknown]), Say([known]), Say([reply("Like this?")]), Say([use("start")]), Say([reply("It is built.")])]
    with ScriptedMessagesAPI(script) as api:
        desk = TalkDesk(registry, api.url)
        desk.files = files
        await desk.talks.say(ANN, "u0", "make a page of these", datetime.now(UTC), files=(csv, photo))
        taken = await desk.take()
        answered = await desk.answer(taken)
        await desk.talks.end(taken, answered.upto, taken.talk.state.IDLE)
        await desk.talk("yes")
    first = api.requests[0].body["messages"][-1]["content"]
    assert [block["type"] for block in first[-2:]] == ["text", "image"]
    assert "tea;3" in first[-2]["text"]
    assert "no file 'other.csv' here; there are: prices.csv, sketch.png" in str(api.requests[1].body["messages"])
    assert [proposal.attachments for proposal in desk.deeds.started] == [(csv,)]
