"""A bot in containers, with a bot of the pool as its account: asks for its updates, then has them brought, then is taken down.

Each step is a fixture that stands on the one before, so that any test can be run alone.
"""

from collections.abc import Iterator

import httpx
import pytest

from domain.bots import BotState
from tests.story import bot_tales
from tests.story.installation import Installation, Spoken
from tests.story.phone import Chat, Phone

APP = "shopping"
TOKEN = "4242:AApool-bot-of-the-stories-0123456789abcdef"
SOON = 60.0

pytestmark = [pytest.mark.story, pytest.mark.docker]


@pytest.fixture(scope="module")
def chat(phone: Phone) -> Chat:
    """Return the owner's chat with the bot that the pool is given."""
    return phone.another(TOKEN, "slipway_pool_bot")


@pytest.fixture(scope="module")
def pooled(on_docker: Installation, chat: Chat) -> Spoken:
    return on_docker.say("bots", "add", stdin=f"{TOKEN}\n")


@pytest.fixture(scope="module")
def built(on_docker: Installation, pooled: Spoken) -> Spoken:
    """Ask for the bot; nobody gives it a token."""
    assert pooled.code == 0, pooled
    return on_docker.say("new", bot_tales.LIST.request, "--yes", "--json")


@pytest.fixture(scope="module")
def hooked(on_docker: Installation, built: Spoken, chat: Chat) -> Spoken:
    """Have something kept by the first release; then give the bot an address, and change it."""
    assert built.code == 0, built
    chat.say("milk")
    chat.told("Kept: milk", seconds=SOON)
    given = on_docker.say("secret", "set", APP, "WEBHOOK_URL", stdin=f"{hook(on_docker)}\n")
    assert given.code == 0, given
    return on_docker.say("change", APP, bot_tales.COUNTING.request, "--yes", "--json")


@pytest.fixture(scope="module")
def taken_down(on_docker: Installation, hooked: Spoken, chat: Chat) -> Iterator[Spoken]:
    """Take it down while somebody's word is on its way."""
    chat.bot.held = True
    chat.say("too late")
    yield on_docker.say("down", APP, "--yes")
    chat.bot.held = False


def hook(place: Installation) -> str:
    return f"http://{APP}.localhost:{place.up.http_port}/telegram"


def bots(place: Installation) -> list[tuple[str, str, str]]:
    listed = place.say("bots", "list", "--json").document["bots"]
    return [(bot["username"], bot["state"], bot["project"]) for bot in listed]


def test_a_sentence_becomes_a_bot_of_the_pool_that_answers(on_docker: Installation, built: Spoken, chat: Chat) -> None:
    assert (built.code, built.document["state"]) == (0, "delivered"), built
    assert built.document["address"] == "https://t.me/slipway_pool_bot"
    assert bots(on_docker) == [("slipway_pool_bot", BotState.LEASED, APP)]
    assert chat.bot.profile["name"] == "Shopping list"
    assert [command["command"] for command in chat.bot.commands[""]] == ["start"]
    assert len(on_docker.containers(running=True, project=APP)) == 1
    chat.say("/start")
    chat.told("Send me what to buy.", seconds=SOON)


def test_updates_are_brought_to_its_public_address(on_docker: Installation, hooked: Spoken, chat: Chat) -> None:
    assert (hooked.code, hooked.document["state"]) == (0, "delivered"), hooked
    assert chat.bot.webhook["url"] == hook(on_docker)
    chat.say("/count")
    chat.told("Things to buy: 1", seconds=SOON)
    assert on_docker.get(APP, "/health").json() == {"status": "ok"}
    assert chat.conflicts == []


def test_what_comes_without_telegrams_secret_is_refused(on_docker: Installation, hooked: Spoken, chat: Chat) -> None:
    before, forged = len(chat.messages()), {"update_id": 1, "message": {"text": "/count"}}
    for more in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guessed"}):
        headers = {**on_docker.host(APP), **more}
        answer = httpx.post(on_docker.url("/telegram"), json=forged, headers=headers, trust_env=False, timeout=15)
        assert answer.status_code == 403
    assert len(chat.messages()) == before


def test_a_bot_that_is_taken_down_is_the_pools_again(on_docker: Installation, taken_down: Spoken, chat: Chat) -> None:
    assert taken_down.code == 0, taken_down
    assert bots(on_docker) == [("slipway_pool_bot", BotState.RESTING, APP)]
    assert (chat.bot.webhook, chat.bot.commands, chat.bot.updates) == ({}, {}, [])
    assert set(chat.bot.profile.values()) == {""}
    assert on_docker.containers(running=False, project=APP) == []
