import json
import re

import pytest

from domain.env_rules import is_rehearsed, placeholder_values, plain_value, requirements, shaped_secret, source_of
from domain.environment import EnvironmentVersion, Requirements, Source, Variable
from domain.errors import BadInput

INFRA, COMPUTED, USER, DEFAULT = Source.INFRA, Source.COMPUTED, Source.USER, Source.DEFAULT


@pytest.mark.parametrize(
    ("name", "default", "source"),
    [
        ("DATABASE_URL", "", INFRA),
        ("SECRET_KEY", "changeme", INFRA),
        ("APP_SECRET", None, INFRA),
        ("DJANGO_SECRET_KEY", "", INFRA),
        ("SECRET_KEY_BASE", "", INFRA),
        ("SESSION_SECRET", "", INFRA),
        ("SESSION_PEPPER", "", INFRA),
        ("JWT_SECRET_KEY", "", INFRA),
        ("FIELD_ENCRYPTION_KEY", "", INFRA),
        ("PASSWORD_SALT", "", INFRA),
        ("JWT_ALGORITHM", "HS256", DEFAULT),
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "30", DEFAULT),
        ("SESSION_COOKIE_NAME", "sid", DEFAULT),
        ("PORT", "8000", COMPUTED),
        ("HOST", "", COMPUTED),
        ("DATA_DIR", "./data", COMPUTED),
        ("PUBLIC_URL", "http://localhost:8000", COMPUTED),
        ("LOG_LEVEL", "info", DEFAULT),
        ("DEBUG", None, DEFAULT),
        ("STRIPE_SECRET_KEY", "", USER),
        ("STRIPE_WEBHOOK_SECRET", "", USER),
        ("STRIPE_PRICE_ID", "price_1", USER),
        ("OPENAI_API_KEY", "sk-...", USER),
        ("AWS_SECRET_ACCESS_KEY", "", USER),
        ("TELEGRAM_BOT_TOKEN", "", USER),
        ("BOT_TOKEN", "", USER),
        ("GOOGLE_CLIENT_SECRET", "", USER),
        ("OIDC_CLIENT_SECRET", "", USER),
        ("WEATHER_API_KEY", "", USER),
        ("ADMIN_PASSWORD", "admin", USER),
        ("JWT_PRIVATE_KEY", "", USER),
        ("SENTRY_DSN", "", USER),
        ("PAGE_SIZE", "20", DEFAULT),
        ("GREETING", "Hello there", DEFAULT),
        ("UPSTREAM", "https://api.example.org/v1", DEFAULT),
        ("UPSTREAM", "https://user:hunter2@api.example.org", USER),
        ("OPAQUE", "0123456789abcdef0123456789abcdef", USER),
        ("OPAQUE", "aB3dE6gH9jK2mN5pQ8sT1vW4", USER),
        ("SOMETHING", "", USER),
        ("SOMETHING", None, USER),
        ("SOMETHING", "<your value>", USER),
        ("SOMETHING", "your-value-here", USER),
        ("SOMETHING", "xxxxx", USER),
        ("MY_AUTH", "basic", USER),
    ],
)
def test_source_follows_from_name_then_default_and_in_doubt_is_the_user(name: str, default: str | None, source: Source) -> None:
    assert source_of(name, default) is source


def test_comment_goes_before_the_name() -> None:
    text = "OPENAI_API_KEY= # [infra]\nSECRET_KEY= # [user]\nPAGE_SIZE=20 # [computed]\nTOKEN=abc # [default]\n"
    assert [v.source for v in requirements(text).variables] == [INFRA, USER, COMPUTED, DEFAULT]


def test_app_json_adds_what_the_example_does_not_say() -> None:
    app = {
        "name": "notes",
        "env": {
            "COOKIE": {"generator": "secret", "description": "Signs cookies"},
            "PAGE_SIZE": {"value": 20},
            "VERBOSE": {"value": True},
            "THEME": "dark",
            "SMTP_HOST": {"description": "[user] Mail server", "required": False},
            "TITLE": {"value": "ignored", "description": "ignored"},
        },
    }
    found = requirements("TITLE=Notes # Shown on top\nPAGE_SIZE=\n", json.dumps(app))
    assert {v.name: v for v in found.variables} == {
        "TITLE": Variable(name="TITLE", source=DEFAULT, default="Notes", comment="Shown on top"),
        "PAGE_SIZE": Variable(name="PAGE_SIZE", source=DEFAULT, default="20"),
        "COOKIE": Variable(name="COOKIE", source=INFRA, comment="Signs cookies"),
        "VERBOSE": Variable(name="VERBOSE", source=DEFAULT, default="true"),
        "THEME": Variable(name="THEME", source=DEFAULT, default="dark"),
        "SMTP_HOST": Variable(name="SMTP_HOST", source=USER, comment="Mail server", required=False),
    }
    assert [v.name for v in found.variables] == ["TITLE", "PAGE_SIZE", "COOKIE", "VERBOSE", "THEME", "SMTP_HOST"]


