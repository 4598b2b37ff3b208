"""Whether visitors who ask for a host name come to this machine."""

import socket

from deployments.checks.preflight import Lookup, is_local, is_ours, look_up


async def host_warning(host: str, addresses_of: Lookup = look_up) -> str:
    """Return one sentence when they do not, or when nobody knows; empty when they do."""
    if is_local(host):
        return ""
    try:
        addresses = await addresses_of(host)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return f"WARNING: the DNS does not answer, so it is not known whether {host} leads here"
        return f"WARNING: {host} does not resolve, so nobody will come by it: make a DNS record that points to this machine"
    if any(map(is_ours, addresses)):
        return ""
    return (
        f"WARNING: {host} points to {', '.join(addresses)}, which is no address of this machine: "
        "right behind a router or proxy that forwards to it; else change the DNS record"
    )
