import asyncio
import json
from collections.abc import Callable

import pytest
from telegram import WebhookInfo
from telegram.error import Conflict, InvalidToken, NetworkError
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from app.connection import Connection
from app.pages import SECRET, pages
from app.pulse import FRESH, Pulse
from app.settings import Settings, read


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("events", "passed", "words"),
    [
        ((), 0.0, "not been asked"),
        (("good",), 0.0, ""),
        (("good",), FRESH + 1, "was not asked for updates for 61 s"),
        ((InvalidToken("no"),), 0.0, "401"),
        (("good", InvalidToken("no")), 0.0, "401"),
        (("good", Conflict("terminated")), 0.0, ""),
        (("good", Conflict("terminated"), Conflict("terminated")), 0.0, "409"),
        (("good", Conflict("terminated"), Conflict("terminated"), "good"), 0.0, ""),
        (("good", NetworkError("no route")), 1.0, ""),
        (("good", NetworkError("no route")), FRESH + 1, "NetworkError: no route"),
    ],
)
def test_pulse_says_why_no_updates_come(events: tuple[object, ...], passed: float, words: str) -> None:
    clock = Clock()
    pulse = Pulse(clock)
    for event in events:
        pulse.beat() if event == "good" else pulse.failed(event)
    clock.now += passed
    said = pulse.complaint()
    assert words in said
    assert bool(said) == bool(words)


def info(url: str = "https://bot.example/hook", waiting: int = 0, error: int | None = None) -> WebhookInfo:
    told = {"last_error_date": error, "last_error_message": "Connection refused"} if error else {}
    return WebhookInfo.de_json({"url": url, "has_custom_certificate": False, "pending_update_count": waiting, **told}, None)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (info(), ""),
        (info(url="https://other.example/"), "another program"),
        (info(waiting=1, error=150), "Connection refused"),
        (info(waiting=0, error=150), ""),
        (info(waiting=1, error=50), ""),
    ],
)
def test_webhook_is_well_while_telegram_can_bring_updates(told: WebhookInfo, words: str) -> None:
    pulse = Pulse()
    pulse.look(told, "https://bot.example/hook", since=100.0)
    assert words in pulse.complaint()
    assert bool(pulse.complaint()) == bool(words)


def asked(settings: Settings, use: Callable[[Connection], None], path: str, **more: object) -> tuple[int, bytes, Connection]:
    async def ask() -> tuple[int, bytes, Connection]:
        connection = Connection(settings)
        use(connection)
        socket, port = bind_unused_port()
        server = HTTPServer(pages(connection, settings))
        server.add_sockets([socket])
        try:
            said = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}{path}", raise_error=False, **more)
            return said.code, said.body, connection
        finally:
            server.stop()

    return asyncio.run(ask())


def test_health_is_503_with_the_reason_until_updates_flow() -> None:
    settings = Settings(token="1:test")
    code, body, _ = asked(settings, lambda _: None, "/health")
    assert (code, json.loads(body)["reason"]) == (503, "Telegram has not been asked for updates yet")
    code, body, _ = asked(settings, lambda connection: connection.pulse.beat(), "/health")
    assert (code, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.parametrize(("secret", "code", "taken"), [("sesame", 200, 1), ("wrong", 403, 0), ("", 403, 0)])
def test_updates_are_taken_from_telegram_alone(secret: str, code: int, taken: int) -> None:
    settings = Settings(token="1:test", webhook_url="https://bot.example/hook", webhook_secret="sesame")
    headers = {SECRET: secret} if secret else {}
    said, _, connection = asked(settings, lambda _: None, "/hook", method="POST", body='{"update_id": 1}', headers=headers)
    assert (said, connection.application.update_queue.qsize()) == (code, taken)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "TELEGRAM_BOT_TOKEN"),
        ({"TELEGRAM_BOT_TOKEN": "1:a", "WEBHOOK_URL": "https://bot.example/hook"}, "WEBHOOK_SECRET"),
        ({"TELEGRAM_BOT_TOKEN": "1:a", "WEBHOOK_URL": "https://bot.example", "WEBHOOK_SECRET": "s"}, "path of its own"),
    ],
)
def test_what_cannot_work_ends_with_a_sentence(given: dict[str, str], words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        read(given)
