"""Files that wait for words: taken along once, whatever is killed."""

from datetime import UTC, datetime
from pathlib import Path

from deployments.bot.waiting_files import WaitingFiles
from domain.attachments import Attachment

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)


def file(name: str) -> Attachment:
    return Attachment(name=name, kind="text", digest="0" * 64, owner="a" * 16, bytes=5, media_type="")


async def test_files_whose_giving_back_was_killed_go_along_once(tmp_path: Path) -> None:
    waiting, taken = WaitingFiles(tmp_path), tmp_path / "7_1.json"
    await waiting.add("7", (file("a.csv"),), NOW)
    assert await waiting.take("7", 1, NOW) == (file("a.csv"),)
    held = taken.read_bytes()
    await waiting.give_back("7", 1)
    taken.write_bytes(held)  # as if killed right before it was removed
    after = WaitingFiles(tmp_path)
    await after.add("7", (file("b.csv"),), NOW)
    assert await after.take("7", 1, NOW) == (file("a.csv"),)
    assert await after.take("7", 2, NOW) == (file("b.csv"),)


async def test_files_that_were_given_back_go_along_with_the_next_words(tmp_path: Path) -> None:
    waiting = WaitingFiles(tmp_path)
    await waiting.add("7", (file("a.csv"),), NOW)
    await waiting.take("7", 1, NOW)
    await waiting.give_back("7", 1)
    assert await waiting.take("7", 2, NOW) == (file("a.csv"),)
    assert await waiting.take("7", 3, NOW) == ()
