"""Issues of GitHub: a label makes a proposal, a comment starts it; strangers are told politely, and nothing is done twice."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.registry.block import SqlRegistry
from deployments.api.webhooks import HEARD
from deployments.github.issues import take_label
from deployments.github.listener import SETTLED, Listener, listening
from deployments.github.outbox import IssueOutbox
from deployments.wording.texts import say
from domain.errors import DiskFull, ModelKeyMissing, ServiceUnreachable
from domain.escalations import CHOICES, Diagnosis
from domain.heard import Moved
from domain.releases import ReleaseState
from domain.runs import DeliveryRequest, Notification, Origin, RunState
from domain.webhooks import WINDOW, Webhook
from tasks.questions import ask
from tests.deployments.api_bench import ANN
from tests.deployments.conftest import released
from tests.deployments.github_bench import (
    NAME,
    NOW,
    OWNER,
    STRANGER,
    WRITER,
    Bench,
    comment,
    fields,
    github_bench,
    label,
    proposed,
)
from tests.fakes.desk import a_brief

DIGEST = "abcdef" * 10 + "0123"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as made:
        yield made


async def test_label_of_a_writer_becomes_a_brief_that_waits_for_a_word(bench: Bench) -> None:
    [outcome] = await bench.hear(label())
    assert outcome.startswith("proposed as r-")
    assert bench.desk.proposed == ["Notes can be pinned\n\nA pin."]
    [said] = bench.said()
    assert said.startswith("This is what I would build for **notes**. `/slipway approve` starts it")
    assert "# Notes can be pinned" in said
    assert ("issue", 1, "eyes") in bench.reactions()
    assert await bench.registry.runs("notes") == ()


async def test_approval_starts_one_run_in_the_name_of_the_projects_owner(bench: Bench) -> None:
    run = await proposed(bench)
    found = await bench.registry.run(run)
    assert found is not None
    assert fields(found) == {"channel": "github", "chat": f"{NAME}#1", "person": ANN}
    assert found.flow_run == f"flow-of-{run}"
    assert f"run `{run}`" in bench.said()[-1]
    assert ("comment", 70, "+1") in bench.reactions()
    await bench.hear(comment("approve", id=71), label())
    assert [each.id for each in await bench.registry.runs("notes")] == [run]
    assert "is at work for this issue already" in bench.said()[-1]


async def test_end_of_the_run_is_said_at_the_issue_once_also_after_a_kill(bench: Bench) -> None:
    run = await proposed(bench)
    before = len(bench.said())
    await bench.desk.end(run, RunState.DELIVERED, "it is online", "http://notes.localhost")
    [told] = await bench.registry.unsent("github")
    outbox = IssueOutbox(bench.place)
    await outbox._send(told)  # killed before it was marked as sent
    assert await bench.registry.unsent("github") == (told,)
    await outbox.send_waiting()
    assert len(bench.said()) == before + 1
    assert bench.said()[-1].endswith("is online. To change it: an issue with the label `slipway`.\nhttp://notes.localhost")
    assert await bench.registry.unsent("github") == ()


@pytest.mark.parametrize("event", [label(STRANGER), comment("rollback", STRANGER), comment("approve", "nobody-at-all")])
async def test_stranger_starts_nothing_and_is_told_so_once(bench: Bench, event: object) -> None:
    await released(bench.desk, "notes", 2)
    await bench.hear(event, event, comment("status", STRANGER, id=8))  # type: ignore[arg-type]
    [said] = bench.said()
    assert "Only people who may write to this repository" in said
    assert "@\u200b" in said
    assert bench.remote.api.count("GET", "/issues/1/comments") == 1
    assert (bench.desk.proposed, bench.desk.rolled_back) == ([], [])
    assert bench.reactions() == set()


async def test_strangers_comment_with_our_mark_does_not_silence_us(bench: Bench) -> None:
    await bench.hear(comment("status"))
    told = bench.remote.state.comments[NAME, 1]
    told.append({**told[0], "body": "<!-- slipway d-2 -->", "user": {"login": STRANGER}})
    await bench.hear(comment("status", id=9))
    assert [each["user"]["login"] for each in told] == ["octoapp[bot]", STRANGER, "octoapp[bot]"]


async def test_other_repositories_are_nobodys_business(bench: Bench) -> None:
    other = label().model_copy(update={"repository": "club/other"})
    assert await bench.hear(other) == ["no project has the repository club/other"]
    assert bench.remote.api.asked == []


async def test_repository_is_found_whatever_its_capitals(bench: Bench) -> None:
    bench.remote.state.repositories["Club/Notes"] = bench.remote.state.repositories[NAME]
    await bench.registry.set_repository("notes", "CLUB/notes")
    assert (await bench.hear(label()))[0].startswith("proposed")


async def test_proposal_is_old_after_the_project_has_changed(bench: Bench) -> None:
    await bench.hear(label())
    await bench.registry.set_brief("notes", a_brief("notes", "Notes and more"))
    await bench.hear(comment("approve"))
    assert "has changed since" in bench.said()[-1]
    assert ("comment", 7, "confused") in bench.reactions()
    assert await bench.registry.runs("notes") == ()
    await bench.hear(label(), comment("approve", id=8))
    assert len(await bench.registry.runs("notes")) == 1


async def test_command_where_nothing_waits_says_what_to_do(bench: Bench) -> None:
    await bench.hear(*(comment(words) for words in ("approve", "cancel", "answer stop")))
    assert ["give it the label `slipway`" in said for said in bench.said()] == [True] * 3


async def test_run_is_cancelled_and_a_proposal_dropped_by_a_word(bench: Bench) -> None:
    await bench.hear(label(), comment("cancel", id=8), comment("approve", id=9))
    assert "is dropped" in bench.said()[1]
    assert await bench.registry.runs("notes") == ()
    run = await proposed(bench)
    await bench.hear(comment("cancel", id=10))
    found = await bench.registry.run(run)
    assert found is not None
    assert (found.state, found.message) == (RunState.CANCELLED, f"stopped by github:{WRITER}")


async def test_run_that_is_online_already_is_not_said_to_be_stopped(bench: Bench) -> None:
    run = await proposed(bench)
    await bench.desk.end(run, RunState.DELIVERED, "it is online", "http://notes.localhost")
    await bench.hear(comment("cancel", id=9))
    assert bench.said()[-1].startswith("Nothing waits for your word")
    assert ("comment", 9, "confused") in bench.reactions()


async def test_rollback_is_begun_once_for_each_comment(bench: Bench) -> None:
    await released(bench.desk, "notes", 2)
    await bench.hear(comment("rollback"), comment("rollback V1", id=8))
    assert bench.desk.rolled_back == [("notes", f"github:{WRITER}")] * 2
    assert bench.desk.went_to == [(None, ""), (1, "")]
    assert set(bench.desk.rollbacks) == {"github:d-1", "github:d-2"}
    assert bench.said() == ["notes goes back to an earlier release."] * 2


async def test_status_says_what_is_online_and_at_work(bench: Bench) -> None:
    await bench.hear(comment("status"))
    assert bench.said() == ["**notes**: nothing is online"]
    await released(bench.desk, "notes", 2)
    run = await proposed(bench)
    await bench.hear(comment("status", id=9))
    live = next(each for each in await bench.registry.releases("notes") if each.state is ReleaseState.LIVE)
    said = bench.said()[-1]
    assert f"release {live.number} is online at http://notes.localhost" in said
    assert f"- run `{run}`: queued" in said
    await bench.registry.update_run(run, state=RunState.RUNNING, step="test")
    await bench.registry.set_brief("notes", a_brief("notes", "Notes").model_copy(update={"language": "ru"}))
    await bench.hear(comment("status", id=10))
    assert f"- запуск `{run}`: в работе ({say('ru', 'step_test')})" in bench.said()[-1]


async def test_what_is_no_command_is_answered_by_those_that_are(bench: Bench) -> None:
    await bench.hear(*(comment(words) for words in ("", "deploy --prod", "rollback everything", "откат")))
    assert [said.startswith("I know `/slipway status`") for said in bench.said()] == [True] * 4
    assert (bench.desk.rolled_back, bench.reactions()) == ([], {("comment", 7, "confused")})


async def test_question_of_the_run_is_asked_and_answered_at_the_issue(bench: Bench) -> None:
    run = await proposed(bench)
    await bench.desk.ask(run)
    await IssueOutbox(bench.place).send_waiting()
    assert "`/slipway answer guidance`" in bench.said()[-1]
    assert "1 of 2 tests fails" in bench.said()[-1]
    await bench.hear(comment("answer guidance use a list, @everybody", id=9))
    [question] = await bench.registry.escalations(run)
    assert question.answer is not None
    assert (question.answer.choice, question.answer.text) == ("guidance", "use a list, @everybody")
    assert (question.answer.by, question.answer.door) == (f"github:{WRITER}", "github")
    await bench.hear(comment("answer stop", id=10), comment("answer more_budget 5", id=11))
    assert "was answered already" in bench.said()[-2]
    assert "Money is your operator's to give" in bench.said()[-1]


async def test_question_is_in_the_projects_language_and_its_evidence_stays_a_quotation(bench: Bench) -> None:
    run = await proposed(bench)
    await bench.registry.set_brief("notes", a_brief("notes", "Notes").model_copy(update={"language": "ru"}))
    diagnosis = Diagnosis(
        kind="release", cause="flaky", reason="x", evidence="~~~~~\n# Loud", choices=("retry", "stop")
    )  # fmt: skip
    await ask.fn(run, "notes", 1, diagnosis, 24, bench.registry, bench.desk.wakeups)  # type: ignore[arg-type]
    await IssueOutbox(bench.place).send_waiting()
    said = bench.said()[-1]
    assert f"- `/slipway answer stop`: {say('ru', 'choose_stop')}" in said
    assert "\n~~~~\n~~~\n# Loud\n~~~~\n" in said


async def test_news_that_nobody_foresaw_holds_no_other_back(bench: Bench) -> None:
    await bench.hear(comment("status"))
    for key in ("one", "two"):
        told = Notification(key=key, channel="github", chat=f"{NAME}#1", text=f"This is {key}.", created=NOW)
        await bench.registry.add_notification(told)
    bench.remote.api.answers.extend([(200, {}, []), (201, {}, {"id": "of something else"})])
    outbox = IssueOutbox(bench.place)
    for _ in range(2):
        await outbox.send_waiting()
    assert bench.said()[1:] == ["This is two."]
    assert [each.key for each in await bench.registry.unsent("github")] == ["one"]


async def waiting_for_approval(bench: Bench) -> str:
    run = "r-pushed0001"
    pushed = DeliveryRequest(
        run=run, project="notes", change=True, request="x", brief=a_brief("notes", "Notes"), origin=Origin(person=ANN),
        commit="a" * 40,
    )  # fmt: skip
    await bench.registry.add_run(pushed, NOW)
    diagnosis = Diagnosis(
        kind="platform files",
        cause="locked",
        reason="the push changes app.json",
        choices=CHOICES["platform files"],
        digest=DIGEST,
    )
    await ask.fn(run, "notes", 1, diagnosis, 24, bench.registry, bench.desk.wakeups)  # type: ignore[arg-type]
    return run


OTHER_WORDS = (
    (f"approve {DIGEST[:12]}", WRITER, "approved by those who administer"),
    ("approve abcdef", OWNER, "No run of notes waits"),
    ("approve " + "0" * 12, OWNER, "No run of notes waits"),
    ("approve", OWNER, "Nothing waits"),
    (f"answer approve {DIGEST[:11]}x", OWNER, "No run of notes waits"),
)


async def test_platform_files_are_not_approved_by_another_word(bench: Bench) -> None:
    run = await waiting_for_approval(bench)
    await bench.hear(*(comment(words, sender) for words, sender, _ in OTHER_WORDS))
    assert [wanted in said for (*_, wanted), said in zip(OTHER_WORDS, bench.said(), strict=True)] == [True] * 5
    [question] = await bench.registry.escalations(run)
    assert question.answer is None


@pytest.mark.parametrize("words", [f"answer approve {DIGEST}", f"approve {DIGEST[:14].upper()}"])
async def test_platform_files_are_approved_by_an_administrator_and_their_digest(bench: Bench, words: str) -> None:
    run = await waiting_for_approval(bench)
    await bench.hear(comment(words, OWNER))
    [question] = await bench.registry.escalations(run)
    assert question.answer is not None
    assert (question.answer.choice, question.answer.text) == ("approve", DIGEST)
    assert bench.desk.resumed != []


async def test_what_cannot_be_done_now_is_tried_again_and_nothing_is_lost(bench: Bench) -> None:
    bench.desk.errors = [ServiceUnreachable("the model", "asking", "away")]
    now = [0.0]
    listener = Listener(bench.place, clock=lambda: now[0])
    await bench.registry.hear(Webhook(id="d-x", digest="f" * 64, event=label(), at=NOW))
    await listener.take_waiting()
    await listener.take_waiting()  # too early
    assert (bench.said(), bench.desk.proposed) == ([], ["Notes can be pinned\n\nA pin."])
    now[0] = 10.0
    await listener.take_waiting()
    assert len(bench.said()) == 1
    assert await bench.registry.unhandled() == ()


async def test_github_that_wants_us_to_wait_is_asked_again(bench: Bench) -> None:
    bench.remote.api.answers.append((429, {"Retry-After": "3"}, {"message": "slow down"}))
    [outcome] = await bench.hear(comment("status"))
    assert outcome == ""
    [waiting] = await bench.registry.unhandled()
    assert (waiting.tries, bench.said()) == (1, [])


async def test_app_that_is_let_in_again_does_what_it_was_asked_to_meanwhile(bench: Bench) -> None:
    now = [0.0]
    listener, outbox = (make(bench.place, clock=lambda: now[0]) for make in (Listener, IssueOutbox))
    known = bench.remote.api.access.installations.copy()
    bench.remote.api.access.installations.clear()
    told = Notification(key="one", channel="github", chat=f"{NAME}#1", text="This is one.", created=NOW)
    await bench.registry.add_notification(told)
    assert await bench.hear(comment("status")) == [""]
    for _ in range(2):
        await outbox.send_waiting()
    asked = bench.remote.api.asked.copy()
    await outbox.send_waiting()  # too early
    assert bench.remote.api.asked == asked
    bench.remote.api.access.installations.update(known)
    now[0] = 601.0
    await listener.take_waiting()
    await outbox.send_waiting()
    assert bench.said() == ["**notes**: nothing is online", "This is one."]
    assert (await bench.registry.unhandled(), await bench.registry.unsent("github")) == ((), ())


async def test_news_that_nobody_could_be_told_for_days_are_given_up(bench: Bench) -> None:
    bench.remote.api.access.installations.clear()
    told = Notification(key="one", channel="github", chat=f"{NAME}#1", text="This is one.", created=NOW - WINDOW * 2)
    await bench.registry.add_notification(told)
    await IssueOutbox(bench.place).send_waiting()
    assert await bench.registry.unsent("github") == ()


async def test_model_that_is_missing_is_said_at_the_issue(bench: Bench) -> None:
    bench.desk.errors = [ModelKeyMissing()]
    [outcome] = await bench.hear(label())
    assert outcome.startswith("no Brief came of it")
    assert bench.said()[-1].startswith("No model can be asked here yet.")


class FullDisk:
    """The registry on a disk that is full: it can be read."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def try_webhook(self, id: str) -> int:
        raise DiskFull(id)


