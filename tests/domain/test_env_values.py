"""What each variable is for one release, and what stands in for it."""

import re

import pytest

from domain.env_rules import requirements
from domain.env_values import filled, is_rehearsed, placeholder_values, plain_value, settled
from domain.environment import EnvironmentVersion, Requirements, Source, Variable

COMPUTED, DEFAULT, INFRA, USER = Source.COMPUTED, Source.DEFAULT, Source.INFRA, Source.USER
CONTEXT = {"PORT": "8000", "DATA_DIR": "${DATA_DIR}", "PUBLIC_URL": "https://notes.example"}


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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=${B}/x\nB=https://h", "https://h/x"),
        ("A=${B}\nB=${C}\nC=1", "1"),
        ("A=${PUBLIC_URL}/login", "https://notes.example/login"),
        ("A=${DATA_DIR}/x.db", "${DATA_DIR}/x.db"),
        ("A=${LANGUAGE:-en}", "en"),
        ("A=x${DEBUG}\nDEBUG=", "x"),
        ("A=x${THEIRS}\nTHEIRS= # [user] [optional]", "x"),
        ("A=x${PORT}\nPORT=9", "x8000"),
    ],
)
def test_default_may_refer_to_other_variables(text: str, value: str) -> None:
    found = settled(requirements(text), CONTEXT, ())
    assert found.plain["A"] == value
    assert found.left_out == {}


@pytest.mark.parametrize("text", ["A=${NOBODY}/x", "A=${B}\nB=${A}", "A=a${A}", "A=${B}\nB=${NOBODY}"])
def test_default_that_nobody_can_fill_is_left_out_and_named(text: str) -> None:
    found = settled(requirements(text), CONTEXT, ())
    assert "A" not in found.plain
    assert found.missing == ()
    assert len(found.left_out["A"]) == 1


@pytest.mark.parametrize(
    "text",
    ["LINK=https://u:${API_TOKEN}@h", "LINK=https://u:${API_TOKEN:-none}@h", "LINK=https://u:${VIA}@h\nVIA=${API_TOKEN}"],
)
def test_what_refers_to_a_secret_stays_a_template_until_the_app_is_started(text: str) -> None:
    found = settled(requirements(f"{text}\nAPI_TOKEN=\nSECRET_KEY=\nSALTED=${{SECRET_KEY}}!"), CONTEXT, ("API_TOKEN",))
    assert found.plain["LINK"] == "https://u:${API_TOKEN}@h"
    assert found.secrets == ("API_TOKEN", "SECRET_KEY")
    version = EnvironmentVersion(
        project="notes", number=1, secrets=dict.fromkeys(found.secrets, "ref"), plain={**found.plain, "DIR": "${DATA_DIR}"}
    )
    values = filled(version, {"API_TOKEN": "t0ken\\1", "SECRET_KEY": "k"})
    assert (values["LINK"], values["SALTED"], values["DIR"]) == ("https://u:t0ken\\1@h", "k!", "${DATA_DIR}")


def test_what_refers_to_a_missing_secret_waits_for_it() -> None:
    found = settled(requirements("LINK=https://u:${API_TOKEN}@h\nAPI_TOKEN="), CONTEXT, ())
    assert (found.missing, found.secrets) == (("API_TOKEN",), ())


def test_placeholders_are_filled_into_what_refers_to_them() -> None:
    text = "LINK=https://${NAME}:${API_TOKEN}@h\nAPI_TOKEN=\nNAME=door\nOWN= # [user]\nTHEIR=${OWN} # [user]\n"
    values = placeholder_values(requirements(text), CONTEXT)
    assert values["LINK"] == "https://door:placeholder-API_TOKEN@h"
    assert values["API_TOKEN"] == "placeholder-API_TOKEN"
    assert values["THEIR"] == "placeholder-THEIR"
