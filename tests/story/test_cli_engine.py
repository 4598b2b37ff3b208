"""A whole delivery, and a chat, by Claude Code, the real one from npm, on Docker: only its model is played."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.talks import account
from tests.fakes.messages_api import Answer, Asked, Hang, Say, ScriptedMessagesAPI, use
from tests.story import tales
from tests.story.installation import RUN_SECONDS, Installation, until
from tests.story.phone import OWNER, Phone
from tests.story.player import Player, wish_of
from tests.story.telegram_talk import SHALL_I, TEA, brief_of

pytestmark = [pytest.mark.story, pytest.mark.docker]
ENGINES = '{"developer": "claude-code", "product_owner": "claude-code"}'


def in_its_words(block: dict[str, Any]) -> dict[str, Any]:
    """Return a call of our loop's tools as Claude Code has them."""
    given = block.get("input", {})
    match block.get("name"):
        case "bash":
            return use("Bash", command=given["command"], description="work")
        case "str_replace_based_edit_tool":  # a file that it has not read it may not write: the shell may
            return use("Bash", command=f"cat >{given['path']} <<'EOF'\n{given['file_text']}EOF", description="write")
        case "finish":
            return use("StructuredOutput", result=given)
    return block


@dataclass
class CliPlayer:
    """Plays the same tales for CLIs, by the number of answers: they keep one answer as several messages."""

    player: Player
    answers: Counter[str] = field(default_factory=Counter)

    def __call__(self, asked: Asked) -> Answer:
        if not any(tool["name"] == "StructuredOutput" for tool in asked.body.get("tools", [])):
            return self.player(asked)
        if any(tool["name"] == "mcp__slipway__propose" for tool in asked.body["tools"]):
            return chat(asked)
        tale = self.player.tales[wish_of(asked.body)]
        turn = self.answers[asked.role]
        self.answers[asked.role] += 1
        if asked.role == "product_owner":
            return Say([use("StructuredOutput", **tale.brief)])
        return Say([in_its_words(block) for block in tale.step(turn)])


def chat(asked: Asked) -> Answer:
    """Look at what there is, propose, and say so."""
    if "think for ever" in str(asked.body["messages"]):
        return Hang()
    match asked.turn:
        case 0:
            return Say([use("mcp__slipway__list_projects")])
        case 1:
            brief = brief_of(TEA, "tea-timer", "en")
            return Say([use("mcp__slipway__propose", request="a timer for tea", brief=brief)])
    return Say([use("StructuredOutput", text=SHALL_I, questions=[])])


@pytest.fixture(scope="module")
def own_phone() -> Iterator[Phone]:
    with Phone() as found:
        yield found


@pytest.fixture(scope="module")
def place(own_phone: Phone) -> Iterator[Installation]:
    player = Player()
    player.tell(*tales.TALES)
    chat_settings = own_phone.settings | {"SLIPWAY_CHAT_APPROVAL": "true"}
    found = Installation("docker", player, more={"SLIPWAY_ENGINES": ENGINES, "SLIPWAY_REVIEW": "false", **chat_settings})
    try:
        with ScriptedMessagesAPI(CliPlayer(player)) as api:
            found.open(api)
            yield found
            assert not found.end()
            assert not api.problems, api.problems
    finally:
        found.remove()


def test_request_becomes_an_app_by_the_cli_and_each_call_is_in_the_ledger_once(place: Installation) -> None:
    built = place.say("new", tales.NEW.request, "--yes", "--json")
    assert built.code == 0, built.err
    assert place.get("lengths", "/convert?value=2&unit=mile&to=m").json() == {"result": 3218.688}
    lines = place.registry(lambda registry: registry.usage(project="lengths"))
    asked = [(line.node, line.call.split("/")[1]) for line in lines]
    assert sorted(node for node, _ in asked) == ["architect", *["developer"] * 5, "product_owner"]
    assert len({line.call for line in lines}) == 7


def test_chat_is_led_by_the_cli_with_our_tools_and_a_proposal_has_its_buttons(place: Installation, own_phone: Phone) -> None:
    own_phone.say("a timer for tea")
    proposal = own_phone.told(TEA, seconds=RUN_SECONDS)
    assert own_phone.messages()[0].text == SHALL_I
    assert [button.label for button in proposal.buttons] == ["🔨 Build it", "Not yet"]
    until(lambda: not workers_of_chats(place), "the chat's worker is gone")


def test_chat_that_is_cancelled_takes_its_worker_away(place: Installation, own_phone: Phone) -> None:
    own_phone.say("think for ever")
    until(lambda: any("think for ever" in str(asked.body["messages"]) for asked in place.asked), "the model is asked")
    assert len(workers_of_chats(place)) == 1
    own_phone.say("/cancel")
    own_phone.told("Stopped. Nothing was started.", seconds=RUN_SECONDS)
    assert workers_of_chats(place) == []


def workers_of_chats(place: Installation) -> list[str]:
    return place.containers(running=True, project=account(f"telegram:{OWNER}"))
