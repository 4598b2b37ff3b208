"""The data folder: private, held by one, short sockets; and what must be true before anything starts."""

import os
import socket
import stat
from pathlib import Path

import pytest

from deployments.checks.preflight import Lookup, check_disk, domain_warning, served_on
from deployments.data_folder import AlreadyUp, DataFolder, Up, read_up
from deployments.prefect_server.setup import installation
from deployments.settings import load_settings
from deployments.sockets import SOCKET_PATH_LIMIT
from deployments.supervision.ports import choose_port, free_port, port_owner
from deployments.wiring import Wiring
from domain.errors import BadInput


def an_up(home: Path) -> Up:
    return Up(
        home=str(home), pid=1, prefect_api_url="http://a/api", prefect_ui_url="http://a", apps_url="http://localhost:1",
        http_port=1, base_domain="localhost", redis_url="unix:///r", caddy_admin="unix//c", engine="process", replay=False,
    )  # fmt: skip


def test_everything_in_it_is_private_and_kept_values_stay(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "home")
    folder.prepare()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.home, folder.prefect, folder.logs, folder.sockets)} == {0o700}
    key, identity = folder.encryption_key, folder.installation
    assert stat.S_IMODE((folder.home / "encryption.key").stat().st_mode) == 0o600
    assert (DataFolder(folder.home).encryption_key, DataFolder(folder.home).installation) == (key, identity)


def test_key_that_the_machine_lost_in_a_crash_is_refused_and_never_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "gateway.key").write_bytes(b"\n")
    with pytest.raises(BadInput, match=r"gateway\.key is empty: put it back"):
        _ = DataFolder(tmp_path).gateway_key


@pytest.mark.parametrize("left", [b"", b"\xff\x00", b"99999", "٣".encode(), b"-1"])
def test_port_that_cannot_be_read_is_chosen_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "http.port").write_bytes(left)
    chosen = choose_port(DataFolder(tmp_path), "http", 0, "SLIPWAY_HTTP_PORT", "127.0.0.1")
    assert (tmp_path / "http.port").read_text() == str(chosen)


def test_folder_whose_first_start_was_killed_in_the_middle_is_known_as_ours(tmp_path: Path) -> None:
    DataFolder(tmp_path).prepare()  # and no lock was held yet
    DataFolder(tmp_path).prepare()
    assert (tmp_path / "up.lock").exists()


def test_folder_with_other_things_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(BadInput, match="holds other things: set SLIPWAY_HOME"):
        DataFolder(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_place_that_cannot_be_a_folder_is_told_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"the data folder cannot be used: .*SLIPWAY_HOME"):
        DataFolder(tmp_path / "file" / "home").prepare()


def test_sockets_of_a_deep_folder_are_short_and_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / ("d" * 80) / "home")
    folder.prepare()
    try:
        assert len(os.fsencode(folder.sockets / "caddy-admin.sock")) <= SOCKET_PATH_LIMIT
        assert stat.S_IMODE(folder.sockets.stat().st_mode) == 0o700
        assert folder.sockets != DataFolder(tmp_path / ("e" * 80) / "home").sockets
    finally:
        folder.sockets.rmdir()


def test_second_holder_learns_what_is_up_and_readers_see_it_only_while_it_is_held(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "home")
    assert read_up(folder.home) is None
    folder.prepare()
    with folder.hold():
        assert read_up(folder.home) is None
        folder.announce(an_up(folder.home))
        assert read_up(folder.home) == an_up(folder.home)
        with pytest.raises(AlreadyUp, match="nothing was changed") as refused, DataFolder(folder.home).hold():
            pytest.fail("two hold it")
        assert refused.value.up == an_up(folder.home)
        left = (folder.home / "up.json").read_text()
    (folder.home / "up.json").write_text(left)  # as after kill -9
    assert read_up(folder.home) is None


def test_used_port_is_told_with_its_owner_and_the_setting_that_changes_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "home")
    folder.prepare()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"(pid {os.getpid()})" in port_owner(port)
        with pytest.raises(BadInput, match=rf"port {port} is in use by .*\(pid {os.getpid()}\).*SLIPWAY_HTTP_PORT"):
            choose_port(folder, "http", port, "SLIPWAY_HTTP_PORT", "0.0.0.0")


def test_chosen_port_stays_the_same_until_somebody_takes_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "home")
    folder.prepare()
    first = choose_port(folder, "http", 0, "SLIPWAY_HTTP_PORT", "127.0.0.1")
    assert choose_port(folder, "http", 0, "SLIPWAY_HTTP_PORT", "127.0.0.1") == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert choose_port(folder, "http", 0, "SLIPWAY_HTTP_PORT", "127.0.0.1") not in (first, 0)


def test_free_port_can_be_opened() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def names(**known: str | int) -> Lookup:
    """Return a DNS that knows these hosts' addresses, or answers with an error number."""

    async def look_up(host: str) -> list[str]:
        said = known.get(host.replace("slipway-check.", "any.").replace(".", "_"), socket.EAI_NONAME)
        if isinstance(said, int):
            raise socket.gaierror(said, "as the test says")
        return [said]

    return look_up


@pytest.mark.parametrize("domain", ["localhost", "apps.localhost", "here.example"])
async def test_domain_that_leads_here_is_no_matter(domain: str) -> None:
    assert await domain_warning(domain, names(any_here_example="127.0.0.1")) == ""


async def test_domain_that_does_not_exist_is_refused_with_the_cure() -> None:
    with pytest.raises(BadInput, match=r"make a DNS record \*\.nowhere\.example that points to this machine"):
        await domain_warning("nowhere.example", names())
    single = await domain_warning("single.example", names(single_example="127.0.0.1"))
    assert "make a DNS record *.single.example" in single


@pytest.mark.parametrize(
    ("said", "warning"), [("192.0.2.1", "no address of this machine"), (socket.EAI_AGAIN, "does not answer")]
)
async def test_domain_that_leads_elsewhere_or_is_not_known_now_is_a_warning(said: str | int, warning: str) -> None:
    assert warning in await domain_warning("apps.example", names(any_apps_example=said))


def test_disk_with_too_little_left_is_refused_with_the_cure(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    check_disk(folder, floor=0)
    with pytest.raises(BadInput, match=r"MB left and at least 1073741824 MB are needed: free some"):
        check_disk(folder, floor=2**50)


def test_apps_are_served_on_all_addresses_or_on_one_of_this_machine() -> None:
    assert served_on(load_settings()) == "0.0.0.0"
    assert served_on(load_settings(http_bind="127.0.0.1")) == "127.0.0.1"
    with pytest.raises(BadInput, match=r"192\.0\.2\.1 is no address of this machine"):
        served_on(load_settings(http_bind="192.0.2.1"))


def test_old_release_may_be_given_no_second_to_drain(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, drain_seconds=0)
    wiring = Wiring(
        settings=settings, folder=DataFolder(tmp_path), engine="process", http_port=1, prefect_port=2, replay_port=0
    )
    assert installation(wiring).drain_seconds == 0
