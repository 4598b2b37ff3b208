"""What a card says at each state of a run."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from deployments.bot.rollback_cards import data_buttons
from deployments.wording.cards import Wanted, card, noted, wanted
from deployments.wording.notices import told, told_rollback
from domain.complaints import Complaint
from domain.forecasts import Outlook
from domain.outcomes import Cause
from domain.releases import Release, ReleaseState
from domain.reports import Outcome
from domain.runs import Origin, Progress, Run, RunState
from domain.telegram_html import parse
from domain.usage import Cost
from tests.fakes.desk import a_brief

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COST = Cost(calls=3, micro_usd=123_456)


def a_run(state: RunState = RunState.RUNNING, **fields: Any) -> Run:
    given = {"id": "r-abc123", "project": "notes", "change": False, "request": "notes", "origin": Origin(), "created": NOON}
    return Run.model_validate({**given, "state": state, **fields})


def line(sequence: int, kind: str, text: str, **data: int) -> Progress:
    return Progress.model_validate(
        {"run": "r-abc123", "sequence": sequence, "at": NOON, "kind": kind, "text": text, "step": "", "data": data}
    )


def goal(title: str = "Notes", language: str = "en", *checks: str) -> Wanted:
    return Wanted(title=title, language=language, checks=checks)


def shown(run: Run, *progress: Progress, language: str = "en", title: str = "Notes & more") -> str:
    return parse(card(run, progress, COST, goal(title, language), NOON + timedelta(minutes=2)).html)[0]


def test_card_of_a_working_run_ticks_what_is_done_and_points_at_the_current_step() -> None:
    run = a_run(step="develop", round=2)
    text = shown(
        run,
        line(1, "round", "round 2 of 3", round=2, of=3),
        line(2, "report", "5 passed, 1 failed"),
    )
    assert text == (
        "🛠 Notes & more · notes\n\n✅ Brief\n✅ Repository\n✅ Plan\n▶️ Code · round 2 of 3\n▫️ Tests\n▫️ Proof\n▫️ Settings\n▫️ "
        "Release\n▫️ Watching it run\n\n🧪 5 passed, 1 failed\n💰 $0.12, 2 min"
    )


def test_card_speaks_the_persons_language() -> None:
    text = shown(a_run(step="test"), language="ru")
    assert "✅ Код" in text
    assert "▶️ Тесты" in text


def test_card_of_a_queued_run_says_that_it_waits_for_its_turn() -> None:
    assert "waiting for its turn" in shown(a_run(RunState.QUEUED))


def test_stop_button_stands_until_the_run_ends() -> None:
    going = card(a_run(step="plan"), [], COST, goal(), NOON)
    over = card(a_run(RunState.DELIVERED, address="http://notes.localhost"), [], COST, goal(), NOON)
    looks = (("📜 Logs", "/logs r-abc123"), ("🧾 Diff", "/diff r-abc123"), ("💰 Cost", "/cost r-abc123"))
    assert going.buttons == (("⏹ Stop", "stop:r-abc123"), *looks)
    assert over.buttons == looks


def test_card_says_how_long_such_work_takes_until_it_ends_and_the_place_in_the_queue() -> None:
    expected = Outlook(usual=timedelta(minutes=7, seconds=40), place=3)
    waiting = card(a_run(RunState.QUEUED), [], COST, goal(), NOON, expected)
    over = card(a_run(RunState.DELIVERED, address="http://notes.localhost"), [], COST, goal(), NOON, expected)
    assert "waiting for its turn · place 3" in waiting.html
    assert "· such work takes about 8 min" in waiting.html
    assert "such work" not in over.html


def test_data_is_decided_by_button_when_going_back_could_cost_it() -> None:
    assert data_buttons("notes:refused-3-2", "notes", "en") == (
        ("Leave the data", "/rollback notes 2 keep"),
        ("Bring the data back", "/rollback notes 2 restore"),
    )
    assert data_buttons("notes:rollback-3-2", "notes", "en") == ()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("shape", "is no Stripe key"), ("refused", "was refused"), ("stand_in", "stands in"), ("former", "does not ask for")],
)
def test_run_that_was_given_a_wrong_secret_says_what_is_wrong_with_it(kind: str, said: str) -> None:
    wrong = Complaint.model_validate({"kind": kind, "what": "Stripe key", "like": "sk_live_…"})
    run = a_run(RunState.WAITING, waits_for=("STRIPE_KEY", "OTHER"))
    progress = Progress(
        run=run.id,
        sequence=1,
        at=NOON,
        kind="waiting",
        text="",
        data={"secrets": 1, "wrong:STRIPE_KEY": wrong.model_dump_json()},
    )
    assert said in told(run, [progress], goal())
    assert said not in told(run, [progress.model_copy(update={"data": {"secrets": 1}})], goal())


def test_delivered_card_has_all_ticks_and_the_address() -> None:
    text = shown(
        a_run(RunState.DELIVERED, step="watch", address="http://notes.localhost:8080", ended=NOON + timedelta(minutes=9))
    )
    assert text.count("✅") == 10
    assert text.endswith("💰 $0.12, 9 min\n\n🌐 Online: http://notes.localhost:8080")


def test_failed_card_marks_the_step_and_says_why() -> None:
    text = shown(a_run(RunState.FAILED, step="test", message="three rounds were not enough"))
    assert "❌ Tests" in text
    assert "▫️ Release" in text
    assert text.endswith("Not delivered: three rounds were not enough")


def test_waiting_card_names_what_is_missing() -> None:
    assert "⏸ Waits for: OPENAI_KEY, DB" in shown(a_run(RunState.WAITING, step="environment", waits_for=("OPENAI_KEY", "DB")))


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_nothing_that_others_wrote_breaks_the_html(state: RunState, language: str) -> None:
    evil = "<b>& </i> <script>" * 300
    run = a_run(state, step="test", round=1, message=evil, address='http://x/"><b>', waits_for=("<A>",), request=evil)
    html = card(run, [line(1, "report", evil), line(2, "note", evil)], COST, goal(evil, language, *[evil] * 20), NOON).html
    assert "<script>" in parse(html)[0]
    assert len(parse(html)[0]) < 2500
    assert parse(told(run, [], goal(evil, language)))[0]


def test_card_shows_what_will_be_true_in_the_end_and_how_much_more_there_is() -> None:
    html = card(a_run(step="plan"), [], COST, goal("Notes", "en", *[f"check {n} & more" for n in range(8)]), NOON).html
    assert "It is done when:\n☐ check 0 & more\n" in parse(html)[0]
    assert "☐ check 5 & more\n… and 2 more\n" in parse(html)[0]


def test_card_of_a_change_shows_its_own_brief_and_not_the_projects() -> None:
    brief = a_brief("notes", "Notes with search")
    line_of_change = Progress(run="r-abc123", sequence=1, at=NOON, kind="note", text="", data=noted(brief))
    assert wanted(a_run(), [line_of_change], None) == goal("Notes with search", "en", brief.checks[0].text)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_verdict_and_every_cause_is_said_in_russian(outcome: Outcome) -> None:
    report = Progress.model_validate(
        {**line(1, "report", "English words").model_dump(), "data": {"outcome": outcome, "passed": 1, "failed": 2}}
    )
    assert not set("abcdefghijklmnopqrstuvwxyz") & set(
        shown(a_run(step="test"), report, language="ru", title="Ж").split("🧪")[1]
    )
    for cause in get_args(Cause)[1:]:
        end = Progress.model_validate({**line(2, "end", "English").model_dump(), "data": {"cause": cause}})
        assert "English" not in told(a_run(RunState.FAILED, message="English"), [end], goal("Ж", "ru"))


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("it was unhealthy: /health answers 500", "/health ответил 500"),
        ("it was unhealthy: /health does not answer (ReadTimeout)", "/health не ответил"),
        ("it was unhealthy: the app is stopped (exit code 1)", "работа прервалась сама"),
        ("asked for in Telegram (by telegram:1)", "вы попросили"),
        ("asked for in the dialogue: it is slow (by telegram:1)", "вы попросили"),
    ],
)
def test_rollback_is_told_with_its_reason_in_the_persons_language(reason: str, why: str) -> None:
    taken = Release(
        project="notes",
        number=2,
        run="r-abc123",
        commit="c0ffee",
        candidate="sha256:1",
        environment_version=1,
        state=ReleaseState.ROLLED_BACK,
        reason=reason,
        created=NOON,
    )
    text = told_rollback("notes:rollback-2-1", [taken], "notes", "Заметки", "ru")
    assert f"версия 2 снята, снова работает версия 1. Причина: {why}." in text
    assert "прежней рабочей версии нет" in told_rollback("notes:rollback-2-none", [taken], "notes", "Заметки", "ru")
    refused = told_rollback("notes:refused-2-1", [taken], "notes", "Заметки", "ru")
    assert "/rollback notes 1 keep" in refused
    assert "ни одна из прежних не запускается" in told_rollback("notes:rollback-2-unfit", [taken], "notes", "Заметки", "ru")
    flap = told_rollback("notes:rollback-2-asks-7", [taken], "notes", "Notes", "en")
    assert "/rollback notes goes one version further back" in flap
    assert "no room on the disk" in told_rollback("notes:refused-2-unfinished", [taken], "notes", "Notes", "en")
    assert told_rollback("r-abc123:end", [taken], "notes", "Заметки", "ru") == ""


def test_what_the_reviewer_still_objects_to_is_told_with_the_address() -> None:
    objection = line(1, "note", "the reviewer objects to app/a.py:3: <b> is not escaped", reservation=1)
    told_on = told(a_run(RunState.DELIVERED, address="http://notes.localhost"), [objection, line(2, "note", "noise")], goal())
    assert parse(told_on)[0].endswith("http://notes.localhost\n⚠️ the reviewer objects to app/a.py:3: <b> is not escaped")


def test_told_end_has_the_address_or_the_reason_and_the_next_thing_to_do() -> None:
    delivered = told(a_run(RunState.DELIVERED, address="http://notes.localhost"), [], goal())
    failed = told(a_run(RunState.FAILED, message="no tests"), [], goal())
    waits = told(a_run(RunState.WAITING, waits_for=("API_KEY",)), [], goal())
    assert (
        parse(delivered)[0]
        == "✅ Notes is online. To change it: /change notes what should be different\nhttp://notes.localhost"
    )
    assert parse(failed)[0].startswith("❌ Notes was not delivered: no tests. Say it")
    assert "slipway secret set notes API_KEY" in waits


@pytest.mark.parametrize(
    ("language", "steps"),
    [("en", ("1. Open @BotFather", "2. Copy the token")), ("ru", ("1. Откройте @BotFather", "2. Скопируйте токен"))],
)
def test_who_is_asked_for_a_bot_token_is_told_in_two_steps_where_it_comes_from(language: str, steps: tuple[str, str]) -> None:
    asked = told(a_run(RunState.WAITING, waits_for=("TELEGRAM_BOT_TOKEN",)), [], goal(language=language))
    assert all(step in asked for step in steps)
    assert "BotFather" not in told(a_run(RunState.WAITING, waits_for=("STRIPE_KEY",)), [], goal(language=language))
