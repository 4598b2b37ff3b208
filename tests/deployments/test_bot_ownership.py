"""Every command and every button, by somebody else than the owner: nothing is shown, and nothing changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.bot.commands import COMMANDS
from deployments.bot.preview_cards import CONFIRM
from deployments.bot.question_cards import ASK
from deployments.bot.talk_cards import BUILD, LATER
from deployments.bot.voices import DROP, USE
from deployments.wording.cards import STOP
from domain.buttons import button
from domain.host_claims import Domain
from domain.previews import PreviewedChange, PreviewState
from domain.runs import Run
from tests.deployments.conftest import ANN, BOB, begun, released
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi
from tests.fakes.telegram_values import Button

CANARY = "kanarienvogel"
HOST, SECRET = f"{CANARY}.example.org", "KANARIENVOGEL_KEY"
SAYS: dict[str, Sequence[str]] = {
    "start": ("notes",),
    "help": ("",),
    "new": ("",),
    "change": ("notes add a search",),
    "projects": ("", "notes"),
    "status": ("", "notes"),
    "logs": ("notes", "{run}"),
    "diff": ("notes", "{run}"),
    "cost": ("notes", "{run}"),
    "secrets": ("notes",),
    "rollback": ("notes", "notes 1", "notes 1 restore"),
    "domain": ("notes", "notes shop.example.org", f"notes - {HOST}"),
    "proof": ("notes",),
    "archive": ("notes",),
    "history": ("notes",),
    "preview": ("notes", "notes live 1", "notes drop 1"),
    "down": ("notes", "notes {sure}"),
    "cancel": ("notes", "{run}", ""),
    "page": ("", "notes"),
    "settings": ("", "notes"),
    "language": ("", "notes"),
}
"""What is said after each command about a project that is another's. A new command needs its line here."""
VOICE = f"{ANN}_77"
PRESSED = (
    *(f"{verb}:{{run}}" for verb in (STOP, CONFIRM, BUILD, LATER)),
    f"{ASK}:{{run}}:1:stop",
    *(f"{verb}:{name}" for verb in (USE, DROP) for name in (VOICE, "..", "")),
)


async def at_home(api: TelegramApi, desk: FakeDesk) -> Run:
    """Let ANN have a project with all that a project can have, and BOB one of his own; return ANN's run."""
    registry, now = desk.registry, datetime.now(UTC)
    await begun(api, desk, BOB, "timer")
    run = await begun(api, desk, ANN, "notes")
    project = await registry.project("notes")
    assert project is not None
    brief = project.brief.model_copy(update={"title": CANARY})
    await registry.set_brief("notes", brief)
    await released(desk, "notes", 2)
    await registry.add_domain(Domain(project="notes", host=HOST, by=f"telegram:{ANN}", added=now))
    change = PreviewedChange(
        project="notes", run=run.id, commit="new", candidate="sha256:2", base="old", brief=brief, checks=()
    )
    await registry.add_preview(change, "localhost", now, now + timedelta(days=3))
    await registry.move_preview("notes", 1, PreviewState.UP, address=f"http://{CANARY}.localhost")
    desk.vault.hold("notes", SECRET, "x" * 12)
    await desk.ask(run.id, evidence=CANARY)
    await api.message(ANN, CANARY)
    return run


async def world(desk: FakeDesk) -> object:
    """Return all of ANN's that somebody could change."""
    registry = desk.registry
    return (
        await registry.project("notes"),
        await registry.runs("notes"),
        await registry.releases("notes"),
        await registry.domains("notes"),
        await registry.previews("notes"),
        await registry.history("notes"),
        [await registry.escalations(run.id) for run in await registry.runs("notes")],
        await desk.vault.listed("notes"),
        desk.proposed,
        (desk.rolled_back, desk.confirmed, desk.domains, desk.resumed, desk.taken_down),
    )


async def sure_of(desk: FakeDesk) -> str:
    """Return what a button that deletes ANN's project says after its name."""
    project = await desk.registry.project("notes")
    assert project is not None
    return f"{project.created.timestamp():.0f}"


def seen(api: TelegramApi) -> str:
    """Return all that BOB was shown."""
    return "\n".join(m.text for m in api.messages(BOB)).lower()


def test_every_command_is_tried_by_somebody_else() -> None:
    assert set(SAYS) == set(COMMANDS)


@pytest.mark.usefixtures("bot")
async def test_command_neither_shows_nor_changes_what_is_anothers(api: TelegramApi, desk: FakeDesk) -> None:
    run = await at_home(api, desk)
    await desk.end((await desk.registry.runs("timer"))[0].id, address="http://timer.localhost")
    await api.message(BOB, "timer is online")
    sure = await sure_of(desk)
    before = await world(desk)
    for command, phrases in SAYS.items():
        for phrase in phrases:
            heard = len(api.messages(BOB))
            await api.say(BOB, f"/{command} {phrase.format(run=run.id, sure=sure)}".rstrip())
            await api.until(lambda heard=heard: len(api.messages(BOB)) > heard)
            assert CANARY not in seen(api), (command, phrase)
            assert await world(desk) == before, (command, phrase)
    assert not [message for message in api.messages(BOB) if message.file]


@pytest.mark.usefixtures("bot")
async def test_button_neither_shows_nor_changes_what_is_anothers(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    """The references are BOB's own, as if a message of ours had offered him ANN's things by mistake."""
    run = await at_home(api, desk)
    voice = tmp_path / "telegram" / "heard" / VOICE
    voice.write_text(CANARY)
    sure = await sure_of(desk)
    before = await world(desk)
    card = api.messages(BOB)[0]
    commands = [f"/{name} {phrase}" for name, phrases in SAYS.items() for phrase in phrases if "notes" in phrase]
    for action in (*PRESSED, *commands):
        forged = button(f"telegram:{BOB}", action.format(run=run.id, sure=sure), datetime.now(UTC))
        await desk.registry.show_buttons(forged)
        pressed = await api.press(Button("forged", forged.reference, BOB, card.id))
        answer = await api.until(lambda pressed=pressed: api.queries[pressed] is not None and [api.queries[pressed]])
        assert CANARY not in f"{answer} {seen(api)}".lower(), action
    await api.say(BOB, "/help")
    await api.message(BOB, "Write what you want")
    assert CANARY not in seen(api)
    assert await world(desk) == before
    assert voice.read_text() == CANARY
    heard = [await api.press(each, by=BOB) for message in api.messages(ANN) for each in message.buttons]
    assert heard
    await api.until(lambda: all(api.queries[each] == "That button is not for you." for each in heard))


@pytest.mark.usefixtures("bot")
async def test_host_that_is_anothers_is_refused_without_saying_whose_it_is(api: TelegramApi, desk: FakeDesk) -> None:
    await at_home(api, desk)
    await api.say(BOB, f"/domain timer {HOST}")
    refused = await api.message(BOB, f"{HOST} belongs to another project")
    assert "notes" not in refused.text
    assert [domain.project for domain in await desk.registry.domains()] == ["notes"]
