"""What the bot reads from its environment, once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATHS = ("/", "/health")
"""Taken by the pages."""


@dataclass(frozen=True)
class Settings:
    token: str = field(repr=False)
    api_url: str = "https://api.telegram.org"
    webhook_url: str = ""
    webhook_secret: str = field(default="", repr=False)
    host: str = "0.0.0.0"
    port: int = 8000

    @property
    def webhook_path(self) -> str:
        """Return the path on which updates come; empty when the bot asks for them."""
        return urlsplit(self.webhook_url).path


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings; end the process with a sentence when one is missing."""
    token, webhook = environment.get("TELEGRAM_BOT_TOKEN", ""), environment.get("WEBHOOK_URL", "")
    secret = environment.get("WEBHOOK_SECRET", "")
    if not token:
        raise SystemExit("TELEGRAM_BOT_TOKEN is not set: @BotFather gives you one")
    if webhook and not secret:
        raise SystemExit("WEBHOOK_URL needs WEBHOOK_SECRET: anybody could send updates without one")
    if webhook and urlsplit(webhook).path in ("", *PATHS):
        raise SystemExit("WEBHOOK_URL needs a path of its own, like https://bot.example.org/telegram")
    return Settings(
        token=token,
        api_url=(environment.get("TELEGRAM_API_URL") or Settings.api_url).rstrip("/"),
        webhook_url=webhook,
        webhook_secret=secret,
        host=environment.get("HOST") or Settings.host,
        port=int(environment.get("PORT") or Settings.port),
    )
