import json
import re

import pytest

from domain.env_rules import requirements, shaped_secret, source_of
from domain.environment import Source, Variable
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
    (found,) = requirements("", json.dumps({"env": {name: {"value": default}}})).variables
    assert found.source is source
    assert found.guessed is (source_of(name, default) is None)


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("STRIPE_WEBHOOK_URL=${PUBLIC_URL}/stripe", DEFAULT),
        ("AUTH_URL=https://${NAME}:${TOKEN}@h/x", DEFAULT),
        ("DATABASE_URL=postgres://u:${TOKEN}@db/x", INFRA),
        ("API_KEY=${API_KEY}", USER),
        ("API_KEY=${MY_API_KEY}", USER),
        ("OPAQUE=https://u:hunter2@${NAME}/x", USER),
        ("OPAQUE=${NAME} # [user]", USER),
    ],
)
def test_what_is_put_together_from_other_variables_is_nobodys_secret(line: str, source: Source) -> None:
    assert requirements(f"{line}\nNAME=notes\nTOKEN=\n").variables[0].source is source


def test_what_was_decided_counts_only_where_the_files_leave_it_to_a_guess() -> None:
    text = "WIDGET=\nGADGET=<your gadget>\nGIZMO=\nSTRIPE_KEY=\nPLAIN=1\nMARKED= # [user]\n"
    decided = dict.fromkeys(("GADGET", "STRIPE_KEY", "PLAIN", "MARKED"), DEFAULT) | {"WIDGET": INFRA}
    found = {v.name: v for v in requirements(text, "", decided).variables}
    assert [found[name].source for name in ("WIDGET", "GADGET", "GIZMO")] == [INFRA, DEFAULT, USER]
    assert [found[name].source for name in ("STRIPE_KEY", "PLAIN", "MARKED")] == [USER, DEFAULT, USER]
    assert found["GADGET"].default is None
    assert [v.name for v in requirements(text, "", decided).guessed] == ["GIZMO"]
    assert [v.name for v in requirements(text).guessed] == ["WIDGET", "GADGET", "GIZMO"]


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