async def test_registry_that_takes_nothing_now_is_left_alone_until_the_next_look(bench: Bench) -> None:
    full: Any = FullDisk(bench.registry)
    listener = Listener(replace(bench.place, registry=full))
    await bench.registry.hear(Webhook(id="d-x", digest="f" * 64, event=label(), at=NOW))
    await listener.take_waiting()
    assert not listener._bell.is_set()  # it would be asked without a pause for as long as that lasts
    assert len(await bench.registry.unhandled()) == 1


async def test_delivery_is_tried_again_until_what_it_tells_of_is_old(bench: Bench) -> None:
    bench.desk.errors = [ServiceUnreachable("the model", "asking", "away") for _ in range(40)]
    await bench.hear(label())
    for _ in range(30):
        assert await bench.answer(["d-1"]) == [""]
    bench.place = replace(bench.place, clock=lambda: NOW + WINDOW + timedelta(seconds=1))
    assert await bench.answer(["d-1"]) == ["too old by now"]


async def test_new_name_of_the_repository_is_told_to_the_owner_once(bench: Bench) -> None:
    moved = Moved(repository="club/diary", sender=OWNER, former=NAME.upper())
    assert await bench.hear(moved, moved) == [f"{NAME.upper()} is club/diary by now"] * 2
    [told] = await bench.registry.unsent("api")
    assert "`slipway repository notes club/diary`" in told.text
    assert await bench.hear(moved.model_copy(update={"former": "club/other"})) == ["no project has the repository club/other"]


