"""Commands of the bot as a person gives them: typed whole, or by thumb through buttons."""

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from blocks.installation import Installation
from deployments.bot.commands import COMMANDS
from deployments.bot.messages import Said
from deployments.bot.owned import Owned
from deployments.bot.projects import ProjectCommands
from deployments.bot.sendings import Sendings
from deployments.bot.speech import Speech
from domain.people import Person
from domain.runs import RunState
from domain.seen import Seen
from domain.usage import TokenUsage
from tasks.proof import prove
from tests.deployments.conftest import ANN, BOB, IVAN, begun, released
from tests.fakes.desk import FakeDesk, a_brief
from tests.fakes.engine import FakeEngine
from tests.fakes.telegram_api import TelegramApi
from tests.fakes.telegram_methods import Message
from tests.tasks.conftest import brief, request
from tests.tasks.test_proof import FLAKY, JUDGED

ANN_IS = f"telegram:{ANN}"


async def delivered(api: TelegramApi, desk: FakeDesk, text: str, chat: int = ANN) -> str:
    """Let the person have a project that is online; return its name."""
    run = await begun(api, desk, chat, text)
    await desk.end(run.id, address=f"http://{run.project}.localhost")
    await api.message(chat, "is online" if chat != IVAN else "в сети", run.project)
    return run.project


async def press(api: TelegramApi, message: Message, label: str) -> str:
    """Press the button that holds this label."""
    return await api.press(next(button for button in message.buttons if label in button.label))


@pytest.mark.usefixtures("bot")
async def test_every_command_is_in_the_menu_of_both_languages(api: TelegramApi) -> None:
    await api.until(lambda: len(api.commands) == 2)
    english, russian = ({each["command"]: each["description"] for each in api.commands[tag]} for tag in ("", "ru"))
    assert tuple(english) == tuple(russian) == COMMANDS
    assert all(english[name] != russian[name] for name in COMMANDS)
    assert {"new", "projects", "logs", "cost", "secrets", "rollback", "domain", "proof", "settings", "language"} <= {*COMMANDS}


@pytest.mark.usefixtures("bot")
async def test_project_is_chosen_by_button_where_none_is_named(api: TelegramApi, desk: FakeDesk) -> None:
    await delivered(api, desk, "notes")
    await delivered(api, desk, "timer")
    await api.say(ANN, "/rollback")
    asked = await api.message(ANN, "Which project?")
    assert {button.label for button in asked.buttons} == {"notes", "timer"}
    await press(api, asked, "timer")
    await api.message(ANN, "timer has no earlier good version")


@pytest.mark.usefixtures("bot")
async def test_version_to_go_back_to_is_chosen_by_button(api: TelegramApi, desk: FakeDesk) -> None:
    await delivered(api, desk, "notes")
    await released(desk, "notes", 3)
    await api.say(ANN, "/status notes")
    await api.message(ANN, "notes (notes): online", "it does not run at the moment")
    await api.say(ANN, "/rollback notes")
    asked = await api.message(ANN, "To which version of notes")
    assert [button.label.split(",")[0] for button in asked.buttons] == ["2", "1"]
    await press(api, asked, "1, of")
    await api.message(ANN, "notes goes back to version 1")
    await api.say(ANN, "/rollback notes 2 keep")
    await api.message(ANN, "notes goes back to version 2")
    await api.say(ANN, "/rollback notes 2 burn")
    await api.message(ANN, "with keep or restore after it")
    assert desk.went_to == [(1, ""), (2, "keep")]


@pytest.mark.usefixtures("bot")
async def test_all_that_can_be_seen_of_a_project_is_a_button_of_its_status(api: TelegramApi, desk: FakeDesk) -> None:
    await delivered(api, desk, "notes")
    await api.say(ANN, "/projects")
    await press(api, await api.message(ANN, "Your projects. Press one"), "notes")
    standing = await api.message(ANN, "notes (notes): not online")
    await press(api, standing, "Diff")
    await api.message(ANN, "Nothing of notes has changed yet")
    await press(api, standing, "Cost")
    await api.message(ANN, "notes: $0.00 of $5.00")
    await press(api, standing, "Secrets")
    await api.message(ANN, "notes has no secrets")
    await press(api, standing, "Addresses")
    await api.message(ANN, "notes is reached at: notes.localhost")
    await press(api, standing, "Proof")
    await api.message(ANN, "notes has no proof yet")
    await press(api, standing, "Logs")
    await api.message(ANN, "notes: what was done")
    await api.message(ANN, "notes is not online or printed nothing yet")


@pytest.mark.usefixtures("bot")
async def test_another_persons_projects_are_as_unknown_as_none(api: TelegramApi, desk: FakeDesk) -> None:
    await delivered(api, desk, "notes")
    run = (await desk.registry.runs())[0]
    await api.say(BOB, f"/logs {run.id}")
    await api.message(BOB, "You have no project yet")
    for command in ("status", "logs", "diff", "cost", "secrets", "rollback", "domain", "proof"):
        before = len(api.messages(BOB))
        await api.say(BOB, f"/{command} notes")
        await api.until(lambda before=before: len(api.messages(BOB)) > before)
        assert "no project" in api.messages(BOB)[-1].text, command


