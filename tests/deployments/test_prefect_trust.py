"""Prefect's clients read one certificate where the server speaks plain HTTP, and the real ones where it speaks TLS."""

import ssl
from pathlib import Path

from deployments.prefect_server.trust import trust


def test_a_plain_address_gets_one_usable_certificate(tmp_path: Path) -> None:
    named = trust(tmp_path, "http://127.0.0.1:4200/api")["PREFECT_API_SSL_CERT_FILE"]
    assert len(ssl.create_default_context(cafile=named).get_ca_certs()) == 1
    assert trust(tmp_path, "http://127.0.0.1:4200/api") == {"PREFECT_API_SSL_CERT_FILE": named}


def test_an_address_with_tls_is_left_to_the_real_certificates(tmp_path: Path) -> None:
    assert trust(tmp_path, "https://prefect.example/api") == {}
    assert not list(tmp_path.iterdir())
