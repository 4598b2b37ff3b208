"""The host's own services behind a locked door: workers reach the egress proxy and the model gateway, and nothing else of it.

Docker drops what an internal network sends to the outside, but its containers reach every service of the host that listens on
all addresses: Docker's rules see only what is forwarded. So these are rules of INPUT; in FORWARD they turn Docker's
silent drop into a refusal, for programs that do not know the proxy would wait for minutes.
"""

import asyncio
import os
import shutil

from blocks.docker_engine.networks import WorkersNetwork
from domain.errors import Broken


def can_lock() -> bool:
    """Tell whether this process may and can change the firewall."""
    return os.geteuid() == 0 and shutil.which("iptables-restore") is not None


def egress_warning() -> str:
    """Return one loud sentence when the host's services cannot be locked away from workers; empty when they are."""
    if can_lock():
        return ""
    return (
        "WARNING: agents can connect to services of this machine that listen on all addresses: run `slipway up` as root "
        "with iptables installed, or let them listen on 127.0.0.1 only"
    )


def chain(network: WorkersNetwork) -> str:
    return network.bridge.upper()


def ruleset(network: WorkersNetwork, *ports: int) -> str:
    """Return the chain as iptables-restore reads it: loaded as one, it replaces what a killed process left.

    TCP is refused by a reset: the kernel sends only some ICMP refusals a second, and programs would wait for the others.
    """
    name = chain(network)
    doors = "".join(f"-A {name} -d {network.gateway}/32 -p tcp -m tcp --dport {port} -j ACCEPT\n" for port in ports)
    return f"*filter\n:{name} - [0:0]\n{doors}-A {name} -p tcp -j REJECT --reject-with tcp-reset\n-A {name} -j REJECT\nCOMMIT\n"


async def lock(network: WorkersNetwork, *ports: int) -> None:
    """Refuse all that comes from the workers' network to this machine but connections to `ports` of the gateway address."""
    await _demand("iptables-restore", "--noflush", given=ruleset(network, *ports))
    for jump in _jumps(network):
        if (await _iptables("iptables", "-C", *jump))[0] != 0:
            await _demand("iptables", "-I", *jump)


async def unlock(network: WorkersNetwork) -> None:
    """Take the rules away; what is gone already is no error."""
    removals = [("-D", *jump) for jump in _jumps(network)]
    for words in (*removals, ("-F", chain(network)), ("-X", chain(network))):
        await _iptables("iptables", *words)


def _jumps(network: WorkersNetwork) -> list[tuple[str, ...]]:
    return [(builtin, "-i", network.bridge, "-j", chain(network)) for builtin in ("INPUT", "FORWARD")]


async def _demand(program: str, *words: str, given: str = "") -> None:
    code, said = await _iptables(program, *words, given=given)
    if code != 0:
        raise Broken(f"the firewall refused the rules of the workers' network: {program}: {said}")


async def _iptables(program: str, *words: str, given: str = "") -> tuple[int, str]:
    """Run it, waiting for the lock of others; return its exit code and what it complained about."""
    process = await asyncio.create_subprocess_exec(
        program,
        "--wait=10",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate(given.encode())
    return process.returncode or 0, complaint.decode("utf-8", "replace").strip()[-400:]
