import pytest
from pydantic import ValidationError

from domain.routes import Route, app_matcher, caddy_route, holds_apps


def test_route_of_all_apps_is_this_json() -> None:
    route = caddy_route("/data/slipway-routes")
    [subroute] = route["handle"]
    [lower_case, app] = subroute["routes"]
    assert (route["@id"], subroute["handler"]) == ("slipway", "subroute")
    assert lower_case["match"] == [{"header_regexp": {"Host": {"name": "shouting", "pattern": "[A-Z]"}}}]
    replaced = lower_case["handle"][0]["request"]["replace"]["Host"]
    assert (len(replaced), replaced[0]) == (26, {"search_regexp": "A", "replace": "a"})
    assert app == {
        "match": [
            {
                "file": {
                    "root": "/data/slipway-routes/hosts/{http.request.host}",
                    "try_files": ["/*:*"],
                    "try_policy": "first_exist_fallback",
                },
                "header_regexp": {"Host": {"name": "app", "pattern": "^[a-z0-9-]+([.][a-z0-9-]+)*(:[0-9]+)?$"}},
            }
        ],
        "handle": [
            {"handler": "log_append", "key": "upstream", "value": "{http.reverse_proxy.upstream.hostport}"},
            {
                "handler": "reverse_proxy",
                "upstreams": [{"dial": "tcp{http.matchers.file.relative}"}],
                "flush_interval": -1,
                "load_balancing": {"retries": 4, "try_duration": 2_000_000_000, "try_interval": 500_000_000},
            },
        ],
        "terminal": True,
    }


def test_configuration_that_looks_for_apps_is_known_at_any_depth() -> None:
    assert holds_apps([{"handle": [{"routes": [{"match": [app_matcher("/f")]}]}]}], "/f")
    assert holds_apps([caddy_route("/f")], "/f")
    assert not holds_apps([caddy_route("/another")], "/f")
    assert not holds_apps([], "/f")


def test_hosts_of_a_route_have_no_order_and_no_doubles() -> None:
    assert Route(project="a", hosts=("b.c", "a.c", "b.c"), upstream="h:1") == Route(
        project="a", hosts=("a.c", "b.c"), upstream="h:1"
    )


@pytest.mark.parametrize(
    "host", ["", ".", "..", "a/b", "../a", "A.example", "a..b", "-a.b", "a-.b", "*.b", "a_b", "[::1]", "a."]
)
def test_host_that_could_name_another_file_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        Route(project="a", hosts=(host,), upstream="h:1")


@pytest.mark.parametrize("upstream", ["h", "h:", "a/b:1", ":1:", "h:1\n"])
def test_upstream_that_names_no_port_is_refused(upstream: str) -> None:
    with pytest.raises(ValidationError):
        Route(project="a", hosts=("a.b",), upstream=upstream)
