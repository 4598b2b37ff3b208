"""What must be true before anything starts, each told in one sentence with its cure."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

from deployments.data_folder import DataFolder
from deployments.egress.firewall import egress_warning
from deployments.settings import Settings
from deployments.supervision.ports import choose_port, free_port
from deployments.wiring import LOOPBACK, Wiring
from domain.bot_webhook import webhook_problem
from domain.errors import BadInput

DISK_FLOOR = 200 * 1024 * 1024
PING_SECONDS = 3


def isolation_warning(settings: Settings) -> str:
    """Return the loud line of the process engine, with why it is the one."""
    why = "SLIPWAY_ENGINE=process" if settings.engine == "process" else "no container engine answers"
    return f"WARNING: {why}: agents and apps run as ordinary processes of this user, NOT isolated; do not let strangers in"


def check_disk(folder: DataFolder, floor: int = DISK_FLOOR) -> None:
    """Raise BadInput when less than `floor` bytes are free under the data folder."""
    free = shutil.disk_usage(folder.home).free
    if free < floor:
        raise BadInput(
            f"the disk of {folder.home} has {free // 1024**2} MB left and at least {floor // 1024**2} MB are needed: "
            "free some, or choose a folder on another disk with SLIPWAY_HOME"
        )


def is_local(domain: str) -> bool:
    return domain == "localhost" or domain.endswith(".localhost")


Lookup = Callable[[str], Awaitable[Sequence[str]]]


async def look_up(host: str) -> Sequence[str]:
    """Return the host's addresses; raise socket.gaierror."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 80, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


async def domain_warning(base_domain: str, addresses_of: Lookup = look_up) -> str:
    """Return one sentence when apps might not be found under the base domain; empty when they will be.

    Raises BadInput when neither it nor a name below it exists. A DNS that does not answer says nothing of the name.
    """
    if is_local(base_domain):
        return ""
    try:
        addresses = await addresses_of(f"slipway-check.{base_domain}")
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return f"WARNING: the DNS does not answer, so it is not known whether *.{base_domain} leads here"
        trouble = (
            f"*.{base_domain} does not resolve, so nobody would find the apps: make a DNS record "
            f"*.{base_domain} that points to this machine, or set SLIPWAY_BASE_DOMAIN=localhost"
        )
        if not await _exists(base_domain, addresses_of):
            raise BadInput(trouble) from error
        return f"WARNING: {trouble}"
    if any(map(is_ours, addresses)):
        return ""
    return (
        f"WARNING: *.{base_domain} points to {', '.join(addresses)}, which is no address of this machine: "
        "right behind a router or proxy that forwards to it; else change the DNS record or SLIPWAY_BASE_DOMAIN"
    )


async def _exists(domain: str, addresses_of: Lookup) -> bool:
    try:
        return bool(await addresses_of(domain))
    except socket.gaierror:
        return False


def is_ours(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


async def engine_answers(settings: Settings) -> bool:
    """Ping the Docker engine, for three seconds at most."""
    return await asyncio.to_thread(_ping, settings.docker_host)


def _ping(docker_host: str | None) -> bool:
    import docker
    import requests

    try:
        client = (
            docker.DockerClient(docker_host, timeout=PING_SECONDS) if docker_host else docker.from_env(timeout=PING_SECONDS)
        )
    except (docker.errors.DockerException, requests.RequestException):
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, requests.RequestException):
        return False
    finally:
        client.close()


async def choose_engine(settings: Settings) -> str:
    """Return `docker` or `process`; raise BadInput when Docker was demanded and does not answer."""
    if settings.engine == "process":
        return "process"
    if await engine_answers(settings):
        return "docker"
    if settings.engine == "docker":
        where = settings.docker_host or "its usual address"
        raise BadInput(f"no Docker engine answers at {where}: start it, set SLIPWAY_DOCKER_HOST, or set SLIPWAY_ENGINE=process")
    return "process"


def served_on(settings: Settings) -> str:
    """Return the address on which the apps are served; raise BadInput when it is not this machine's."""
    address = settings.http_bind or "0.0.0.0"  # noqa: S104  (all of them, as the operator wants)
    if not is_ours(address):
        raise BadInput(f"SLIPWAY_HTTP_BIND: {address} is no address of this machine; set it to one, or leave it out for all")
    return address


