"""Fixtures that every room shares: one real Prefect server for the session, and the rule for tests that need Docker.

The server is ended by an atexit function that is registered before Prefect is imported, and so runs after Prefect's
own: ended earlier, Prefect would try for over a minute to deliver its last events and logs.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from deployments.prefect_server.trust import trust
from tests import agent_environment, prefect_database
from tests.failures import Failures
from tests.groups import group_of, rank
from tests.times import Times

HOME = Path(tempfile.mkdtemp(prefix="slipway-tests-"))
_started: list[subprocess.Popen[bytes]] = []


def _end() -> None:
    for process in _started:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    shutil.rmtree(HOME, ignore_errors=True)


atexit.register(_end)
os.environ.update(
    PREFECT_HOME=str(HOME / "prefect"),
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false",  # a test that forgot the fixture fails at once instead of starting a server
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
    PREFECT_CLIENT_METRICS_ENABLED="false",
    DO_NOT_TRACK="1",
    **trust(HOME, "http://"),
)
for _folder, _name in ((prefect_database.FOLDER, "prefect-made"), (agent_environment.FOLDER, "agents")):
    os.environ.setdefault(_folder, str(HOME / _name))  # the first process of a test run makes it, and removes it at the end
for _name in ("PREFECT_API_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
    os.environ.pop(_name, None)


@dataclass(frozen=True)
class PrefectServer:
    """The session's server: its API address, its log and its home."""

    url: str
    log: Path
    home: Path


@pytest.fixture(scope="session")
def prefect_server() -> PrefectServer:
    """Start a real Prefect server as `slipway up` does: one SQLite connection, leases on disk, loopback."""
    home = HOME / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    prefect_database.lay_prefect_database(home / "prefect.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}/api", HOME / "server.log"
    environment = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///file:{home}/prefect.db?uri=true&pool=:memory:",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        _started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL))
    _await_health(f"{url}/health", log)
    return PrefectServer(url=url, log=log, home=home)


def _await_health(url: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and _started[-1].poll() is None:
        try:
            with urlopen(url, timeout=2):  # noqa: S310  (our own loopback address)
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the Prefect server of the tests did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def prefect_api(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrefectServer]:
    """Point this process and its children to the session's server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield prefect_server


def _engine_answers() -> bool:
    import docker
    import requests

    try:
        client = docker.from_env(timeout=3)
    except (docker.errors.DockerException, requests.RequestException):
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, requests.RequestException):
        return False
    finally:
        client.close()


def pytest_configure(config: pytest.Config) -> None:
    """Have the hostile suite's report printed also by a process that runs no test."""
    from tests.hostile import report

    config.pluginmanager.register(report)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(config))
        config.pluginmanager.register(Times(time.time()))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take where the files of failed tests are listed, one in a line, for `.ci/run` to run them once more."""
    parser.addoption("--list-failed", metavar="FILE", default="")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each group to one process, in the order of the tests.

    A scheduler of our own: pytest-xdist 3.8 writes the groups of `loadgroup` where pytest 9.2 does not look any more.
    """
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first; then see to the tests that need Docker."""
    items.sort(key=lambda item: rank(item.nodeid))
    require_docker(items)


def require_docker(items: list[pytest.Item]) -> None:
    """Skip Docker tests where no engine answers; with SLIPWAY_REQUIRE_DOCKER=1 they run and fail instead."""
    marked = [item for item in items if item.get_closest_marker("docker")]
    if not marked or os.environ.get("SLIPWAY_REQUIRE_DOCKER") == "1" or _engine_answers():
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason="no Docker engine answers"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything has to run, SLIPWAY_REQUIRE_DOCKER=1, a test that skips itself for any reason has failed."""
    report = yield
    if report.skipped and os.environ.get("SLIPWAY_REQUIRE_DOCKER") == "1":
        report.outcome, report.longrepr = "failed", f"nothing may be skipped here, and this was: {report.longrepr}"
    return report
