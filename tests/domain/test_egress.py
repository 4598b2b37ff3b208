"""What a worker may reach: names, addresses, tokens and requests, as tables of cases."""

import base64
import ssl

import pytest

from domain.egress import (
    Guest,
    ProxyRequest,
    first_refusal,
    forwarded,
    guest_of,
    is_pattern,
    parsed_request,
    pattern_of,
    proxy_environment,
    refusal,
    run_token,
    wrong_port,
)
from domain.tls_hello import RECORD_HEADER, record_length, server_name

PATTERNS = ("packages.example.org", "*.files.example.org", "mirror.example.org:80")
LITERAL, NO_NAME = "addresses are refused, use a name", "this is no host name"
PORT, UNLISTED = "only ports 443 and 80 are open", "this host is not on the allow-list"
INSIDE = "the name leads to an inside address"


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("packages.example.org", 443, None),
        ("PACKAGES.Example.org", 443, None),
        ("a.files.example.org", 443, None),
        ("a.b.files.example.org", 443, None),
        ("mirror.example.org", 80, None),
        ("files.example.org", 443, UNLISTED),
        ("evilfiles.example.org", 443, UNLISTED),
        ("packages.example.org.evil.example", 443, UNLISTED),
        ("packages.example.org", 80, UNLISTED),
        ("mirror.example.org", 443, UNLISTED),
        ("other.example.org", 443, UNLISTED),
        ("metadata.google.internal", 80, UNLISTED),
        ("packages.example.org", 22, PORT),
        ("packages.example.org", 0, PORT),
        ("packages.example.org", 8443, PORT),
        ("192.0.2.7", 443, LITERAL),
        ("169.254.169.254", 80, LITERAL),
        ("127.1", 443, LITERAL),
        ("2130706433", 443, LITERAL),
        ("0x7f000001", 443, LITERAL),
        ("0x7f.0.0.1", 443, LITERAL),
        ("0177.0.0.01", 443, LITERAL),
        ("127.0.0.1.", 443, LITERAL),
        ("::1", 443, LITERAL),
        ("[::ffff:10.0.0.1]", 443, LITERAL),
        ("fe80::1%eth0", 443, LITERAL),
        ("localhost", 443, NO_NAME),
        ("", 443, NO_NAME),
        ("packages.example.org.", 443, NO_NAME),
        ("packages..example.org", 443, NO_NAME),
        ("packages.example.org\x00.evil.example", 443, NO_NAME),
        ("packages.example.org\n", 443, NO_NAME),
        ("packages.example.org/x", 443, NO_NAME),
        ("user@packages.example.org", 443, NO_NAME),
        ("p%61ckages.example.org", 443, NO_NAME),
        ("раckages.example.org", 443, NO_NAME),
        ("１２７.0.0.1", 443, NO_NAME),
        ("-x.example.org", 443, NO_NAME),
        (f"{'a' * 64}.example.org", 443, NO_NAME),
        (f"{'a.' * 130}org", 443, NO_NAME),
    ],
)
def test_only_listed_names_on_their_ports_are_let_through(host: str, port: int, why: str | None) -> None:
    assert refusal(host, port, PATTERNS) == why


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.96.1", "100.64.0.1"),
        *("100.100.100.200", "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("::127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00::1"),
    ],
)
def test_one_inside_address_spoils_a_name(address: str) -> None:
    assert first_refusal([address]) == INSIDE
    assert first_refusal(["9.9.9.9", address]) == INSIDE


def test_outside_addresses_are_connected_to_and_nonsense_is_not() -> None:
    assert first_refusal(["9.9.9.9", "::ffff:9.9.9.9", "2620:fe::fe", "203.0.113.80"]) is None
    assert first_refusal([]) == first_refusal(["?"]) == "the name has no usable address"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("packages.example.org", True),
        ("*.example.org", True),
        ("mirror.example.org:80", True),
        ("*", False),
        ("*.org", False),
        ("a*.example.org", False),
        ("a.*.example.org", False),
        ("Example.org", False),
        ("example.org:443", False),
        ("example.org:22", False),
        ("https://example.org", False),
        ("10.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_a_pattern_names_hosts_and_never_everything(text: str, is_one: bool) -> None:
    assert is_pattern(text) is is_one


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("https://packages.example.org/simple", "packages.example.org"),
        ("https://user:secret@Packages.example.org:443/simple/", "packages.example.org"),
        ("http://mirror.example.org/debian", "mirror.example.org:80"),
        ("https://packages.example.org:8443/simple", None),
        ("http://10.0.0.5/simple", None),
        ("http://localhost/simple", None),
        ("file:///opt/wheels", None),
        ("https://packages.example.org:x/", None),
        ("undefined", None),
    ],
)
def test_a_registrys_address_becomes_a_pattern(address: str, pattern: str | None) -> None:
    assert pattern_of(address) == pattern
    assert pattern is None or is_pattern(pattern)