async def test_what_its_writer_took_away_meanwhile_is_answered_all_the_same(bench: Bench) -> None:
    bench.remote.state.gone = True
    outcomes = await bench.hear(comment("status"), label())
    assert (outcomes[0], outcomes[1].startswith("proposed as r-")) == ("status of wanda: done", True)
    assert len(bench.said()) == 2


async def test_what_nobody_was_there_to_hear_for_days_is_not_done_any_more(bench: Bench) -> None:
    old = comment("rollback").model_copy(update={"happened": NOW - WINDOW - timedelta(seconds=1)})
    assert await bench.hear(old) == ["too old by now"]
    assert (bench.desk.rolled_back, bench.said()) == ([], [])


async def test_killed_between_the_brief_and_its_comment_says_it_once(bench: Bench) -> None:
    await bench.hear(label())
    first = bench.said()
    await bench.registry.drop_issue(NAME, 1)  # as if it had been killed before that row
    again = [await take_label(label(), "d-1", replace(bench.place, said=deque())) for _ in range(2)]
    assert len(set(again)) == 1
    assert bench.said() == first


async def test_listener_hears_while_it_runs_and_ends_when_it_is_told_to(bench: Bench) -> None:
    async with asyncio.timeout(60), bench.desk.wakeups.subscribe(SETTLED) as settled, listening(bench.place):
        await bench.registry.hear(Webhook(id="d-x", digest="f" * 64, event=comment("status"), at=NOW))
        await bench.desk.wakeups.publish(HEARD, "d-x")
        assert await anext(settled) == (SETTLED, "d-x")
    assert bench.said() == ["**notes**: nothing is online"]
    assert await bench.registry.unhandled() == ()


async def test_issue_that_cannot_be_told_now_holds_back_what_comes_after_it_and_no_other_issue(bench: Bench) -> None:
    for key, issue in (("one", 1), ("two", 1), ("three", 2)):
        told = Notification(key=key, channel="github", chat=f"{NAME}#{issue}", text=f"This is {key}.", created=NOW)
        await bench.registry.add_notification(told)
    outbox = IssueOutbox(bench.place)
    bench.remote.api.answers.append((503, {}, {"message": "not now"}))
    await outbox.send_waiting()
    assert [each.key for each in await bench.registry.unsent("github")] == ["one", "two"]
    await outbox.send_waiting()
    assert await bench.registry.unsent("github") == ()
