"""Address ranges of networks, also where the Docker engine has none left."""

import os
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from itertools import count, islice
from pathlib import Path

import docker
import pytest
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from blocks.docker_engine.address_ranges import OWN_RANGE, free_ranges, routed
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks

MARK = f"ranges-{os.getpid()}"
USUAL_POOLS = ("192.168.0.0/16", "172.24.0.0/13", "172.20.0.0/14")
"""Most of what an engine chooses from by itself: taken whole, in the place of thirty small ones."""
ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "tun0\t0000D40A\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0\n"
    "eth1\t0002A8C0\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
)


def take_another(client: docker.DockerClient, name: str) -> bool:
    """Make a network in a range of the engine's choice; tell whether it had one."""
    try:
        client.networks.create(name, labels={MARK: ""})
    except APIError as error:
        if "address pool" not in str(error.explanation):
            raise
        return False
    return True


@pytest.fixture
def full() -> Iterator[docker.DockerClient]:
    """Yield a client of the engine, none of whose own ranges is free; give back what was taken."""
    client = docker.from_env(version="auto")
    try:
        for each in USUAL_POOLS:
            with suppress(APIError):  # part of it is in use: the rest goes one by one
                client.networks.create(f"{MARK}-{each}", labels={MARK: ""}, ipam=IPAMConfig(pool_configs=[IPAMPool(each)]))
        numbers = count()
        while take_another(client, f"{MARK}-{next(numbers)}"):
            pass
        yield client
    finally:
        for network in client.networks.list(filters={"label": MARK}):
            network.remove()
        client.close()


@pytest.mark.docker
async def test_projects_get_networks_when_the_engine_has_no_range_left(full: docker.DockerClient, tmp_path: Path) -> None:
    networks = DockerNetworks(DockerConnection(None), MARK, tmp_path)
    try:
        made = [full.networks.get(await networks.of_project(name)) for name in ("notes", "shop")]
        ranges = [IPv4Network(each.attrs["IPAM"]["Config"][0]["Subnet"]) for each in made]
        assert all(each.subnet_of(OWN_RANGE) for each in ranges)
        assert not ranges[0].overlaps(ranges[1])
        assert IPv4Network(f"{await networks.gateway_of_project('shop')}/32").subnet_of(ranges[1])
    finally:
        for name in ("notes", "shop"):
            await networks.remove_of_project(name)


def test_a_range_overlaps_nothing_taken_and_begins_at_the_networks_own() -> None:
    first = list(islice(free_ranges([], "a"), 3))
    assert next(free_ranges([], "a")) == first[0] != next(free_ranges([], "b"))
    assert list(islice(free_ranges([first[0], IPv4Network("172.17.0.0/16")], "a"), 2)) == first[1:]
    assert len(list(free_ranges([IPv4Network("10.212.0.0/15")], "a"))) == 512
    assert list(free_ranges([IPv4Network("10.0.0.0/8")], "a")) == []


def test_only_routes_that_are_up_take_a_range_and_the_default_one_takes_none(tmp_path: Path) -> None:
    table = tmp_path / "route"
    assert routed(table) == []
    table.write_text(ROUTES)
    assert routed(table) == [IPv4Network("10.212.0.0/15")]
