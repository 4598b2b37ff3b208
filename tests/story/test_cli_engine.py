"""A whole delivery by Claude Code, the real one from npm, on Docker: brief and code by the CLI, everything else as ever."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.messages_api import Answer, Asked, Say, ScriptedMessagesAPI, use
from tests.story import tales
from tests.story.installation import Installation
from tests.story.player import Player, wish_of

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
        tale = self.player.tales[wish_of(asked.body)]
        turn = self.answers[asked.role]
        self.answers[asked.role] += 1
        if asked.role == "product_owner":
            return Say([use("StructuredOutput", **tale.brief)])
        return Say([in_its_words(block) for block in tale.step(turn)])


@pytest.fixture(scope="module")
def place() -> Iterator[Installation]:
    player = Player()
    player.tell(*tales.TALES)
    found = Installation("docker", player, more={"SLIPWAY_ENGINES": ENGINES, "SLIPWAY_REVIEW": "false"})
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
