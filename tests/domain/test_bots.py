"""The bot pool's decisions: what a bot says of itself, who gets one, when it may go on."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.bots import (
    Bot,
    BotCommand,
    BotState,
    bot_id,
    free,
    has_rested,
    low_key,
    named,
    profile_of,
    wants_bot,
    why_not_retired,
)
from domain.briefs import AcceptanceCheck, Brief
from domain.env_rules import requirements
from domain.errors import BadInput

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def a_bot(id: str = "7", state: BotState = BotState.FREE, project: str = "") -> Bot:
    return Bot(id=id, username=f"Pool{id}_bot", state=state, project=project, since=NOON)


def a_brief(title: str = "Notes", *, stories: tuple[str, ...] = ("I keep notes.",), summary: str = "Keeps notes.") -> Brief:
    check = AcceptanceCheck(id="lists", text="Given a note, when I send /list, then it is shown.")
    return Brief(
        title=title, slug="notes", kind="telegram-bot", language="en", summary=summary, stories=stories, checks=(check,)
    )


def test_profile_says_what_the_brief_says_with_the_commands_that_it_names() -> None:
    profile = profile_of(a_brief(stories=("By /add milk I add a note, by /list I see them.", "GET /health answers; see a/b.")))
    assert (profile.name, profile.description, profile.short) == ("Notes", "Keeps notes.", "Keeps notes.")
    said = "By /add milk I add a note, by /list I see them."
    assert profile.commands == (BotCommand(name="add", description=said), BotCommand(name="list", description=said))


@pytest.mark.parametrize("text", ["https://t.me/list", "see /var/log", "a/list", "/Add", "/list/7"])
def test_what_is_no_command_gives_none(text: str) -> None:
    assert [each.name for each in profile_of(a_brief(stories=(text,))).commands] == ["list"]  # the check's own


def test_profile_keeps_to_the_limits_of_the_bot_api_and_equal_ones_have_one_mark() -> None:
    profile = profile_of(a_brief("t" * 80, summary="long " * 180, stories=("/add " + "x" * 390,)))
    lengths = (len(profile.name), len(profile.description), len(profile.short), len(profile.commands[0].description))
    assert lengths == (64, 512, 120, 256)
    assert profile.mark == profile_of(a_brief("t" * 80, summary="long " * 180, stories=("/add " + "x" * 390,))).mark
    assert profile.mark != profile_of(a_brief()).mark


def test_profile_names_no_more_commands_than_the_bot_api_takes() -> None:
    story = " ".join(f"/c{number}" for number in range(75))
    profile = profile_of(a_brief(stories=(story, story.replace("c", "d"))))
    assert (len(profile.commands), profile.commands[-1].name) == (100, "d24")


@pytest.mark.parametrize(
    ("text", "given", "wants"),
    [
        ("TELEGRAM_BOT_TOKEN=\n", (), True),
        ("TELEGRAM_BOT_TOKEN=\n", ("TELEGRAM_BOT_TOKEN",), False),
        ("STRIPE_KEY=\n", (), False),
    ],
)
def test_bot_is_for_who_needs_a_token_and_gave_none(text: str, given: tuple[str, ...], wants: bool) -> None:
    assert wants_bot(requirements(text), given) is wants


@pytest.mark.parametrize(
    ("token", "number"), [("42:" + "A" * 35, "42"), ("42:short", ""), ("x", ""), ("42:" + "A" * 35 + " ", "")]
)
def test_token_says_whose_it_is(token: str, number: str) -> None:
    assert bot_id(token) == number


def test_bot_rests_for_its_time() -> None:
    resting = a_bot(state=BotState.RESTING)
    assert not has_rested(resting, NOON + timedelta(hours=1), timedelta(hours=2))
    assert has_rested(resting, NOON + timedelta(hours=2), timedelta(hours=2))
    assert not has_rested(a_bot(), NOON + timedelta(hours=2), timedelta(0))


def test_warning_is_one_for_the_same_bots_whatever_they_do() -> None:
    bots = [a_bot("1"), a_bot("2", BotState.LEASED, "notes")]
    assert free(bots) == 1
    assert low_key(bots) == low_key([a_bot("2"), a_bot("1", BotState.RESTING)])
    assert low_key(bots) != low_key([*bots, a_bot("3")])
    assert low_key(bots) == low_key([*bots, a_bot("3", BotState.RETIRED)])


def test_bot_is_found_by_name_or_number_and_a_leased_one_is_not_retired() -> None:
    mine = a_bot("2", BotState.LEASED, "notes")
    assert named([a_bot(), mine], "@pool2_bot") == named([mine], "2") == mine
    with pytest.raises(BadInput, match="no bot 'ghost'"):
        named([mine], "ghost")
    assert why_not_retired(a_bot()) is None
    assert "`slipway down notes` gives it back" in (why_not_retired(mine) or "")
