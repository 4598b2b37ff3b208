"""Settings of doors: on which addresses Slipway listens, how the HTTP API does, and how updates come to the bot."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from deployments.setting_types import WEBHOOK, Port

ADDRESS = r"^(\d{1,3}\.){3}\d{1,3}$"


class DoorSettings(BaseSettings):
    """The part of the settings about addresses that are listened on."""

    http_bind: str | None = Field(
        default=None,
        pattern=ADDRESS,
        description="an IPv4 address of this machine, like 127.0.0.1: the apps are served on it alone; unset: on all",
    )
    server: str | None = Field(
        default=None, description="address of a Slipway elsewhere, like https://api.example.org, that commands ask; unset: here"
    )
    api_port: Port | None = Field(
        default=None, description="a port number: the HTTP API is served on it; 0 chooses a free one; unset: there is none"
    )
    api_bind: str = Field(
        default="127.0.0.1",
        pattern=ADDRESS,
        description="an IPv4 address of this machine, like 127.0.0.1: the HTTP API is served on it",
    )
    api_proxy: str | None = Field(
        default=None,
        pattern=ADDRESS,
        description="IPv4 address of the proxy before the HTTP API, whose X-Forwarded-For is believed; "
        "unset: that of Slipway's own Caddy",
    )
    page_url: str = Field(
        default="",
        pattern=r"^(https?://[a-z0-9.-]+(:\d{1,5})?)?$",
        description="address at which people reach the owner's page, like https://slipway.example.org, without a slash at its "
        "end; unset: that of Slipway's own Caddy, and none in the bot",
    )
    telegram_webhook: Annotated[str, WEBHOOK] = Field(
        default="",
        description="true, or the address of a proxy before Slipway, like https://bot.example.org/telegram: Telegram brings"
        " updates there; false: the bot asks for them",
    )
    api_rate: int = Field(default=600, ge=1, le=1_000_000, description="1 to 1,000,000 requests that one key may make a minute")
    api_streams: int = Field(
        default=1000,
        ge=2,
        le=20_000,
        description="2 to 20,000 streams of events that the HTTP API sends at once; one person may have half of them",
    )
    github_label: str = Field(
        default="slipway",
        min_length=1,
        max_length=50,
        description="name of the label by which an issue at GitHub becomes a request for its project",
    )
