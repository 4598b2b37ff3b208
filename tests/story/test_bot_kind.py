"""A bot from a sentence to its chat, with its person's token: delivered, talked to, back when a change cannot read its data.

In containers, with a bot of the pool and a webhook: test_bot_docker.py."""

import pytest

from domain.releases import ReleaseState
from tests.fakes.telegram_api import TOKEN
from tests.story import bot_tales
from tests.story.installation import Installation, Spoken, until
from tests.story.phone import Phone

APP = "shopping"
SOON = 60.0

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def built(on_processes: Installation) -> Spoken:
    """Ask for the bot, give its token, and wait until the run has ended by itself."""
    waiting = on_processes.say("new", bot_tales.LIST.request, "--yes", "--json")
    assert (waiting.code, waiting.document["waits_for"]) == (3, ["TELEGRAM_BOT_TOKEN"]), waiting
    said = on_processes.say("secret", "set", APP, "TELEGRAM_BOT_TOKEN", stdin=TOKEN + "\n")
    until(lambda: on_processes.has_ended(APP), "the run has ended")
    return said


@pytest.fixture(scope="module")
def broken(on_processes: Installation, built: Spoken, bots: Phone) -> Spoken:
    """Have something kept by the first release, then change it so that it cannot read that."""
    bots.say("milk")
    bots.told("Kept: milk", seconds=SOON)
    return on_processes.say("change", APP, bot_tales.FORGETFUL.request, "--yes", "--json")


def test_a_sentence_becomes_a_bot_that_answers(on_processes: Installation, built: Spoken, bots: Phone) -> None:
    assert built.code == 0, built
    run = on_processes.runs(APP)[0]
    assert (run["state"], run["address"]) == ("delivered", "https://t.me/slipway_test_bot"), run
    assert on_processes.get(APP, "/health").json() == {"status": "ok"}
    assert "https://t.me/slipway_test_bot" in on_processes.get(APP, "/").text
    bots.say("/start")
    bots.told("Send me what to buy.", seconds=SOON)


def test_a_change_that_cannot_start_leaves_the_bot_as_it_was(on_processes: Installation, broken: Spoken, bots: Phone) -> None:
    run = broken.document
    assert run["state"] == "failed", broken
    assert "did not go online: It ended" in run["message"]
    assert "JSONDecodeError" in run["message"]
    assert "What served before still serves." in run["message"]
    assert {r.number: r.state for r in on_processes.releases(APP)} == {
        2: ReleaseState.FAILED,
        1: ReleaseState.LIVE,
    }
    bots.say("bread")
    bots.told("Kept: bread", seconds=SOON)
    assert bots.conflicts == []
