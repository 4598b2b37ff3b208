"""TLS: what Caddy is told, which ports are chosen, what the operator is told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deployments.checks.doctor import tls
from deployments.checks.preflight import https_port, tls_warnings
from deployments.data_folder import DataFolder
from deployments.settings import Settings, load_settings
from deployments.supervision.caddy_service import caddy_service, forget_routes, tls_environment
from deployments.supervision.ports import free_port
from deployments.wiring import Wiring
from domain.errors import BadInput


def wiring(home: Path, **chosen: object) -> Wiring:
    settings = load_settings(home=home, **chosen)
    secure = 443 if settings.tls != "off" else 0
    return Wiring(
        settings=settings, folder=DataFolder(home), engine="process", http_port=80, prefect_port=1, replay_port=0,
        https_port=secure, ask_port=7,
    )  # fmt: skip


def test_plain_http_needs_nothing_and_is_served_on_the_one_port(tmp_path: Path) -> None:
    plain = wiring(tmp_path)
    assert tls_environment(plain) == {}
    assert (plain.listen, plain.apps_url, plain.root_certificate) == (":80", "http://localhost", "")


@pytest.mark.parametrize(("chosen", "bound"), [({}, ""), ({"http_bind": "127.0.0.1"}, "127.0.0.1")])
def test_caddy_is_told_the_one_address_or_none(tmp_path: Path, chosen: dict[str, str], bound: str) -> None:
    assert caddy_service(wiring(tmp_path, **chosen)).environment["SLIPWAY_HTTP_BIND"] == bound


def test_own_authority_serves_on_the_second_port_and_has_a_root_certificate(tmp_path: Path) -> None:
    own = wiring(tmp_path, tls="internal")
    assert tls_environment(own)["SLIPWAY_CADDY_TLS"] == "internal"
    assert tls_environment(own)["SLIPWAY_CADDY_HTTPS_SUFFIX"] == ""
    assert (own.listen, own.apps_url) == (":443", "https://localhost")
    assert own.root_certificate == str(tmp_path / "caddy/storage/pki/authorities/local/root.crt")


def test_authority_is_chosen_by_settings_whatever_the_path_looks_like(tmp_path: Path) -> None:
    root = tmp_path / "root of {all}.pem"
    root.touch()
    chosen = wiring(tmp_path, tls="auto", acme_url="https://ca.test/dir", acme_ca=root, acme_email="me@example.org")
    assert tls_environment(chosen)["SLIPWAY_CADDY_ACME"].splitlines() == [
        "dir `https://ca.test/dir`", f"trusted_roots `{root}`", "email `me@example.org`",
    ]  # fmt: skip
    assert chosen.root_certificate == str(root)
    assert tls_environment(wiring(tmp_path, tls="auto"))["SLIPWAY_CADDY_ACME"] == ""


def test_another_caddy_writes_no_log_that_we_know(tmp_path: Path) -> None:
    assert wiring(tmp_path).access_log == str(tmp_path / "logs" / "access.log")
    assert wiring(tmp_path, caddy_admin="http://127.0.0.1:2019").access_log == ""


def test_two_servers_on_one_port_are_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with pytest.raises(BadInput, match="SLIPWAY_HTTP_PORT and SLIPWAY_HTTPS_PORT are both 9000"):
        https_port(load_settings(tls="auto", http_port=9000, https_port=9000), folder)
    free = free_port()
    assert https_port(load_settings(tls="auto", https_port=free), folder) == free
    assert https_port(load_settings(http_port=9000, https_port=9000), folder) == 0
    assert https_port(load_settings(tls="auto", caddy_admin="http://127.0.0.1:1", https_port=443), folder) == 443


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, []),
        ({"tls": "internal"}, []),
        ({"tls": "auto"}, ["no public authority certifies *.localhost", "the authority looks at ports 80 and 443"]),
        ({"tls": "auto", "base_domain": "apps.example.org"}, ["the authority looks at ports 80 and 443"]),
        ({"tls": "auto", "base_domain": "apps.example.org", "http_port": 80, "https_port": 443}, []),
        ({"tls": "auto", "acme_url": "https://ca.test/dir"}, []),
    ],
)
def test_operator_is_told_why_no_certificate_would_come(chosen: dict[str, object], told: Sequence[str]) -> None:
    warnings = list(tls_warnings(load_settings(**chosen)))
    assert len(warnings) == len(told)
    assert all(part in warning for part, warning in zip(told, warnings, strict=True))


def test_doctor_says_where_the_root_certificate_is(tmp_path: Path) -> None:
    def found(**chosen: object) -> tuple[bool | None, str]:
        finding = tls(load_settings(home=tmp_path, **chosen))
        return finding.ok, finding.found + finding.cure

    assert found() == (None, "off: the apps are served by plain HTTP (SLIPWAY_TLS)")
    root = DataFolder(tmp_path).root_certificate
    assert found(tls="internal")[1].endswith(f"{root} (made by the first `slipway up`)")
    root.parent.mkdir(parents=True)
    root.touch()
    assert found(tls="internal")[1].endswith(str(root))
    assert found(tls="auto", acme_url="https://ca.test/dir") == (True, "by ACME from https://ca.test/dir")
    assert found(tls="auto")[0] is None


@pytest.mark.parametrize(
    "wrong",
    [{"tls": "on"}, {"acme_url": "http://ca.test"}, {"acme_ca": "/no/file"}, {"acme_email": "me"}, {"acme_email": "a@b`c"}],
)
def test_setting_that_cannot_be_meant_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=f"SLIPWAY_{next(iter(wrong)).upper()}"):
        load_settings(**wrong)


def test_routes_of_the_time_before_are_thrown_away(tmp_path: Path) -> None:
    place = wiring(tmp_path)
    kept, gone = place.folder.root_certificate, place.folder.caddy_storage / "slipway-routes" / "hosts" / "x"
    for path in (kept, gone):
        path.parent.mkdir(parents=True)
        path.touch()
    forget_routes(place)
    forget_routes(place)
    assert (kept.exists(), gone.exists()) == (True, False)


def test_every_tls_setting_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Settings = load_settings(tls="internal", https_port=1, acme_url="https://ca.test/dir", acme_email="a@b.org")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
