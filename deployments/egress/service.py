"""The egress service of `slipway up`: the workers' network, the host's firewall towards it, and the proxy on its gateway."""

import asyncio
import errno
import signal
import sys
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks, WorkersNetwork
from blocks.egress_receipts import EgressReceipts
from deployments.data_folder import DataFolder
from deployments.egress.accounts import Accounts
from deployments.egress.addresses import addresses_on
from deployments.egress.firewall import can_lock, lock, unlock
from deployments.egress.proxy import CHUNK, EgressProxy
from deployments.egress.registries import registry_patterns
from deployments.settings import Settings
from domain.egress import Allowance, pattern_of
from domain.errors import Broken, EngineUnreachable

WATCH_SECONDS = 3.0
"""How often the network is looked for: `docker network prune` may take it away, and it may come back elsewhere."""


async def run_egress(settings: Settings, port: int, mark: Path, gateway_port: int = 0) -> None:
    """Serve until SIGTERM; `mark` is made when workers can be spawned. Raises Broken when the network has changed.

    The firewall is this service's, so it also leaves open the port of the model gateway, which listens on the same address.
    """
    folder = DataFolder(settings.home)
    networks = DockerNetworks(DockerConnection(settings.docker_host), folder.installation, folder.engine)
    network = await networks.of_workers()
    if can_lock():
        await lock(network, *filter(None, (port, gateway_port)))
    else:
        _say("no root or no iptables: workers reach services of this machine that listen on all addresses")
    server = await listening(await proxy_of(settings, folder, network), network, port)
    try:
        mark.touch()  # noqa: ASYNC240  (one instant, before anything is served)
        await _until_ended(networks, network)
    finally:
        if server:
            server.close()
    # After an error, or where a worker still runs, the door stays locked; the next start takes the rules over.
    if can_lock() and await _is_deserted(networks):
        await unlock(network)


async def proxy_of(settings: Settings, folder: DataFolder, network: WorkersNetwork) -> EgressProxy:
    allowance = Allowance()
    accounts = Accounts(EgressReceipts(folder.home), allowance)
    patterns = (*await registry_patterns(), *settings.egress)
    _say(f"agents may reach: {', '.join(patterns) or 'nothing'}")
    github = pattern_of(settings.github_url)
    _say(f"with the capability github also: {github or f'nothing, since {settings.github_url} is on another port than 443'}")
    addresses = addresses_on(network, settings, folder)
    return EgressProxy(
        folder.egress_key, patterns, accounts, addresses, allowance.idle_seconds, github=(github,) if github else ()
    )


async def listening(proxy: EgressProxy, network: WorkersNetwork, port: int) -> asyncio.Server | None:
    """Listen on the network's gateway address, for its own addresses only: other networks of the host are routed there too.

    None when that address is not of this machine (an engine elsewhere, or one without root): agents then reach nothing.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if IPv4Address(writer.get_extra_info("peername")[0]) in network.subnet:
            await proxy.serve(reader, writer)
        else:
            writer.transport.abort()

    try:
        return await asyncio.start_server(serve, network.gateway, port, limit=CHUNK)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        _say(f"the workers' network is not on this machine ({network.gateway}): agents reach no package registry")
        return None


async def _until_ended(networks: DockerNetworks, network: WorkersNetwork) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), WATCH_SECONDS)
        except TimeoutError:
            with suppress(EngineUnreachable):  # it may be restarting, and brings the network back
                if await networks.of_workers() != network:
                    raise Broken("the workers' network was made anew; the proxy starts again on it") from None


def _say(text: str) -> None:
    """Write into the service's log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


async def _is_deserted(networks: DockerNetworks) -> bool:
    try:
        return not await networks.workers_are_attached()
    except EngineUnreachable:
        return False
