"""A run's question in the chat: buttons for its answers, words by replying, and only its person is heard."""

from dataclasses import replace

import pytest

from deployments.bot.question_cards import Button, pressed
from domain.outcomes import Cause
from domain.runs import Run, RunState
from tests.deployments.conftest import ANN
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi
from tests.fakes.telegram_methods import Message

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning"),
    pytest.mark.usefixtures("bot"),
]


async def asked(
    api: TelegramApi,
    desk: FakeDesk,
    cause: Cause = "rounds_spent",
    evidence: str = "<b>1 of 2</b> tests fails",
) -> tuple[Run, Message]:
    """Let a run of Ann's ask her; return it and the message."""
    await api.say(ANN, "weather page")
    await api.message(ANN, "waiting for its turn")
    run = (await desk.registry.runs())[0]
    await desk.go_on(run.id, "develop", "round", round=3, of=3)
    await desk.ask(run.id, cause, evidence=evidence)
    return run, await api.message(ANN, "came to a halt")


def labels(message: Message) -> list[str]:
    return [button.label for button in message.buttons]


async def choice(desk: FakeDesk, run: Run) -> str:
    """Return what counts as the answer, in short."""
    question = (await desk.registry.escalations(run.id))[-1]
    return f"{question.answer.choice} {question.answer.text}".strip() if question.answer else ""


async def test_diagnosis_evidence_and_two_to_four_buttons_arrive_once_and_the_card_waits(
    api: TelegramApi,
    desk: FakeDesk,
) -> None:
    _, message = await asked(api, desk)
    assert "weather page came to a halt: the tests still fail after 3 rounds. How shall I go on?" in message.text
    assert "<b>1 of 2</b> tests fails" in message.text
    assert labels(message) == ["Say what to do", "Try on", "Change the wish", "Stop"]
    await api.until(lambda: "Waits for your answer" in api.messages(ANN)[0].text)
    assert len([each for each in api.messages(ANN) if "came to a halt" in each.text]) == 1


async def test_a_button_answers_at_once_and_a_second_press_is_told_so(api: TelegramApi, desk: FakeDesk) -> None:
    run, message = await asked(api, desk)
    await api.press(message.buttons[1])
    await api.message(ANN, "Thank you. weather-page goes on.")
    assert await choice(desk, run) == "more_rounds"
    assert desk.resumed == [f"flow-of-{run.id} question-1"]
    late = await api.press(message.buttons[3])
    await api.until(lambda: api.queries.get(late))
    assert "has ended already" in api.queries[late]
    assert await choice(desk, run) == "more_rounds"


async def test_words_are_asked_for_and_taken_from_the_reply(api: TelegramApi, desk: FakeDesk) -> None:
    run, message = await asked(api, desk)
    await api.press(message.buttons[2])
    question = await api.message(ANN, "what do you want of weather-page instead?")
    await api.say(ANN, "only the temperature", to=question)
    await api.message(ANN, "weather-page goes on")
    assert await choice(desk, run) == "change_wish only the temperature"
    assert desk.proposed == ["weather page"]


async def test_a_reply_to_the_question_itself_is_guidance_and_another_message_is_a_new_wish(
    api: TelegramApi,
    desk: FakeDesk,
) -> None:
    run, message = await asked(api, desk)
    await api.say(ANN, "a page with jokes")
    await api.until(lambda: len(desk.proposed) == 2)
    assert await choice(desk, run) == ""
    await api.say(ANN, "ask the other weather service", to=message)
    await api.message(ANN, "weather-page goes on")
    assert await choice(desk, run) == "guidance ask the other weather service"
    await api.say(ANN, "or none", to=message)
    await api.message(ANN, "answered already, so I changed nothing")
    assert desk.proposed == ["weather page", "a page with jokes"]


async def test_a_missing_secret_goes_to_the_vault_and_answers(api: TelegramApi, desk: FakeDesk) -> None:
    run, message = await asked(api, desk, "gave_up", "I need WEATHER_API_KEY")
    assert labels(message)[0] == "Give the secret"
    await api.press(message.buttons[0])
    question = await api.message(ANN, "with the value of WEATHER_API_KEY")
    given = await api.say(ANN, "cirrus-1234", to=question)
    await api.message(ANN, "WEATHER_API_KEY is in the vault")
    assert given.deleted
    assert desk.vault.held(run.project) == {"WEATHER_API_KEY": "cirrus-1234"}
    assert desk.resumed == [run.id]


async def test_money_is_the_operators_to_give(api: TelegramApi, desk: FakeDesk) -> None:
    run, message = await asked(api, desk, "budget")
    assert labels(message) == ["Stop"]
    assert f"slipway answer {run.id} more_budget 5" in message.text
    forged = await api.press(replace(message.buttons[0], data=f"ask:{run.id}:1:more_budget"))
    await api.until(lambda: api.queries.get(forged))
    assert await choice(desk, run) == ""


async def test_a_run_that_was_stopped_meanwhile_has_dead_buttons(api: TelegramApi, desk: FakeDesk) -> None:
    run, message = await asked(api, desk)
    await desk.cancel(run.id, "somebody")
    late = await api.press(message.buttons[0])
    await api.until(lambda: api.queries.get(late))
    assert "has ended already" in api.queries[late]
    found = await desk.registry.run(run.id)
    assert found is not None
    assert found.state is RunState.CANCELLED


@pytest.mark.parametrize("data", ["ask:r-1:1:sudo", "ask:r-1:x:stop", "ask:r-1:1", "stop:r-1", "ask:../../x:1:stop", ""])
def test_what_is_no_answers_button_is_none(data: str) -> None:
    assert pressed(data) is None
    assert pressed("ask:r-1:2:stop") == Button(run="r-1", number=2, choice="stop")
