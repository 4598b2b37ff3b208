"""`slipway page` and the bot's /page: links that sign their person in."""

from pathlib import Path

import pytest

from deployments.bot.page import PagePlace
from deployments.people import person
from deployments.terminal import BAD_INPUT, DONE
from domain.keys import Scope
from domain.visits import link_digest
from tests.deployments.conftest import ANN, IVAN, Start
from tests.deployments.test_cli import Bench, slipway  # noqa: F401  (a fixture)
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi

PAGE = "https://slipway.example.org"


@pytest.fixture
def bench(slipway: Bench, tmp_path: Path) -> Bench:  # noqa: F811
    (tmp_path / "home").mkdir()
    slipway.up = slipway.up.model_copy(update={"home": str(tmp_path / "home"), "page_url": PAGE})
    return slipway


def test_link_is_printed_for_whom_it_is(bench: Bench) -> None:
    assert bench("page") == DONE
    assert bench.out.startswith(f"{PAGE}/login?code=")
    assert f"signs {person()} in once" in bench.err
    assert bench("page", "--owner", "telegram:1001", "--json") == BAD_INPUT
    assert "nobody here is called 'telegram:1001'" in bench.err
    assert bench("people", "allow", "1001") == DONE
    assert bench("page", "--owner", "telegram:1001", "--operator", "--json") == DONE
    assert '"telegram:1001"' in bench.out
    assert '"operator"' in bench.out


def test_without_the_api_there_is_no_page(bench: Bench) -> None:
    bench.up = bench.up.model_copy(update={"page_url": ""})
    assert bench("page") == BAD_INPUT
    assert "SLIPWAY_API_PORT" in bench.err


async def test_bot_gives_a_link_that_signs_its_person_in(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    pepper = b"p" * 32
    async with start(page=PagePlace(url=PAGE, pepper=pepper)):
        await api.say(ANN, "/page")
        said = await api.message(ANN, f"{PAGE}/login?code=")
    code = said.text.partition("?code=")[2].strip()
    link = await desk.registry.login_link(link_digest(code, pepper))
    assert link is not None
    assert (link.owner, link.scopes) == (f"telegram:{ANN}", (Scope.READ, Scope.WRITE))


async def test_bot_without_a_page_says_whom_to_ask(api: TelegramApi, start: Start) -> None:
    async with start():
        await api.say(IVAN, "/page")
        await api.message(IVAN, "SLIPWAY_PAGE_URL")