@pytest.mark.usefixtures("bot")
async def test_several_runs_are_stopped_by_choosing_one(api: TelegramApi, desk: FakeDesk) -> None:
    await begun(api, desk, ANN, "notes")
    await api.say(ANN, "timer")
    await api.until(lambda: len(api.messages(ANN)) == 2)
    await api.say(ANN, "/cancel")
    pressed = await press(api, await api.message(ANN, "Which one shall I stop?"), "timer")
    assert await api.until(partial(api.queries.get, pressed)) == "Stopping timer."
    states = {run.project: run.state for run in await desk.registry.runs()}
    assert states == {"notes": RunState.QUEUED, "timer": RunState.CANCELLED}


@pytest.mark.usefixtures("bot")
async def test_language_is_kept_for_its_person_and_shown_by_settings(api: TelegramApi, desk: FakeDesk) -> None:
    await api.say(ANN, "/language")
    await press(api, await api.message(ANN, "Which language"), "In Russian")
    await api.message(ANN, "Готово. Язык: По-русски.")
    await api.say(ANN, "/help")
    await api.message(ANN, "Напишите своими словами")
    await api.say(ANN, "/settings")
    shown = await api.message(ANN, "Язык: По-русски. Новости: со звуком.")
    await press(api, shown, "без звука")
    await api.message(ANN, "Новости: без звука")
    assert await desk.registry.person(ANN_IS) == Person(name=ANN_IS, language="ru", quiet=True)
    await desk.registry.add_project(a_brief("notes", "notes"), ANN_IS, "notes.localhost", datetime.now(UTC))
    await api.say(ANN, "/rollback")
    await api.message(ANN, "У notes нет прежней рабочей версии")
    await api.say(ANN, "/language auto")
    await api.message(ANN, "Done. Language: As you write.")
    assert (await desk.registry.person(f"telegram:{BOB}")).language == "auto"


@pytest.mark.usefixtures("bot")
async def test_new_says_what_to_say_or_begins(api: TelegramApi, desk: FakeDesk) -> None:
    await api.say(ANN, "/new")
    await api.message(ANN, "Say in one message what you want")
    await api.say(ANN, "/new notes")
    await api.message(ANN, "waiting for its turn")
    assert desk.proposed == ["notes"]


