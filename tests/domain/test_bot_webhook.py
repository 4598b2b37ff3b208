"""Our own bot's webhook: its address, its route, why no update would come there, and what proves Telegram."""

import pytest

from domain.bot_webhook import LABEL, Webhook, is_telegrams, webhook_problem, webhook_secret, webhook_url
from domain.names import RESERVED
from domain.routes import Route

HOST = "bot.apps.example.org"


@pytest.mark.parametrize(
    ("wanted", "port", "tls", "url"),
    [
        ("true", 443, True, f"https://{HOST}/telegram"),
        ("true", 8443, True, f"https://{HOST}:8443/telegram"),
        ("true", 8080, False, f"http://{HOST}:8080/telegram"),
        (f"https://{HOST}/x", 8080, False, f"https://{HOST}/x"),
        ("", 443, True, ""),
    ],
)
def test_address_is_the_bots_host_or_the_one_of_the_proxy(wanted: str, port: int, tls: bool, url: str) -> None:
    assert webhook_url(wanted, "apps.example.org", port, tls=tls) == url


@pytest.mark.parametrize(
    ("url", "base", "tls", "own_server", "told"),
    [
        (f"https://{HOST}/telegram", "apps.example.org", "auto", False, ""),
        (f"https://{HOST}:8443/telegram", "apps.example.org", "", False, ""),
        ("https://shop.example.org/telegram", "apps.example.org", "", True, "must be bot.apps.example.org"),
        (f"http://{HOST}/telegram", "apps.example.org", "off", False, "needs HTTPS"),
        (f"https://{HOST}:9443/telegram", "apps.example.org", "auto", False, "443, 80, 88, 8443 only"),
        (f"https://{HOST}/telegram", "apps.example.org", "internal", False, "trusts no certificate"),
        ("https://bot.localhost/telegram", "localhost", "auto", False, "cannot find bot.localhost"),
        ("http://bot.localhost:8080/telegram", "localhost", "off", True, ""),
    ],
)
def test_address_to_which_no_update_would_come_is_told_with_its_cure(
    url: str, base: str, tls: str, own_server: bool, told: str
) -> None:
    problem = webhook_problem(url, base, tls, own_server=own_server)
    assert told in problem
    assert bool(problem) is bool(told)


def test_route_leads_to_loopback_under_a_name_that_no_project_can_have() -> None:
    webhook = Webhook(url=f"https://{HOST}/telegram", port=8071)
    assert webhook.route == Route(project="-bot", hosts=(HOST,), upstream="127.0.0.1:8071")
    assert webhook.path == "/telegram"
    assert LABEL in RESERVED


def test_secret_is_telegrams_alphabet_and_another_one_after_a_new_token() -> None:
    secret = webhook_secret("1:a")
    assert secret == webhook_secret("1:a") != webhook_secret("1:b")
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")
    assert is_telegrams(secret, secret)
    assert not is_telegrams("", secret)
    assert not is_telegrams("ключ", secret)
