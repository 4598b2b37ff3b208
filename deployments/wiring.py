"""Where everything of one installation is: decided once, before anything starts."""

from dataclasses import dataclass
from pathlib import Path

from deployments.data_folder import DataFolder
from deployments.prefect_server.access import access
from deployments.prefect_server.trust import trust
from deployments.settings import Settings
from domain.bot_webhook import webhook_url
from domain.hosts import web_address

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104  (what an operator may write)
PREFECT_QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_CLI_PROMPT": "false"}

OWN_SERVER = {"PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false", "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false"}
"""Questions that every client asks a server before its first; ours asks for no token and has our version."""


def registry_address(settings: Settings, folder: DataFolder) -> str:
    chosen = settings.database_url
    return chosen.get_secret_value() if chosen else f"sqlite+aiosqlite:///{folder.registry}"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Addresses and paths, from settings, chosen ports and the engine that answers."""

    settings: Settings
    folder: DataFolder
    engine: str
    http_port: int
    prefect_port: int
    replay_port: int
    https_port: int = 0
    """Of the apps, with TLS; 0 without."""
    ask_port: int = 0
    """On loopback, where Caddy asks itself for which names it may have certificates; 0 when there is nothing to ask."""
    egress_port: int = 0
    """Of the egress proxy, on the workers' network; 0 when there is none."""
    gateway_port: int = 0
    """Of the model gateway, on the workers' network or on loopback; 0 when there is none."""

    api_port: int = 0
    """Of the HTTP API; 0 when there is none."""
    webhook_port: int = 0
    """On loopback, where our bot takes what Telegram brings; 0 when the bot asks for it."""

    @property
    def prefect_api_url(self) -> str:
        return self.settings.prefect_api_url or f"http://{LOOPBACK}:{self.prefect_port}/api"

    @property
    def prefect_ui_url(self) -> str:
        return self.prefect_api_url.removesuffix("/").removesuffix("/api")

    @property
    def registry_url(self) -> str:
        return registry_address(self.settings, self.folder)

    @property
    def redis_socket(self) -> Path:
        return self.folder.sockets / "redis.sock"

    @property
    def redis_url(self) -> str:
        chosen = self.settings.redis_url
        return chosen.get_secret_value() if chosen else f"unix://{self.redis_socket}"

    @property
    def caddy_socket(self) -> Path:
        return self.folder.sockets / "caddy-admin.sock"

    @property
    def caddy_admin(self) -> str:
        return self.settings.caddy_admin or f"unix/{self.caddy_socket}"

    @property
    def api_url(self) -> str:
        """Where the HTTP API is; empty without one."""
        return f"http://{self._api_address}" if self.api_port else ""

    @property
    def page_url(self) -> str:
        """Where people reach the owner's page; empty without the HTTP API."""
        if not self.api_port or self.settings.page_url:
            return self.settings.page_url if self.api_port else ""
        own = web_address(f"slipway.{self.settings.base_domain}", self.apps_port, tls=bool(self.https_port))
        return self.api_url if self.settings.caddy_admin else own

    @property
    def doors(self) -> dict[str, str]:
        """Where Caddy finds what of Slipway has a host name below the base domain, by its first label."""
        if not self.api_port:
            return {}
        api = self._api_address
        behind_gate = api.startswith(LOOPBACK) and self.prefect_port and not self.settings.caddy_admin
        prefect = {"prefect": f"{LOOPBACK}:{self.prefect_port}"} if behind_gate else {}
        return {"api": api, "slipway": api, **prefect}

    @property
    def _api_address(self) -> str:
        """Return where this machine finds the HTTP API: nobody can open the address that stands for all."""
        bind = self.settings.api_bind
        return f"{LOOPBACK if bind == EVERYWHERE else bind}:{self.api_port}"

    @property
    def apps_port(self) -> int:
        return self.https_port or self.http_port

    @property
    def listen(self) -> str:
        return f":{self.apps_port}"

    @property
    def apps_url(self) -> str:
        return web_address(self.settings.base_domain, self.apps_port, tls=bool(self.https_port))

    @property
    def webhook_url(self) -> str:
        """Where Telegram brings our bot's updates; empty when the bot asks for them."""
        chosen = self.settings.telegram_webhook if self.webhook_port else ""
        return webhook_url(chosen, self.settings.base_domain, self.apps_port, tls=bool(self.https_port))

    @property
    def access_log(self) -> str:
        """Where our Caddy writes down each request; empty with another's."""
        return "" if self.settings.caddy_admin else str(self.folder.logs / "access.log")

    @property
    def root_certificate(self) -> str:
        """What a program has to trust to reach the apps, where that is nothing it trusts anyway; empty else."""
        match self.settings.tls:
            case "internal" if not self.settings.caddy_admin:
                return str(self.folder.root_certificate)
            case "auto" if self.settings.acme_ca:
                return str(self.settings.acme_ca)
            case _:
                return ""

    @property
    def model_url(self) -> str | None:
        """Where the Messages API is; None for Anthropic's own."""
        return f"http://{LOOPBACK}:{self.replay_port}" if self.settings.replay else self.settings.anthropic_base_url

    @property
    def prefect_client(self) -> dict[str, str]:
        """Variables of every process that speaks to the Prefect server."""
        return {
            **PREFECT_QUIET,
            **({} if self.settings.prefect_api_url else OWN_SERVER),
            "PREFECT_API_URL": self.prefect_api_url,
            "PREFECT_UI_URL": self.prefect_ui_url,
            "PREFECT_HOME": str(self.folder.prefect),
            **access(self.folder, own=not self.settings.prefect_api_url),
            **trust(self.folder.home, self.prefect_api_url),
        }