@pytest.mark.parametrize("text", ["{", "[]", '{"env": {"A": {"value": [1]}}}', '{"env": {"A-B": "x"}}', '{"env": 1}'])
def test_app_json_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(BadInput, match=r"app\.json cannot be read"):
        requirements("", text)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("SECRET_KEY", "[0-9a-f]{64}"),
        ("FERNET_KEY", r"[\w-]{43}="),
        ("SESSION_SECRET", r"[\w-]{43}"),
        ("PW_SALT", "[0-9a-f]{64}"),
    ],
)
def test_generated_value_has_the_shape_that_its_name_asks_for(name: str, shape: str) -> None:
    assert re.fullmatch(shape, shaped_secret(name, b"\xff" * 32))
    assert shaped_secret(name, b"\xff" * 32) != shaped_secret(name, b"\xfe" * 32)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (Variable(name="PORT", source=COMPUTED, default="3000"), "8000"),
        (Variable(name="BASE", source=COMPUTED, default="http://h:${PORT}/"), "http://h:8000/"),
        (Variable(name="BASE", source=COMPUTED, default="http://${UNKNOWN}/"), None),
        (Variable(name="HOST", source=COMPUTED), "0.0.0.0"),
        (Variable(name="DATABASE_URL", source=INFRA), "sqlite:////data/app.db"),
        (Variable(name="DATABASE_URL", source=INFRA, default="sqlite:///${DATA_DIR}/x.db"), "sqlite:////data/x.db"),
        (Variable(name="COLOR", source=DEFAULT, default=""), None),
    ],
)
def test_plain_value_comes_from_the_platform_then_from_the_file(variable: Variable, value: str | None) -> None:
    assert plain_value(variable, {"PORT": "8000", "DATA_DIR": "/data"}) == value


def test_placeholders_stand_in_for_secrets_and_are_the_same_each_time() -> None:
    wanted = Requirements(
        variables=(
            Variable(name="STRIPE_KEY", source=USER, default="sk_..."),
            Variable(name="SMTP_PORT", source=USER, default="587"),
            Variable(name="SECRET_KEY", source=INFRA),
            Variable(name="DATABASE_URL", source=INFRA),
            Variable(name="PORT", source=COMPUTED),
            Variable(name="EMPTY", source=DEFAULT),
        )
    )
    values = placeholder_values(wanted, {"PORT": "8000", "DATA_DIR": "/data"})
    secret = values.pop("SECRET_KEY")
    assert values == {
        "STRIPE_KEY": "placeholder-STRIPE_KEY",
        "SMTP_PORT": "587",
        "DATABASE_URL": "sqlite:////data/app.db",
        "PORT": "8000",
    }
    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert placeholder_values(wanted, {})["SECRET_KEY"] == secret


@pytest.mark.parametrize(
    ("plain", "secrets", "rehearsed"),
    [
        ({"PORT": "8000", "PUBLIC_URL": "https://a.example"}, {}, True),
        ({"PORT": "8000", "PUBLIC_URL": "https://b.example"}, {}, False),
        ({"PORT": "8000"}, {}, False),
        ({"PORT": "8000", "PUBLIC_URL": "https://a.example"}, {"API_KEY": "slipway-a-api-key"}, False),
    ],
)
def test_only_an_environment_without_secrets_and_news_counts_as_rehearsed(
    plain: dict[str, str], secrets: dict[str, str], rehearsed: bool
) -> None:
    wanted = Requirements(variables=(Variable(name="PORT", source=COMPUTED), Variable(name="PUBLIC_URL", source=COMPUTED)))
    version = EnvironmentVersion(project="a", number=1, secrets=secrets, plain=plain)
    assert is_rehearsed(version, wanted, {"PORT": "8000", "PUBLIC_URL": "https://a.example"}) is rehearsed
