"""Our Caddy as a child of `slipway up`: what the Caddyfile is told, and what is cleared before the start."""

import json
import shutil
from base64 import b64encode

from blocks.private_files import write_private
from blocks.route_files import FOLDER
from deployments.supervision.base_environment import base_environment
from deployments.supervision.children import Service
from deployments.supervision.probes import exchange
from deployments.supervision.programs import caddy_binary, caddyfile
from deployments.wiring import Wiring

UI_SETTINGS = {
    "api_url": "/api",
    "csrf_enabled": False,
    "auth": None,
    "flags": [],
    "default_ui": "v2",
    "available_uis": ["v1", "v2"],
    "v1_base_url": "/",
    "v2_base_url": "/v2",
}
"""What Prefect's UI behind the gate is told (`UISettings` of prefect.server.api.server), but that it need not log in."""


def forget_routes(wiring: Wiring) -> None:
    """Let our Caddy begin without routes: where they lead now, something else may listen by this time."""
    shutil.rmtree(wiring.folder.caddy_storage / FOLDER, ignore_errors=True)


def caddy_service(wiring: Wiring) -> Service:
    folder = wiring.folder.caddy

    async def ready() -> bool:
        return b"HTTP/1.1" in await exchange(wiring.caddy_socket, b"GET /config/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    return Service(
        name="caddy",
        argv=(caddy_binary(), "run", "--config", str(caddyfile()), "--adapter", "caddyfile"),
        environment={
            **base_environment(),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "SLIPWAY_CADDY_ADMIN": wiring.caddy_admin,
            "SLIPWAY_CADDY_STORAGE": str(wiring.folder.caddy_storage),
            "SLIPWAY_CADDY_LOG": wiring.access_log,
            "SLIPWAY_CADDY_HTTP": str(wiring.http_port),
            "SLIPWAY_HTTP_BIND": wiring.settings.http_bind or "",
            **tls_environment(wiring),
            **prefect_door(wiring),
        },
        ready=ready,
        sockets=(wiring.caddy_socket,),
    )


def prefect_door(wiring: Wiring) -> dict[str, str]:
    """Return what lets operators through to our Prefect server; nothing where there is no gate to ask, or no server of ours."""
    if "prefect" not in wiring.doors:
        return {}
    login = wiring.folder.caddy / "prefect.login"
    write_private(login, f"Basic {b64encode(wiring.folder.prefect_auth.encode()).decode()}")
    return {
        "SLIPWAY_CADDY_API": wiring.doors["api"].rpartition(":")[2],
        "SLIPWAY_CADDY_BASE": wiring.settings.base_domain.replace(".", "[.]"),
        "SLIPWAY_CADDY_PREFECT_LOGIN": str(login),
        "SLIPWAY_CADDY_PREFECT_SETTINGS": json.dumps(UI_SETTINGS),
    }


def tls_environment(wiring: Wiring) -> dict[str, str]:
    """Return what makes the Caddyfile serve the apps by HTTPS, and who certifies them; the way without TLS is its default."""
    settings = wiring.settings
    if settings.tls == "off":
        return {}
    chosen = {"dir": settings.acme_url, "trusted_roots": settings.acme_ca, "email": settings.acme_email}
    return {
        "SLIPWAY_CADDY_TLS": settings.tls,
        "SLIPWAY_CADDY_AUTO_HTTPS": "disable_redirects",
        "SLIPWAY_CADDY_HTTPS": str(wiring.https_port),
        "SLIPWAY_CADDY_HTTPS_SUFFIX": "" if wiring.https_port == 443 else f":{wiring.https_port}",
        "SLIPWAY_CADDY_ASK": str(wiring.ask_port),
        "SLIPWAY_CADDY_ACME": "\n".join(f"{word} `{value}`" for word, value in chosen.items() if value),
    }
