"""Redis that a crash of the machine left with a broken log starts again, under `slipway up`, with what it had before."""

from pathlib import Path

import pytest

from deployments.data_folder import DataFolder
from deployments.settings import load_settings
from deployments.supervision.children import Child, ServiceFailed
from deployments.supervision.probes import exchange
from deployments.supervision.redis_log import mend_log
from deployments.supervision.services import redis_service
from deployments.wiring import Wiring

SET, GET = b"SET kept 1\r\n", b"GET kept\r\n"


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    folder = DataFolder(tmp_path / "home")
    folder.prepare()
    return Wiring(settings=load_settings(home=folder.home), folder=folder, engine="process", http_port=1, prefect_port=2,
                  replay_port=0)  # fmt: skip


async def said(wiring: Wiring, words: bytes, told: list[str]) -> bytes:
    """Start Redis on what lies there, say this to it, and stop it."""
    child = Child(redis_service(wiring), wiring.folder.home / "redis.log", told.append)
    try:
        await child.start()
        return await exchange(wiring.redis_socket, words)
    finally:
        await child.stop()


@pytest.mark.parametrize("end", [bytes(4096), b"*2\r\n$3\r\nGET\r\n" + bytes(64), b"\xff\x00*1\r\n"])
async def test_broken_end_is_cut_said_and_kept_aside(wiring: Wiring, end: bytes) -> None:
    told = list[str]()
    assert await said(wiring, SET, told) == b"+OK\r\n"
    log = wiring.folder.redis / "appendonly.aof"
    whole = log.read_bytes()
    log.write_bytes(whole + end)
    assert await said(wiring, GET, told) == b"$1\r\n1\r\n"
    assert [line.partition(" (")[0] for line in told] == ["redis found its data broken, and starts with what of it is whole"]
    assert log.with_suffix(".broken").read_bytes() == whole + end


async def test_service_with_nothing_to_mend_says_why_it_does_not_start(wiring: Wiring) -> None:
    wiring.folder.redis.rmdir()
    with pytest.raises(ServiceFailed, match=r"redis ended with exit code 1 before it was ready"):
        await said(wiring, GET, [])


@pytest.mark.parametrize("kept", [b"*1\r\n$4\r\nPING\r\n", b"REDIS0009\xfa\tredis-ver\x056.2.7*1\r\n", b""])
def test_whole_log_and_one_of_another_kind_are_left_as_they_are(tmp_path: Path, kept: bytes) -> None:
    log = tmp_path / "appendonly.aof"
    assert not mend_log(log)
    log.write_bytes(kept)
    assert not mend_log(log)
    assert [path.name for path in tmp_path.iterdir()] == ["appendonly.aof"]
