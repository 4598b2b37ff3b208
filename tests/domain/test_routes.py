from domain.routes import Route, caddy_route


def test_caddy_route_is_this_json() -> None:
    route = Route(project="notes", hosts=("notes.localhost", "n.example.org"), upstream="127.0.0.1:8001")
    assert caddy_route(route, "/data/caddy/slipway-upstreams") == {
        "@id": "slipway-notes",
        "match": [{"host": ["notes.localhost", "n.example.org"]}],
        "handle": [
            {
                "handler": "reverse_proxy",
                "upstreams": [{"dial": "{file./data/caddy/slipway-upstreams/notes}"}],
                "flush_interval": -1,
                "load_balancing": {"retries": 4, "try_duration": "2s", "try_interval": "500ms"},
            }
        ],
        "terminal": True,
    }


def test_switch_to_another_release_needs_no_other_configuration() -> None:
    old, new = (Route(project="notes", hosts=("a",), upstream=f"127.0.0.1:{port}") for port in (1, 2))
    assert caddy_route(old, "/f") == caddy_route(new, "/f")