def https_port(settings: Settings, folder: DataFolder) -> int:
    """Return the port of the apps with TLS; 0 without."""
    if settings.tls == "off":
        return 0
    if settings.https_port == settings.http_port != 0:
        raise BadInput(f"SLIPWAY_HTTP_PORT and SLIPWAY_HTTPS_PORT are both {settings.http_port}: set one to another port")
    if settings.caddy_admin:
        return settings.https_port
    return choose_port(folder, "https", settings.https_port, "SLIPWAY_HTTPS_PORT", served_on(settings))


def api_port(settings: Settings, folder: DataFolder) -> int:
    """Return the port of the HTTP API; 0 when there is to be none."""
    if settings.api_port is None:
        return 0
    if not is_ours(settings.api_bind):
        raise BadInput(f"SLIPWAY_API_BIND: {settings.api_bind} is no address of this machine; set it to one, like 127.0.0.1")
    return choose_port(folder, "api", settings.api_port, "SLIPWAY_API_PORT", settings.api_bind)


def webhook_port(settings: Settings, folder: DataFolder) -> int:
    """Return the port of loopback on which the bot takes what Telegram brings; 0 when it asks for that, or there is no bot."""
    return choose_port(folder, "webhook", 0, "", LOOPBACK) if settings.telegram_webhook and settings.telegram_token else 0


def check_webhook(wiring: Wiring) -> None:
    """Raise BadInput when Telegram would bring no update to the address that it is to be given."""
    settings, url = wiring.settings, wiring.webhook_url
    tls = settings.tls if settings.telegram_webhook == "true" else ""
    own_server = settings.telegram_api_url is not None
    if url and (problem := webhook_problem(url, settings.base_domain, tls, own_server=own_server)):
        raise BadInput(f"SLIPWAY_TELEGRAM_WEBHOOK: {problem}; false lets the bot ask for updates")


def tls_warnings(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each reason why a public authority will certify no app."""
    if settings.tls != "auto" or settings.acme_url:
        return
    if is_local(settings.base_domain):
        yield f"WARNING: no public authority certifies *.{settings.base_domain}: set SLIPWAY_TLS=internal, or a public domain"
    if (settings.http_port, settings.https_port) != (80, 443):
        yield (
            "WARNING: the authority looks at ports 80 and 443: set SLIPWAY_HTTP_PORT=80 and SLIPWAY_HTTPS_PORT=443, or "
            f"forward them to {settings.http_port} and {settings.https_port} of this machine"
        )


async def decided(settings: Settings, folder: DataFolder, report: Callable[[str], None]) -> Wiring:
    """Check the machine and decide on every address; raise BadInput with the cure."""
    check_disk(folder)
    engine = await choose_engine(settings)
    if engine == "process":
        report(isolation_warning(settings))
    elif warning := egress_warning():
        report(warning)
    if warning := await domain_warning(settings.base_domain):
        report(warning)
    for warning in tls_warnings(settings):
        report(warning)
    http, prefect = settings.http_port, settings.prefect_port
    wiring = Wiring(
        settings=settings,
        folder=folder,
        engine=engine,
        http_port=http if settings.caddy_admin else choose_port(folder, "http", http, "SLIPWAY_HTTP_PORT", served_on(settings)),
        https_port=https_port(settings, folder),
        ask_port=choose_port(folder, "ask", 0, "", LOOPBACK) if settings.tls != "off" and not settings.caddy_admin else 0,
        prefect_port=0
        if settings.prefect_api_url
        else choose_port(folder, "prefect", prefect, "SLIPWAY_PREFECT_PORT", LOOPBACK),
        replay_port=free_port() if settings.replay else 0,
        egress_port=choose_port(folder, "egress", 0, "", "0.0.0.0") if engine == "docker" else 0,  # noqa: S104  (a probe only)
        api_port=api_port(settings, folder),
        webhook_port=webhook_port(settings, folder),
        gateway_port=choose_port(folder, "gateway", 0, "", "0.0.0.0"),  # noqa: S104  (the same)
    )
    check_webhook(wiring)
    return wiring
