"""Who is let in by which Prefect server."""

import stat
from pathlib import Path

import pytest

from deployments.data_folder import AUTH_FILE, DataFolder, Up
from deployments.prefect_server.access import SENT, WANTED, prefect_environment
from deployments.settings import load_settings
from deployments.supervision.services import first_services, last_services
from deployments.wiring import Wiring

pytestmark = pytest.mark.usefixtures("no_settings")

THEIRS = "https://prefect.example.org/api"


def wired(home: Path, prefect_api_url: str | None = None) -> Wiring:
    folder = DataFolder(home)
    folder.prepare()
    settings = load_settings(home=home, prefect_api_url=prefect_api_url)
    ports = {"http_port": 1, "prefect_port": 2, "replay_port": 0, "egress_port": 3, "gateway_port": 4, "api_port": 5}
    return Wiring(settings=settings, folder=folder, engine="docker", **ports)


def up_of(home: Path, url: str, *, own: bool) -> Up:
    return Up(
        home=str(home), pid=1, prefect_api_url=url, prefect_ui_url="", own_prefect=own, apps_url="", http_port=1,
        base_domain="localhost", redis_url="", caddy_admin="", engine="docker", replay=False,
    )  # fmt: skip


def test_our_server_lets_in_who_has_what_lies_in_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SENT, WANTED):
        monkeypatch.setenv(name, "someone:elses")
    wiring = wired(tmp_path / "home")
    file = wiring.folder.home / AUTH_FILE
    services = (*first_services(wiring), *last_services(wiring, bot=True))
    sent = {service.name: service.environment.get(SENT) for service in services}
    kept = file.read_text()
    assert (stat.S_IMODE(file.stat().st_mode), kept[:8], len(kept)) == (0o600, "slipway:", 72)
    assert services[0].environment[WANTED] == kept
    assert {name for name, value in sent.items() if value == kept} == {"prefect", "gateway", "runner", "bot", "api"}
    assert {name for name, value in sent.items() if value is None} == {"redis", "caddy", "egress"}
    assert not [service.name for service in services if kept in " ".join(service.argv)]
    assert prefect_environment(up_of(wiring.folder.home, wiring.prefect_api_url, own=True))[SENT] == kept
    assert wired(tmp_path / "home").prefect_client[SENT] == kept


def test_a_server_of_the_operators_is_asked_with_what_they_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    assert SENT not in wired(home, THEIRS).prefect_client
    monkeypatch.setenv(SENT, "theirs:own")
    wiring = wired(home, THEIRS)
    assert {service.environment.get(SENT) for service in last_services(wiring, bot=True)} == {"theirs:own"}
    assert prefect_environment(up_of(home, THEIRS, own=False))[SENT] == "theirs:own"
    assert not (home / AUTH_FILE).exists()