def basic(run: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{run}:{token}".encode()).decode()


def test_a_token_proves_its_own_run_of_its_own_installation() -> None:
    token = run_token("key", "r-1")
    assert guest_of(basic("r-1", token), "key") == Guest(run="r-1")
    for credentials in (
        basic("r-2", token),
        basic("r-1", run_token("key of an ended installation", "r-1")),
        basic("r-1", ""),
        basic("r-1", token[:-1]),
        basic("", run_token("key", "")),
        basic("../r-1", run_token("key", "../r-1")),
        basic("unknown", token),
        token,
        f"Bearer {token}",
        "Basic !",
        "Basic /w==",
        "Basic",
        "",
    ):
        assert guest_of(credentials, "key") is None


def test_the_way_to_github_is_proven_by_a_token_of_its_own() -> None:
    token = run_token("key", "r-1", github=True)
    assert guest_of(basic("r-1", token), "key") == Guest(run="r-1", github=True)
    for credentials in (
        basic("r-2", token),
        basic("r-1 github", run_token("key", "r-1 github")),
        basic("r-1 github", token),
        basic("r-1", run_token("another key", "r-1", github=True)),
    ):
        assert guest_of(credentials, "key") is None


CONNECT = ProxyRequest(method="CONNECT", host="packages.example.org", port=443)


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (b"CONNECT packages.example.org:443 HTTP/1.1\r\n\r\n", CONNECT),
        (b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n", ProxyRequest(method="CONNECT", host="::1", port=443)),
        (
            b"GET http://mirror.example.org/a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n",
            ProxyRequest(method="GET", host="mirror.example.org", port=80, path="/a%20b?c=d", headers=(("Host", "x"),)),
        ),
        (
            b"GET http://mirror.example.org:0 HTTP/1.1\r\n\r\n",
            ProxyRequest(method="GET", host="mirror.example.org", port=0, path="/"),
        ),
        (b"CONNECT packages.example.org HTTP/1.1\r\n\r\n", None),
        (b"CONNECT packages.example.org:443/x HTTP/1.1\r\n\r\n", None),
        (b"CONNECT me@packages.example.org:443 HTTP/1.1\r\n\r\n", None),
        (b"CONNECT packages.example.org:99999 HTTP/1.1\r\n\r\n", None),
        (b"GET /etc/passwd HTTP/1.1\r\nHost: mirror.example.org\r\n\r\n", None),
        (b"GET https://packages.example.org/ HTTP/1.1\r\n\r\n", None),
        (b"GET http://a:b@mirror.example.org/ HTTP/1.1\r\n\r\n", None),
        (b"GET http://mirror.example.org/\tx HTTP/1.1\r\n\r\n", None),
        (b"GET http://mirror.example.org/ HTTP/1.1\r\nA: b\nHost: evil\r\n\r\n", None),
        (b"GET http://mirror.example.org/ HTTP/1.1\r\nA : b\r\n\r\n", None),
        (b"GET http://mirror.example.org/ HTTP/1.1\r\n folded\r\n\r\n", None),
        (b"GET  http://mirror.example.org/ HTTP/1.1\r\n\r\n", None),
        (b"GET http://mirror.example.org/ HTTP/2\r\n\r\n", None),
        (b"\x16\x03\x01\xff\r\n\r\n", None),
        (b"\r\n\r\n", None),
    ],
)
def test_a_request_is_read_strictly(head: bytes, request_: ProxyRequest | None) -> None:
    assert parsed_request(head) == request_


def test_a_plain_request_goes_on_for_its_own_host_and_without_what_is_for_the_proxy() -> None:
    head = (
        b"GET http://mirror.example.org/x HTTP/1.1\r\nHost: other.example.org\r\nProxy-Authorization: Basic s\r\n"
        b"Accept: */*\r\nConnection: X-Drop\r\nX-Drop: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    request = parsed_request(head)
    assert request is not None
    assert request.credentials == "Basic s"
    assert forwarded(request) == b"GET /x HTTP/1.1\r\nHost: mirror.example.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def test_tunnels_are_for_tls_and_plain_requests_are_not() -> None:
    plain = ProxyRequest(method="GET", host="mirror.example.org", port=80, path="/")
    assert (wrong_port(CONNECT), wrong_port(plain)) == (None, None)
    assert wrong_port(CONNECT.model_copy(update={"port": 80})) == "tunnels go to port 443 only"
    assert wrong_port(plain.model_copy(update={"port": 443})) == "plain requests go to port 80 only"


def test_clients_of_both_spellings_find_the_proxy_and_ask_its_own_host_and_loopback_directly() -> None:
    found = proxy_environment("192.0.2.1", 81, "r-1", "t")
    assert {found[name] for name in ("http_proxy", "HTTPS_PROXY", "all_proxy", "npm_config_proxy")} == {
        "http://r-1:t@192.0.2.1:81"
    }
    assert found["no_proxy"] == found["NO_PROXY"] == "localhost,127.0.0.1,::1,0.0.0.0,192.0.2.1"


def hello(name: str | None) -> bytes:
    """Return the first message of a real TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_the_name_that_a_tls_client_asks_for_is_read() -> None:
    message = hello("Packages.example.org")
    assert record_length(message[:RECORD_HEADER]) == len(message) - RECORD_HEADER
    assert server_name(message[RECORD_HEADER:]) == "packages.example.org"
    assert server_name(hello(None)[RECORD_HEADER:]) is None


def test_a_message_cut_anywhere_or_of_another_protocol_has_no_name() -> None:
    message = hello("packages.example.org")[RECORD_HEADER:]
    assert [server_name(message[:end]) for end in range(len(message))] == [None] * len(message)
    assert record_length(b"SSH-2") is None
    assert record_length(b"\x16\x03\x01\xff\xff") is None
