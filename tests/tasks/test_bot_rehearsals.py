"""Bots under rehearsal: in containers too they reach a Telegram of ours, and nobody else reaches it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from blocks.plain_http import plain_client
from domain.candidates import Built
from domain.checks import ChatCheck, ChatTurn
from domain.engines import Engine
from domain.errors import NeedsPerson
from domain.health import HealthCheck
from domain.workers import AppSpec
from tasks.bot_world import TOKEN, bot_world
from tasks.rehearsal import rehearse
from tests.blocks.engine_bench import DOCKERFILE, Bench, docker_engine, until

POLLER = """
import json, os, threading, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

state = {}

def call(method, **values):
    url = f"{os.environ['TELEGRAM_API_URL']}/bot{os.environ['TELEGRAM_BOT_TOKEN']}/{method}"
    request = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["result"]

def poll():
    offset = 0
    while True:
        try:
            for update in call("getUpdates", offset=offset, timeout=state.get("well", 0) and 5):
                offset = update["update_id"] + 1
                if "message" in update:
                    chat, text = update["message"]["chat"]["id"], update["message"]["text"]
                    call("sendMessage", chat_id=chat, text=text.upper())
            state["well"] = 1
        except urllib.error.HTTPError as error:
            state["refused"] = error.code

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(state).encode()
        self.send_response(200 if state.get("well") else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

threading.Thread(target=poll, daemon=True).start()
HTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler).serve_forever()
"""
FILES = {"Dockerfile": DOCKERFILE, "Procfile": "web: python bot.py\n", "bot.py": POLLER}
HEALTH = HealthCheck(path="/health", attempts=100, wait=1)
REAL = "8123456789:AAF-what_BotFather_said-0123456789abc"


@pytest_asyncio.fixture
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    engine = await asyncio.to_thread(docker_engine, tmp_path_factory)
    made = Bench(engine, tmp_path_factory.mktemp("bots"))
    yield made
    await made.clear()


async def refused(engine: Engine, identity: str) -> dict[str, int] | None:
    """Return what a copy says of itself once it was refused; None before, and while it does not answer."""
    address = (await engine.status(identity)).address
    try:
        async with plain_client(timeout=5) as client:
            said: dict[str, int] = (await client.get(f"http://{address}/health")).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return said if "refused" in said else None


@pytest.mark.docker
async def test_bot_in_a_container_reaches_its_telegram_and_nothing_else_does(bench: Bench) -> None:
    built = await bench.build(FILES)
    assert isinstance(built, Built), built.log
    copy = AppSpec(
        identity=f"{bench.project}-rehearsal", project=bench.project, run=bench.run, role="rehearsal",
        candidate=built.candidate, data="scratch", environment={"TELEGRAM_BOT_TOKEN": REAL},
    )  # fmt: skip
    talk = ChatCheck(id="c", covers="c", title="shouts", turns=(ChatTurn(says="hello", expect_contains=("HELLO",)),))

    report = await rehearse(copy, (talk,), HEALTH, 60.0, bench.engine, chat=True)

    assert report.passed, report

    async def guest() -> str:
        return "192.0.2.77"  # nobody's

    async with bot_world(await bench.engine.host_address(bench.project), guest) as world:
        stranger = copy.model_copy(update={"identity": f"{bench.project}-stranger", "environment": world.environment})
        await bench.engine.start(stranger)
        said = await until(lambda: refused(bench.engine, stranger.identity), "the other copy was answered", 60.0)
        assert said == {"refused": 403}
        async with plain_client(timeout=5) as client:  # nor is this machine let in
            answer = await client.get(f"{world.environment['TELEGRAM_API_URL']}/bot{TOKEN}/getMe")
        assert answer.status_code == 403


async def test_network_of_another_machine_is_a_sentence_for_a_person() -> None:
    with pytest.raises(NeedsPerson, match=r"192\.0\.2\.77 is not on this machine"):
        async with bot_world("192.0.2.77"):
            pass
