"""What is answered over HTTP: the bot's health, a page that leads to it, and updates that Telegram brings."""

import hmac
from html import escape
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from app.connection import Connection
from app.settings import Settings

SECRET = "X-Telegram-Bot-Api-Secret-Token"


class Page(RequestHandler):
    """One page of the bot that `connection` holds."""

    def initialize(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self.settings_of_bot = settings


class Health(Page):
    """200 while updates flow, else 503 with the reason."""

    def get(self) -> None:
        pulse = self.connection.pulse
        reason = pulse.complaint()
        self.set_status(503 if reason else 200)
        self.write({"status": "no updates", "reason": reason, "outside": pulse.is_outside} if reason else {"status": "ok"})


class Door(Page):
    """Leads people to the bot."""

    def get(self) -> None:
        name = escape(self.connection.name)
        link = f'<a href="https://t.me/{name}">@{name}</a>' if name else "this bot"
        self.write(f"<!doctype html><meta charset=utf-8><title>Telegram bot</title><p>Talk to {link} in Telegram.</p>")


class Hook(Page):
    """Takes an update, from Telegram alone."""

    async def post(self) -> None:
        given = self.request.headers.get(SECRET, "")
        if not hmac.compare_digest(given.encode(), self.settings_of_bot.webhook_secret.encode()):
            self.set_status(403)
            return
        await self.connection.take(self.request.body)


def pages(connection: Connection, settings: Settings) -> Application:
    given: dict[str, Any] = {"connection": connection, "settings": settings}
    hooks = [(settings.webhook_path, Hook, given)] if settings.webhook_url else []
    return Application([("/health", Health, given), ("/", Door, given), *hooks], log_function=lambda _: None)


def listen(connection: Connection, settings: Settings) -> HTTPServer:
    """Answer from now on."""
    return pages(connection, settings).listen(settings.port, settings.host)
