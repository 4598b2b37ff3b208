"""What the inbox keeps across a death of its process."""

import stat
from pathlib import Path

import pytest
from telegram import Bot, Update
from telegram.error import NetworkError

from deployments.bot import inbox as module
from deployments.bot.inbox import Inbox
from domain.errors import ServiceUnreachable

BOT = Bot("42:token")


def an_update(number: int, text: str = "hi") -> Update:
    chat = {"id": 1001, "type": "private"}
    person = {"id": 1001, "is_bot": False, "first_name": "Ann"}
    update = Update.de_json(
        {"update_id": number, "message": {"message_id": 1, "date": 1, "chat": chat, "from": person, "text": text}}, BOT
    )
    assert update
    return update


async def nothing_sealed(update: Update) -> Update:
    return update


def queued(inbox: Inbox) -> list[tuple[int, str]]:
    updates = [inbox.get_nowait() for _ in range(inbox.qsize())]
    return [(u.update_id, u.message.text) for u in updates if isinstance(u, Update) and u.message and u.message.text]


async def test_unfinished_updates_come_back_in_order_and_finished_ones_do_not(tmp_path: Path) -> None:
    before = Inbox(tmp_path, nothing_sealed)
    for number in (9, 10, 11):
        await before.put(an_update(number, f"text {number}"))
    await before.finish(an_update(10))
    after = Inbox(tmp_path, nothing_sealed)
    await after.load(BOT)
    assert queued(after) == [(9, "text 9"), (11, "text 11")]


async def test_update_that_comes_again_is_dropped_whether_waiting_or_finished(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, nothing_sealed)
    await inbox.put(an_update(1))
    await inbox.put(an_update(1))
    await inbox.finish(an_update(1))
    await inbox.put(an_update(1))
    assert queued(inbox) == [(1, "hi")]
    again = Inbox(tmp_path, nothing_sealed)
    await again.put(an_update(1))
    assert queued(again) == []


async def test_half_written_update_is_not_taken_for_one(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, nothing_sealed)
    (tmp_path / "new" / ".7").write_text('{"upd')
    await inbox.load(BOT)
    assert queued(inbox) == []


async def test_nobody_else_can_read_what_was_said(tmp_path: Path) -> None:
    await Inbox(tmp_path / "telegram", nothing_sealed).put(an_update(1))
    assert stat.S_IMODE((tmp_path / "telegram").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "telegram" / "new" / "1").stat().st_mode) == 0o600


async def test_only_the_newest_marks_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    inbox = Inbox(tmp_path, nothing_sealed)
    for number in (8, 9, 10):
        await inbox.put(an_update(number))
        await inbox.finish(an_update(number))
    assert {path.name for path in (tmp_path / "done").iterdir()} == {"9", "10"}


@pytest.mark.parametrize("error", [ServiceUnreachable("the registry", "looking"), OSError(28, "No space left on device")])
async def test_update_that_cannot_be_stored_is_not_confirmed_and_comes_again(tmp_path: Path, error: Exception) -> None:
    """The vendor's polling goes on after this error alone: any other ends it, and nobody is heard any more."""
    errors = [error]

    async def seal(update: Update) -> Update:
        if errors:
            raise errors.pop()
        return update

    inbox = Inbox(tmp_path, seal)
    with pytest.raises(NetworkError, match="update 1 is not stored"):
        await inbox.put(an_update(1))
    await inbox.put(an_update(1))
    assert queued(inbox) == [(1, "hi")]
