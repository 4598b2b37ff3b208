"""One installation for each engine, shared by all stories that do not hurt it."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from tests.fakes.messages_api import ScriptedMessagesAPI
from tests.story import bot_tales, door_tale, guests_tale
from tests.story.installation import Installation, docker
from tests.story.phone import Phone
from tests.story.player import Player
from tests.story.preview_tale import YARDS
from tests.story.tales import TALES


def installed(engine: str, more: dict[str, str]) -> Iterator[Installation]:
    """Bring an installation up, and end it so that nothing of it is left."""
    player = Player()
    player.tell(*TALES, YARDS, *door_tale.TALES, *guests_tale.TALES, *bot_tales.TALES)
    place = Installation(engine, player, more=more)
    try:
        with ScriptedMessagesAPI(player) as api:
            place.open(api)
            yield place
            left = place.end()
            assert not left, [process.cmdline() for process in left]
            assert engine != "docker" or not place.containers(running=True)
            assert not api.problems, api.problems
    finally:
        place.remove()


@pytest.fixture(scope="package")
def bots() -> Iterator[Phone]:
    """Yield the Telegram that apps find; the installation on processes has no bot of its own."""
    with Phone() as found:
        yield found


@pytest.fixture(scope="package")
def on_processes(bots: Phone) -> Iterator[Installation]:
    yield from installed("process", {"SLIPWAY_TELEGRAM_API_URL": bots.url, "SLIPWAY_API_PORT": "0"})


@pytest.fixture(scope="package")
def from_elsewhere(on_processes: Installation) -> Installation:
    """Return the one on processes as somebody asks it who has nothing of it but its address and a key."""
    return on_processes.from_elsewhere()


@pytest.fixture(scope="package")
def phone() -> Iterator[Phone]:
    """Yield the Telegram of Slipway's own bot and of apps, on an address of this machine that containers reach as well."""
    [subnet] = docker("network", "inspect", "-f", "{{range .IPAM.Config}}{{.Subnet}}{{end}}", "bridge")
    host = str(IPv4Network(subnet)[1])  # an engine's first start names no gateway of its own bridge
    with Phone(host) as found:
        yield found


@pytest.fixture(scope="package")
def on_docker(phone: Phone) -> Iterator[Installation]:
    yield from installed("docker", phone.settings)
