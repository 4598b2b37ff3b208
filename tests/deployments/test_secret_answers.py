"""A secret given in the chat: where its value goes, and where it must not be."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from deployments.bot.service import bot_running
from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from domain.complaints import Complaint
from domain.runs import Notification, Run, RunState
from tests.deployments.conftest import ANN, begun, house
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TOKEN, TelegramApi
from tests.fakes.telegram_methods import Message

VALUE = "hunter2-hunter2"
pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


async def waiting(api: TelegramApi, desk: FakeDesk, *names: str) -> tuple[Run, Message]:
    """Let a run of Ann's wait for secrets; return it and the question."""
    await api.say(ANN, "weather page")
    await api.message(ANN, "waiting for its turn")
    run = await desk.registry.update_run((await desk.registry.runs())[0].id, state=RunState.WAITING, waits_for=names)
    await desk.registry.add_notification(
        Notification(
            key=f"{run.id}:secrets-1", channel="telegram", chat=str(ANN), text="", run=run.id, created=datetime.now(UTC)
        )
    )
    await desk.wakeups.publish("slipway:outbox", run.id)
    return run, await api.message(ANN, f"Answer this message with the value of {names[0]}")


def on_disk(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]


@pytest.mark.usefixtures("bot")
async def test_answer_goes_to_the_vault_its_message_is_deleted_and_the_run_goes_on(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    run, question = await waiting(api, desk, "API_KEY")
    given = await api.say(ANN, VALUE, to=question)
    await api.message(ANN, "API_KEY is in the vault and your message is deleted")
    assert desk.vault.held(run.project) == {"API_KEY": VALUE}
    assert given.deleted
    assert desk.resumed == [run.id]
    assert desk.proposed == ["weather page"]
    assert on_disk(tmp_path) == []


@pytest.mark.usefixtures("bot")
async def test_one_word_without_a_reply_is_the_answer_while_a_question_is_open_and_a_sentence_is_not(
    api: TelegramApi, desk: FakeDesk
) -> None:
    run, _ = await waiting(api, desk, "API_KEY")
    await api.say(ANN, "a page with jokes")
    await api.until(lambda: len(desk.proposed) == 2)
    await api.say(ANN, VALUE)
    await api.message(ANN, "API_KEY is in the vault")
    assert desk.vault.held(run.project) == {"API_KEY": VALUE}
    assert desk.proposed == ["weather page", "a page with jokes"]


@pytest.mark.usefixtures("bot")
async def test_secret_that_the_product_owner_asks_for_goes_to_the_vault_by_a_reply_only(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    run = await begun(api, desk, ANN, "weather page")
    for _ in range(2):  # as a turn that is led again does
        deeds = DeskDeeds(desk, Allowances(desk.registry, desk.wakeups))
        await deeds.ask_secret(run.project, "API_KEY", "For the forecast", run.origin, key="t-1:7:call")
    question = await api.message(ANN, f"🔑 {run.project}: For the forecast", "Answer this message with the value of API_KEY")
    assert question.asks == "value of API_KEY"
    await api.say(ANN, "jokes")
    await api.until(lambda: desk.proposed == ["weather page", "jokes"])
    given = await api.say(ANN, VALUE, to=question)
    await api.message(
        ANN, f"API_KEY is in the vault and your message is deleted. {run.project} uses it from its next release on."
    )
    assert (desk.vault.held(run.project), given.deleted) == ({"API_KEY": VALUE}, True)
    assert len([m for m in api.messages(ANN) if "For the forecast" in m.text]) == 1
    assert (desk.proposed, on_disk(tmp_path)) == (["weather page", "jokes"], [])
    await desk.registry.remove_project(run.project)
    late = await api.say(ANN, f"{VALUE}-2", to=question)
    await api.message(ANN, f"{run.project} does not wait for API_KEY any more")
    assert late.deleted


@pytest.mark.usefixtures("bot")
async def test_several_secrets_are_asked_for_one_after_the_other(api: TelegramApi, desk: FakeDesk) -> None:
    run, question = await waiting(api, desk, "API_KEY", "DB_PASSWORD")
    await api.say(ANN, VALUE, to=question)
    second = await api.message(ANN, "API_KEY is in the vault", "the value of DB_PASSWORD")
    assert desk.resumed == []
    await api.say(ANN, f"{VALUE}-2", to=second)
    await api.message(ANN, "DB_PASSWORD is in the vault")
    assert (desk.resumed, len(desk.vault.values)) == ([run.id], 2)


@pytest.mark.usefixtures("bot")
async def test_answer_that_does_not_reach_the_vault_is_deleted_and_asked_for_again(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    _, question = await waiting(api, desk, "API_KEY")
    desk.vault.away = True
    given = await api.say(ANN, VALUE, to=question)
    again = await api.message(ANN, "did not reach the vault", "the value of API_KEY")
    assert given.deleted
    assert on_disk(tmp_path) == []
    desk.vault.away = False
    await api.say(ANN, VALUE, to=again)
    await api.message(ANN, "API_KEY is in the vault")


@pytest.mark.usefixtures("bot")
async def test_answer_that_cannot_be_the_value_is_not_stored_and_asked_for_again(
    api: TelegramApi, desk: FakeDesk, tmp_path: Path
) -> None:
    run, question = await waiting(api, desk, "STRIPE_SECRET_KEY")
    given = await api.say(ANN, VALUE, to=question)
    again = await api.message(ANN, "That is no Stripe secret key: those look like sk_live_…", "the value of STRIPE_SECRET_KEY")
    assert (given.deleted, desk.vault.values, on_disk(tmp_path)) == (True, {}, [])
    await api.say(ANN, "<your key>", to=again)
    again = await api.message(ANN, "That only stands in the place of a value")
    await api.say(ANN, "sk_live_12345678", to=again)
    await api.message(ANN, "STRIPE_SECRET_KEY is in the vault")
    assert desk.resumed == [run.id]


@pytest.mark.usefixtures("bot")
async def test_one_word_is_the_answer_also_when_a_value_is_there_that_cannot_be_used(api: TelegramApi, desk: FakeDesk) -> None:
    run, _ = await waiting(api, desk, "API_KEY")
    await desk.vault.complain(desk.vault.hold(run.project, "API_KEY", VALUE), Complaint(kind="refused", what="key"))
    await api.say(ANN, VALUE)
    await api.message(ANN, "That is the value of API_KEY that was refused before")
    assert desk.resumed == []
    await api.say(ANN, f"{VALUE}-2")
    await api.message(ANN, "API_KEY is in the vault")
    assert desk.proposed == ["weather page"]
    assert desk.vault.held(run.project) == {"API_KEY": f"{VALUE}-2"}


@pytest.mark.usefixtures("bot")
async def test_answer_after_the_run_ended_reaches_nobody(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    run, question = await waiting(api, desk, "API_KEY")
    await desk.cancel(run.id, "somebody")
    given = await api.say(ANN, VALUE, to=question)
    await api.message(ANN, "does not wait for API_KEY any more")
    assert given.deleted
    assert desk.vault.values == {}
    assert (desk.proposed, on_disk(tmp_path)) == (["weather page"], [])


@pytest.mark.usefixtures("bot")
async def test_second_answer_to_a_question_is_no_request_either(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    run, question = await waiting(api, desk, "API_KEY")
    await api.say(ANN, VALUE, to=question)
    await api.message(ANN, "API_KEY is in the vault")
    await desk.go_on(run.id, "environment")
    again = await api.say(ANN, f"{VALUE} with more words", to=question)
    await api.message(ANN, "does not wait for API_KEY any more")
    assert again.deleted
    assert (desk.proposed, on_disk(tmp_path)) == (["weather page"], [])
    await api.say(ANN, "thanks")
    await api.until(lambda: len(desk.proposed) == 2)


async def test_question_is_remembered_by_the_next_process(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    def running() -> AbstractAsyncContextManager[None]:
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        return bot_running(desk, chat, tmp_path / "telegram", house(), pace=0.01, stopping=0.05)

    async with running():
        _, question = await waiting(api, desk, "API_KEY")
    async with running():
        given = await api.say(ANN, f"{VALUE} with a space", to=question)
        await api.message(ANN, "API_KEY is in the vault")
    assert given.deleted
    assert on_disk(tmp_path) == []
