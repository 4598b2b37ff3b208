from datetime import UTC, datetime

import pytest

from domain.errors import BadInput
from domain.host_claims import Domain, checked_host, claim_host, hosts_of
from domain.hosts import web_address

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OWNERS = {"notes.apps.test": "notes", "chat.apps.test": "chat", "example.org": "chat", "old.example.net": "notes"}


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("shop.example.org", "shop.example.org"),
        ("  Shop.Example.ORG. ", "shop.example.org"),
        ("büch.example", "xn--bch-hoa.example"),
        ("BÜCH.example", "xn--bch-hoa.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bch-hoa.example", "xn--bch-hoa.example"),
        ("api.notes.localhost", "api.notes.localhost"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_host_is_stored_as_browsers_send_it(written: str, host: str) -> None:
    assert checked_host(written) == host


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("https://shop.example.org", "leave out scheme, port and path"),
        ("shop.example.org:443", "leave out scheme, port and path"),
        ("shop.example.org/a", "leave out scheme, port and path"),
        ("192.0.2.1", "is an address"),
        ("::1", "leave out"),
        ("1.2.3.4.5", "is an address"),
        ("0x7f.1", "is an address"),
        ("a.0x7f", "is an address"),
        ("*.example.org", "stands for many names"),
        ("", "is no host name"),
        (".", "is no host name"),
        ("a..example", "is no host name"),
        ("-a.example", "is no host name"),
        ("a_b.example", "is no host name"),
        ("a b.example", "is no host name"),
        ("..", "is no host name"),
        ("a" * 64 + ".example", "is no host name"),
        (".".join(["a" * 60] * 5), "is no host name"),
        ("xn--a.example", "is no host name"),
        ("☃‍.example", "is no host name"),
        ("localhost", "is no domain that somebody can have"),
        ("shop", "is no domain that somebody can have"),
        ("shop.local", "is no domain that somebody can have"),
        ("shop.onion", "is no domain that somebody can have"),
    ],
)
def test_what_is_no_domain_is_refused_with_the_cure(written: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        checked_host(written)


@pytest.mark.parametrize(
    "host",
    [
        "shop.example.net",
        "example.net",
        "a.old.example.net",
        "api.notes.apps.test",
        "apps.test.example",
        "test",
        "old.example.net",
        "notes.apps.test",
    ],
)
def test_host_that_is_free_or_below_its_own_is_the_projects(host: str) -> None:
    claim_host(host, "notes", "apps.test", OWNERS)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("apps.test", "is the base domain"),
        ("chat.apps.test", "below apps.test, where names belong to the projects that they name"),
        ("future.apps.test", "below apps.test"),
        ("notes-1.apps.test", "below apps.test"),
        ("api.chat.apps.test", "below apps.test"),
        ("example.org", "example.org belongs to another project: add another"),
        ("shop.example.org", "belongs to another project, which has example.org"),
        ("a.b.example.org", "belongs to another project, which has example.org"),
    ],
)
def test_host_that_is_or_may_become_anothers_is_refused(host: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        claim_host(host, "notes", "apps.test", OWNERS)


@pytest.mark.parametrize("project", ["notes", "notes-1"])
def test_host_of_a_preview_is_nobodys_until_that_ends(project: str) -> None:
    with pytest.raises(BadInput, match=r"notes-1\.apps\.test is a preview of a project until that ends: choose another name"):
        claim_host("notes-1.apps.test", project, "apps.test", OWNERS, {"notes-1.apps.test": "notes"})
    claim_host("notes-1.apps.test", "notes-1", "apps.test", OWNERS, {"notes-2.apps.test": "notes"})


def test_own_host_comes_first_and_once() -> None:
    domains = [Domain(host=host, project="notes", added=NOON, by="me") for host in ("a.test", "notes.localhost")]
    assert hosts_of("notes.localhost", ()) == ("notes.localhost",)
    assert hosts_of("notes.localhost", domains) == ("notes.localhost", "a.test")


@pytest.mark.parametrize(
    ("port", "tls", "address"),
    [
        (80, False, "http://a.b"), (443, False, "http://a.b:443"), (8080, False, "http://a.b:8080"),
        (443, True, "https://a.b"), (80, True, "https://a.b:80"), (8443, True, "https://a.b:8443"),
    ],
)  # fmt: skip
def test_address_leaves_out_the_port_that_goes_without_saying(port: int, tls: bool, address: str) -> None:
    assert web_address("a.b", port, tls=tls) == address
