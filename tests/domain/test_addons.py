"""Which addons app.json may ask for, and how it is asked for more."""

import json
from typing import Any

import pytest

from domain.addons import Addon, addons_of, with_addons
from domain.env_rules import shaped_secret
from domain.errors import BadInput
from domain.resources import Endpoint, ResourceKind, ResourceSpec, is_own_address, stand_in, url_of

POSTGRES = Addon(kind=ResourceKind.POSTGRES, variable="DATABASE_URL")
REDIS = Addon(kind=ResourceKind.REDIS, variable="REDIS_URL")


@pytest.mark.parametrize(
    ("addons", "asked"),
    [
        ([], ()),
        (["postgres"], (POSTGRES,)),
        (["heroku-postgresql"], (POSTGRES,)),
        (["heroku-postgresql:essential-0"], (POSTGRES,)),
        (["Heroku-Redis:mini", "postgresql"], (REDIS, POSTGRES)),
        ([{"plan": "heroku-redis:mini"}], (REDIS,)),
        ([{"plan": "postgres", "as": "MAIN"}], (POSTGRES.model_copy(update={"variable": "MAIN_URL"}),)),
        (
            [{"plan": "redis", "as": "cache", "options": {"version": "7"}}],
            (REDIS.model_copy(update={"variable": "CACHE_URL"}),),
        ),
    ],
)
def test_addons_are_read_as_heroku_writes_them(addons: list[Any], asked: tuple[Addon, ...]) -> None:
    assert addons_of(json.dumps({"name": "shop", "addons": addons})) == asked


@pytest.mark.parametrize("text", ["", "{}", '{"name": "shop"}'])
def test_app_json_without_addons_asks_for_none(text: str) -> None:
    assert addons_of(text) == ()


@pytest.mark.parametrize(
    ("addons", "said"),
    [
        (["mongolab"], "asks for the addon 'mongolab', and there are only these: postgres, redis; take it out"),
        (["papertrail:choklad"], "asks for the addon 'papertrail:choklad'"),
        ("postgres", "must be a list"),
        ([7], "has the addon 7: write a name"),
        ([{"as": "DB"}], "write a name"),
        ([{"plan": "redis", "as": 7}], "write a name"),
        ([{"plan": "redis", "as": "a-b"}], "use letters, digits and underscores"),
        (["postgres", {"plan": "heroku-postgresql", "as": "OTHER"}], "asks for postgres twice"),
        ([{"plan": "postgres", "as": "DB"}, {"plan": "redis", "as": "db"}], "asks for DB_URL twice"),
    ],
)
def test_what_no_project_can_have_is_refused_with_the_cure(addons: Any, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        addons_of(json.dumps({"addons": addons}))
    assert said in str(refused.value)


def test_planned_addons_join_those_that_are_there_and_nothing_else_changes() -> None:
    text = json.dumps({"name": "shop", "addons": [{"plan": "heroku-redis", "as": "CACHE"}]})
    more = with_addons(text, [ResourceKind.REDIS, ResourceKind.POSTGRES, ResourceKind.POSTGRES])
    assert json.loads(more) == {"name": "shop", "addons": [{"plan": "heroku-redis", "as": "CACHE"}, "postgres"]}
    assert with_addons(more, [ResourceKind.POSTGRES]) == more
    assert with_addons(text, []) == text


@pytest.mark.parametrize(
    ("kind", "endpoint", "url"),
    [
        (
            ResourceKind.POSTGRES,
            Endpoint(host="postgres", port=5432, user="app", database="app"),
            "postgresql://app:s3cret@postgres:5432/app",
        ),
        (
            ResourceKind.POSTGRES,
            Endpoint(host="fd00::1", port=5432, user="app", database="app"),
            "postgresql://app:s3cret@[fd00::1]:5432/app",
        ),
        (
            ResourceKind.REDIS,
            Endpoint(host="redis", port=6379, user="default", database="0"),
            "redis://default:s3cret@redis:6379/0",
        ),
    ],
)
def test_the_address_holds_all_that_a_library_needs(kind: ResourceKind, endpoint: Endpoint, url: str) -> None:
    assert url_of(kind, endpoint, "s3cret") == url


def test_a_rehearsals_resource_is_another_one_than_the_projects() -> None:
    own = ResourceSpec(project="shop", kind=ResourceKind.REDIS, password="a")
    scratch = own.model_copy(update={"scratch_of": "shop-rehearsal-r-0123456789-round-1"})
    assert (own.identity, scratch.identity) == ("shop-redis", "shop-rehearsal-r-0123456789-round-1-redis")


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("DATABASE_URL", "postgresql://me:own@db.example/notes", "sqlite:///${DATA_DIR}/app.db"),
        ("DATABASE_URL", "cockroach://me:own@db.example/notes", "sqlite:///${DATA_DIR}/app.db"),
        ("MAIN_URL", "postgres://me:own@db.example/notes", "sqlite:///${DATA_DIR}/app.db"),
        ("MAIN_URL", "postgresql+asyncpg://me:own@db.example/notes", "sqlite:///${DATA_DIR}/app.db"),
        ("MAIN_URL", "mysql://me:own@db.example/notes", "sqlite:///${DATA_DIR}/app.db"),
        ("REDIS_URL", "rediss://:own@cache.example:6380/1", "rediss://127.0.0.1:9/0"),
        ("DOCUMENTS", "mongodb+srv://me:own@db.example", "mongodb+srv://127.0.0.1:9/0"),
        ("API_URL", "https://me:own@api.example", None),
        ("SECRET_KEY", "0a1b2c", None),
    ],
)
def test_copy_beside_the_live_one_gets_another_database(name: str, value: str, instead: str | None) -> None:
    assert stand_in(name, value) == instead


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_address_that_slipway_made_is_known_by_its_form(kind: ResourceKind) -> None:
    assert is_own_address(url_of(kind, Endpoint(host="h", port=1, user="u", database="d"), "s3cret"))
    assert not is_own_address(shaped_secret("DATABASE_URL", b"0" * 32))
