"""Updates that Telegram brings: through a real Caddy from the simulator, once each, and nothing from anybody else."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from blocks.caddy import Caddy
from deployments.bot.service import own_webhook
from deployments.supervision.ports import free_port
from domain.bot_webhook import SECRET_HEADER, Webhook, webhook_secret
from domain.errors import BadInput
from tasks.reconciler import reconcile_routes
from tests.blocks.services import CaddyServer, caddy_server
from tests.deployments.conftest import ANN, Start, begun, eventually
from tests.deployments.test_bot_killed import ROOT
from tests.fakes.desk import FakeDesk
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.telegram_api import TOKEN, TelegramApi
from tests.tasks.conftest import NOW, brief

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")
SECRET = webhook_secret(TOKEN)


@pytest.fixture(scope="module")
def caddy() -> Iterator[CaddyServer]:
    with caddy_server() as server:
        yield server


@pytest.fixture
async def webhook(caddy: CaddyServer, desk: FakeDesk) -> Webhook:
    """Where the simulator brings updates; Caddy leads there after one reconcile."""
    webhook = Webhook(url=f"http://bot.localhost{caddy.listen}/telegram", port=free_port())
    proxy = Caddy(admin=caddy.admin, listen=caddy.listen)
    await reconcile_routes(desk.registry, FakeEngine(), proxy, MemoryWakeups(), (webhook.route,))
    assert webhook.route in await proxy.routes()
    return webhook


def update(number: int, text: str = "/help") -> dict[str, object]:
    """One message as the Bot API brings it."""
    person = {"id": ANN, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    chat = {"id": ANN, "type": "private"}
    entities = [{"type": "bot_command", "offset": 0, "length": len(text)}]
    message = {"message_id": number, "date": 1, "chat": chat, "from": person, "text": text, "entities": entities}
    return {"update_id": number, "message": message}


async def posted(webhook: Webhook, content: bytes, secret: str = SECRET) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {SECRET_HEADER: secret, "Host": webhook.host}
        answer = await client.post(f"http://127.0.0.1:{webhook.port}{webhook.path}", content=content, headers=headers)
        return answer.status_code


async def test_person_is_answered_by_way_of_caddy_and_polling_again_loses_nothing(
    api: TelegramApi, start: Start, webhook: Webhook
) -> None:
    async with start():
        await api.say(ANN, "/start")
        await api.message(ANN, "Hello, I am Slipway")
    await api.say(ANN, "/nosuch")  # while there is no bot
    async with start(webhook=webhook):
        await api.message(ANN, "Write what you want")
        assert (api.webhook["url"], api.webhook["secret"]) == (webhook.url, SECRET)
        await api.say(ANN, "/new")
        await api.message(ANN, "/new")
        await api.until(lambda: not api.updates)
    await api.say(ANN, "/change")
    async with start():
        await api.message(ANN, "/change notes")
    assert api.webhook == {}
    assert len(api.messages(ANN)) == 4


async def test_who_does_not_know_the_secret_is_refused_and_nothing_is_kept(
    api: TelegramApi, start: Start, webhook: Webhook, tmp_path: Path
) -> None:
    async with start(webhook=webhook):
        whole = json.dumps(update(5)).encode()
        for secret in ("", "wrong", SECRET[:-1], SECRET.upper()):
            assert await posted(webhook, whole, secret) == 403
        assert await posted(webhook, b"x" * (2 << 20)) == 413
        for strange in (b"", b"[1]", b"{}", b"\xff", b'{"update_id": "a"}', b'{"update_id": Infinity}', b"[" * 100_000):
            assert await posted(webhook, strange) == 200  # it would come again and again
        assert list((tmp_path / "telegram" / "new").iterdir()) == []
        assert await posted(webhook, whole) == 200
        await api.message(ANN, "Write what you want")
    assert len(api.messages(ANN)) == 1


async def test_update_that_is_brought_many_times_at_once_is_handled_once(
    api: TelegramApi, desk: FakeDesk, start: Start, webhook: Webhook
) -> None:
    async with start(webhook=webhook):
        whole = json.dumps(update(5)).encode()
        assert await asyncio.gather(*(posted(webhook, whole) for _ in range(8))) == [200] * 8
        await begun(api, desk, ANN, "notes")
        assert await posted(webhook, whole) == 200
        await api.say(ANN, "/new")
        await api.message(ANN, "/new")
    assert len([told for told in api.messages(ANN) if "Write what you want" in told.text]) == 1


async def test_update_that_cannot_be_stored_is_not_taken(start: Start, webhook: Webhook, tmp_path: Path) -> None:
    async with start(webhook=webhook):
        new = tmp_path / "telegram" / "new"
        new.rename(tmp_path / "away")
        assert await posted(webhook, json.dumps(update(5)).encode()) == 503
        (tmp_path / "away").rename(new)
        assert await posted(webhook, json.dumps(update(5)).encode()) == 200


async def test_update_that_was_taken_survives_a_kill_and_starts_one_run(
    api: TelegramApi, desk: FakeDesk, webhook: Webhook, tmp_path: Path
) -> None:
    words = (api.url, str(desk.registry.url.get_secret_value()), str(tmp_path / "telegram"))

    async def card_is_known() -> object:
        return [run for run in await desk.registry.runs() if run.origin.message]

    async with bot_process(*words, "hold", webhook=webhook):
        await api.say(ANN, "notes")
        await api.until(lambda: not api.updates and api.people[ANN].actions)
    assert await desk.registry.runs() == ()
    await api.say(ANN, "/help")
    await api.until(lambda: "last_error_date" in api.webhook)  # nobody was there to take it
    async with bot_process(*words, webhook=webhook):
        await eventually(card_is_known)
        await api.message(ANN, "Write what you want")
    assert [(run.project, run.request) for run in await desk.registry.runs()] == [("notes", "notes")]
    assert len(api.messages(ANN)) == 2


@asynccontextmanager
async def bot_process(*words: str, webhook: Webhook) -> AsyncIterator[None]:
    """Run a bot with a webhook; leaving the block is SIGKILL."""
    program = (sys.executable, "-m", "tests.deployments.bot_process", *words, webhook.model_dump_json())
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_webhook_whose_host_is_an_older_projects_is_refused_and_leads_to_the_project(desk: FakeDesk) -> None:
    webhook, proxy = Webhook(url="http://bot.localhost:1/telegram", port=2), MemoryProxy()
    assert await own_webhook(webhook, desk.registry) == webhook
    await desk.registry.add_project(brief("bot"), "local:me", "bot.localhost", NOW)
    with pytest.raises(BadInput, match=r"bot\.localhost leads to the project bot"):
        await own_webhook(webhook, desk.registry)
    await reconcile_routes(desk.registry, FakeEngine(), proxy, MemoryWakeups(), (webhook.route,))
    assert proxy.held == {}


async def test_route_of_a_webhook_that_is_wanted_no_more_goes(desk: FakeDesk) -> None:
    webhook, proxy = Webhook(url="http://bot.localhost:1/telegram", port=2), MemoryProxy()
    for own in ((webhook.route,), (webhook.route,), ()):
        await reconcile_routes(desk.registry, FakeEngine(), proxy, MemoryWakeups(), own)
        assert tuple(proxy.held.values()) == own
    assert proxy.switches == [webhook.route]
