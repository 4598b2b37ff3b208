import socket
from collections.abc import Sequence

import pytest

from deployments.checks.names import host_warning
from deployments.checks.preflight import Lookup


def dns(*addresses: str, error: int = 0) -> Lookup:
    async def addresses_of(host: str) -> Sequence[str]:
        assert host == "shop.example.org"
        if error:
            raise socket.gaierror(error, "as the resolver says it")
        return addresses

    return addresses_of


@pytest.mark.parametrize(
    ("resolver", "told"),
    [
        (dns("127.0.0.1"), ""),
        (dns("192.0.2.1", "127.0.0.1"), ""),
        (dns("192.0.2.1"), "points to 192.0.2.1, which is no address of this machine"),
        (dns(error=socket.EAI_NONAME), "does not resolve, so nobody will come by it"),
        (dns(error=socket.EAI_AGAIN), "the DNS does not answer, so it is not known"),
    ],
)
async def test_operator_hears_whether_visitors_come_here(resolver: Lookup, told: str) -> None:
    warning = await host_warning("shop.example.org", resolver)
    assert told in warning
    assert bool(warning) is bool(told)


async def test_local_name_is_not_asked_for() -> None:
    assert await host_warning("api.notes.localhost", dns(error=socket.EAI_NONAME)) == ""
