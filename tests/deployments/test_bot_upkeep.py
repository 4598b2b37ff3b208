"""Releases and the end of a project, by thumb."""

import pytest

from tests.deployments.conftest import ANN, IVAN, begun, released
from tests.deployments.test_bot_commands import press
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi


@pytest.mark.usefixtures("bot")
async def test_releases_are_listed_with_a_button_to_each_that_can_come_back(api: TelegramApi, desk: FakeDesk) -> None:
    await begun(api, desk, ANN, "notes")
    await api.say(ANN, "/history")
    await api.message(ANN, "nothing went online yet")
    await released(desk, "notes", 3)
    await api.say(ANN, "/history notes")
    shown = await api.message(ANN, "releases, the newest first")
    assert [line.split(":")[-1].strip() for line in shown.text.splitlines()[1:]] == ["online", "kept", "kept"]
    await press(api, shown, "1, of")
    await api.message(ANN, "notes goes back to version 1")
    assert desk.went_to == [(1, "")]


@pytest.mark.usefixtures("bot")
async def test_project_is_deleted_after_a_question_and_an_old_button_spares_its_namesake(
    api: TelegramApi, desk: FakeDesk
) -> None:
    await begun(api, desk, ANN, "notes")
    for words in ("/down", "/down notes yes"):
        await api.say(ANN, words)
    await api.until(lambda: len([m for m in api.messages(ANN) if "Nobody can bring that back" in m.text]) == 2)
    assert desk.taken_down == []
    asked = await api.message(ANN, "Delete notes (notes) with its code, data, secrets and addresses?")
    await press(api, asked, "Delete notes for good")
    await api.message(ANN, "notes is gone")
    assert desk.taken_down == [("notes", f"telegram:{ANN}")]
    await press(api, asked, "Delete notes for good")
    await api.message(ANN, "You have no project yet")
    assert len(desk.taken_down) == 1


@pytest.mark.usefixtures("bot")
async def test_project_is_deleted_in_russian(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, IVAN, "заметки")
    await api.say(IVAN, "/down")
    await press(api, await api.message(IVAN, "Вернуть это не сможет никто"), "навсегда")
    await api.message(IVAN, "проект удалён")
    assert desk.taken_down == [(run.project, f"telegram:{IVAN}")]