@pytest.mark.usefixtures("bot")
async def test_long_journal_comes_as_a_file_and_a_short_one_escaped(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    await desk.go_on(run.id, "plan", text="<b>a & b</b>")
    await api.say(ANN, f"/logs {run.id}")
    short = await api.message(ANN, "what was done", "<b>a & b</b>")
    assert short.file is None
    await desk.go_on(run.id, "develop", text="<i>" + "long & " * 1_000)
    await api.say(ANN, "/logs notes")
    sent = await api.until(lambda: next((each for each in api.messages(ANN) if each.file), None))
    assert sent.text == f"📜 notes: what was done ({run.id})"
    assert ("<i>" + "long & " * 999).encode() in api.files[sent.file.id]


@pytest.mark.usefixtures("bot")
async def test_change_of_a_run_is_shown_against_what_it_began_with(
    api: TelegramApi, desk: FakeDesk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = await begun(api, desk, ANN, "notes")
    await api.say(ANN, "/diff")
    await api.message(ANN, "Nothing of notes has changed yet")
    await desk.vault.put("notes", "API_KEY", "tea-and-biscuits")
    await desk.git.create("notes")
    parent = None
    for branch, text in (("main", "one\n"), (f"run/{run.id}", "two <&> tea-and-biscuits\n")):
        folder = tmp_path_factory.mktemp("work")
        (folder / "app.py").write_text(text)
        commit = await desk.git.commit_tree("notes", folder, branch=branch, parent=parent, message="x", author="A <a@b.c>")
        parent = commit.sha
    await api.say(ANN, "/diff notes")
    shown = await api.message(ANN, "notes: files changed: 1, lines added: 1, removed: 1", "+two <&>")
    assert "biscuits" not in shown.text


@pytest.mark.usefixtures("bot")
async def test_addresses_come_and_go(api: TelegramApi, desk: FakeDesk) -> None:
    await delivered(api, desk, "notes")
    await api.say(ANN, "/domain notes Shop.Example.org")
    await api.message(ANN, "shop.example.org leads to notes now")
    await api.say(ANN, "/domain")
    shown = await api.message(ANN, "notes is reached at: notes.localhost, shop.example.org")
    await press(api, shown, "Take away shop.example.org")
    await api.message(ANN, "shop.example.org does not lead to notes any more")
    assert await desk.registry.domains("notes") == ()


@pytest.mark.usefixtures("bot")
async def test_cost_is_told_of_a_run_and_of_all_projects(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    await desk.registry.reserve("c1", "notes", run.id, "developer", "m", 1_000_000)
    await desk.registry.settle("c1", TokenUsage(input=1_000, output=20), 230_000)
    await api.say(ANN, f"/cost {run.id}")
    await api.message(ANN, "this work has cost $0.23 so far, in 1 calls of models (1,000 tokens read, 20 written)")
    await api.say(ANN, "/cost")
    await api.message(ANN, "💰 notes: $0.23 of $5.00")


@pytest.mark.usefixtures("bot")
async def test_secrets_are_listed_by_name_and_never_shown(api: TelegramApi, desk: FakeDesk) -> None:
    run = await begun(api, desk, ANN, "notes")
    await desk.vault.put("notes", "API_KEY", "tea-and-biscuits")
    await desk.registry.update_run(run.id, state=RunState.WAITING, waits_for=("API_KEY", "MAIL_PASSWORD"))
    await api.say(ANN, "/secrets")
    told = await api.message(ANN, "Secrets of notes", "API_KEY: 0 min old, 16 characters", "MAIL_PASSWORD: waited for")
    assert "biscuits" not in told.text


@pytest.mark.usefixtures("bot")
async def test_card_speaks_the_language_chosen_and_news_come_without_a_sound_when_so_wished(
    api: TelegramApi, desk: FakeDesk
) -> None:
    await desk.registry.keep_person(Person(name=ANN_IS, language="ru", quiet=True))
    await api.say(ANN, "notes")
    card = await api.message(ANN, "ждёт своей очереди")
    await press(api, card, "Журнал")
    await api.message(ANN, "notes: что сделано")
    [run] = await desk.registry.runs()
    await desk.end(run.id, address="http://notes.localhost")
    await api.message(ANN, "notes в сети", "http://notes.localhost")
    sent = [call for method, call in api.calls if method == "sendMessage"]
    assert [call.get("disable_notification", "") for call in sent] == ["true", "", "true"]


@pytest.mark.usefixtures("bot")
async def test_proof_comes_as_a_file_with_its_figures_in_the_persons_language(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    await desk.registry.add_project(brief(), f"telegram:{IVAN}", "notes.localhost", datetime.now(UTC))
    await desk.registry.add_run(request(), datetime.now(UTC))
    installation = Installation(home=str(tmp_path), engine="docker", model="claude-sonnet-5-5")
    await prove.fn(request(), "c" * 40, JUDGED, Seen().after(FLAKY).flaky, installation, desk.registry)
    await api.say(IVAN, "/proof")
    sent = await api.message(IVAN, "прошло тестов:", "Подпись верна.")
    assert " of " not in sent.text
    assert b'"signature"' in api.files[sent.file.id]


@pytest.mark.usefixtures("bot")
async def test_code_comes_home_as_a_zip_once_there_is_some(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    await desk.registry.add_project(brief(), f"telegram:{IVAN}", "notes.localhost", datetime.now(UTC))
    await api.say(IVAN, "/archive")
    await api.message(IVAN, "У notes ещё нет кода")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "app.py").write_text("accepted")
    await desk.git.create("notes")
    await desk.git.commit_tree("notes", tmp_path / "work", branch="main", parent=None, message="one", author="a <a@b.c>")
    await api.say(IVAN, "/archive notes")
    sent = await api.message(IVAN, "код, принятый последним")
    with zipfile.ZipFile(io.BytesIO(api.files[sent.file.id])) as archive:
        assert sorted(archive.namelist()) == ["notes.bundle", "notes/", "notes/app.py"]
        assert archive.read("notes/app.py") == b"accepted"


class Counting(FakeEngine):
    """Counts how often it is asked."""

    def check_reachable(self, attempted: str) -> None:
        self.times = getattr(self, "times", 0) + 1
        super().check_reachable(attempted)


class Sheet:
    """A chat of which the newest message can be read."""

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        self.html = html
        return "1"


async def test_status_of_many_projects_asks_the_engine_once(desk: FakeDesk, tmp_path: Path) -> None:
    engine, sheet, registry = Counting(), Sheet(), desk.registry
    look = FakeDesk(registry, desk.wakeups, engine=engine).look
    for slug in ("notes", "timer", "links"):
        await registry.add_project(a_brief(slug, slug), ANN_IS, f"{slug}.localhost", datetime.now(UTC))
        await released(desk, slug, 1)
    speech = Speech(sheet, registry, Sendings(tmp_path / "files"))
    said = Said(update=1, chat="1", person=ANN_IS, user=ANN, language="en", message="1", text="/status")
    await ProjectCommands(registry, desk.vault, look, Owned(registry, speech), speech).status(said)
    assert (engine.times, sheet.html.count("does not run at the moment")) == (1, 3)
    engine.reachable = False
    await ProjectCommands(registry, desk.vault, look, Owned(registry, speech), speech).status(said)
    assert (sheet.html.count("online"), sheet.html.count("does not run at the moment")) == (3, 0)
