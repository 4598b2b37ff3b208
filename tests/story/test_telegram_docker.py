"""The other door, where it matters most: a message from outside is built, tested and run in containers."""

import pytest

from tests.story import tales
from tests.story.installation import RUN_SECONDS, Installation
from tests.story.phone import Phone

pytestmark = [pytest.mark.story, pytest.mark.docker]
APP = "bell"


def test_a_message_becomes_an_app_in_a_container_and_one_card_tells_of_it(on_docker: Installation, phone: Phone) -> None:
    phone.say(tales.BELL.request)
    address = f"http://{APP}.localhost:{on_docker.up.http_port}"
    told = phone.told("is online", address, seconds=2 * RUN_SECONDS)
    card = phone.told("🌐 Online", seconds=RUN_SECONDS)
    assert phone.messages() == [card, told]
    assert "▶️ Tests" in "\n".join(card.versions)
    assert on_docker.get(APP, "/ring").json() == {"rings": True}
    assert len(on_docker.containers(running=True, project=APP)) == 1
    assert on_docker.runs(APP)[0]["state"] == "delivered"
