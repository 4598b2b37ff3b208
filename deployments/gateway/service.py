"""The gateway service of `slipway up`: where it listens for which engine, and what it is made of."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks, WorkersNetwork
from blocks.door_sockets import DoorSockets
from blocks.egress_receipts import CredentialReceipts, EgressReceipts
from blocks.git.credentials import StoredTokens
from blocks.registry.ledger import LedgerLines
from blocks.registry.projects import Projects
from blocks.registry.runs import Runs
from blocks.registry.store import pooled_engine
from deployments.data_folder import DataFolder
from deployments.egress.addresses import addresses_on
from deployments.gateway.credentials import CredentialDesk
from deployments.gateway.guests import Allowance, Guests
from deployments.gateway.models import Models
from deployments.gateway.proxy import ModelProxy
from deployments.gateway.receipts import GatewayReceipts
from deployments.gateway.server import bound, server_of
from deployments.gateway.tools import ToolCounter
from deployments.gateway.upstream import PLAYED, Upstream
from deployments.settings import Settings
from deployments.wiring import LOOPBACK, registry_address
from domain.errors import Broken, EngineUnreachable
from domain.git_credentials import site_of
from domain.protocols import Vault

WATCH_SECONDS = 3.0
"""How often the network is looked for, as the egress service does."""

LINES_A_MINUTE = 120
LOCAL = IPv4Network("127.0.0.0/8")


async def run_gateway(settings: Settings, engine: str, port: int, mark: Path | None = None) -> None:
    """Serve workers of the engine until SIGTERM; `mark` is made when they can be spawned.

    Raises Broken when the workers' network has changed. What was used is booked before this returns.
    """
    _log_to_stderr()
    folder = DataFolder(settings.home)
    network = await _networks(settings, folder).of_workers() if engine == "docker" else None
    address, subnet = (network.gateway, network.subnet) if network else (LOOPBACK, LOCAL)
    upstream, books = upstream_of(settings), books_of(settings, folder)
    proxy = proxy_of(settings, folder, upstream, books, network)
    listener = bound(address, port)
    if listener is None:
        _say(f"the workers' network is not on this machine ({address}): CLI agents reach no model")
    server = server_of(proxy, subnet)
    serving = asyncio.create_task(server.serve([listener])) if listener else None
    try:
        if mark:
            mark.touch()  # noqa: ASYNC240  (one instant, before anything is served)
        await _until_ended(settings, folder, network)
    finally:
        server.should_exit = True
        if serving:
            await serving
        await proxy.idle()
        await upstream.close()
        await books.close()


class Books(Projects, Runs, LedgerLines):
    """What the gateway needs of the registry: no Prefect, whose import takes most of a start, and connections that are kept."""

    def __init__(self, url: str, budget_micro_usd: int) -> None:
        self.budget_micro_usd = budget_micro_usd
        self._engine = pooled_engine(url)

    def engine(self) -> AsyncEngine:
        return self._engine

    async def close(self) -> None:
        await self._engine.dispose()


def books_of(settings: Settings, folder: DataFolder) -> Books:
    return Books(registry_address(settings, folder), round(settings.budget_usd * 1_000_000))


def proxy_of(
    settings: Settings, folder: DataFolder, upstream: Upstream, books: Books, network: WorkersNetwork | None
) -> ModelProxy:
    addresses = addresses_on(network, settings, folder) if network else None
    tools = ToolCounter(DoorSockets(folder.home))
    guests = Guests(folder.gateway_key, books, Allowance(), addresses, tools)
    receipts = GatewayReceipts(EgressReceipts(folder.home, "models"))
    return ModelProxy(guests, books, models_of(settings), upstream, receipts, desk_of(settings, folder, books), tools)


def models_of(settings: Settings) -> Models:
    """Return who answers for which name: the second model is asked by its own, when a CLI goes over to it."""
    second = {settings.fallback_model: settings.fallback_model} if settings.fallback_model else {}
    return Models(settings.model, settings.models, second | settings.gateway_models)


def desk_of(settings: Settings, folder: DataFolder, books: Books) -> CredentialDesk:
    return CredentialDesk(books, StoredTokens(_vault), site_of(settings.github_url), CredentialReceipts(folder.home))


def _vault() -> Vault:
    """Return the vault, whose client is imported at the first question; raise Broken where no server is known."""
    if "PREFECT_API_URL" not in os.environ:  # Prefect would begin a server of its own
        raise Broken("the gateway knows no Prefect server and so no vault: set PREFECT_API_URL, or run `slipway up`")
    from blocks.vault import SecretVault

    return SecretVault()


def upstream_of(settings: Settings) -> Upstream:
    """Return the model service; a recorded session answers only Slipway's own loop."""
    if settings.replay:
        return Upstream("", None, PLAYED)
    key = settings.anthropic_api_key
    return Upstream(key.get_secret_value() if key else "", settings.anthropic_base_url)


def _networks(settings: Settings, folder: DataFolder) -> DockerNetworks:
    return DockerNetworks(DockerConnection(settings.docker_host), folder.installation, folder.engine)


async def _until_ended(settings: Settings, folder: DataFolder, network: WorkersNetwork | None) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    networks = _networks(settings, folder) if network else None
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), WATCH_SECONDS if networks else None)
            return
        with suppress(EngineUnreachable):  # it may be restarting, and brings the network back
            if networks and await networks.of_workers() != network:
                raise Broken("the workers' network was made anew; the gateway starts again on it")


class Calm(logging.Filter):
    """Passes some lines a minute: no worker fills the disk with refusals."""

    def __init__(self, lines: int = LINES_A_MINUTE) -> None:
        super().__init__()
        self._lines = lines
        self._minute, self._passed = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        self._minute, self._passed = minute, (self._passed + 1 if minute == self._minute else 1)
        return self._passed <= self._lines


def _log_to_stderr() -> None:
    log = logging.getLogger("slipway.gateway")
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Calm())
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _say(text: str) -> None:
    """Write into the service's log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
