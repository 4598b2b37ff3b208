"""Wrong secrets are found by their looks; what nobody knows the looks of passes."""

import re
from pathlib import Path

import pytest

from domain.secret_formats import FORMATS, format_of, shape_complaint

STAND_IN = "is not the value itself, but what stands in its place or beside it"
X = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", f"123456789:AAF{X}-_xyz1234"),
        ("TG_TOKEN", f"8123456789:AAF{X}-_xyz1234"),
        ("STRIPE_SECRET_KEY", f"sk_live_{X}"),
        ("STRIPE_SECRET_KEY", f"rk_test_{X}"),
        ("STRIPE_WEBHOOK_SECRET", f"whsec_{X}"),
        ("STRIPE_PUBLISHABLE_KEY", f"pk_test_{X}"),
        ("STRIPE_KEY", f"pk_live_{X}"),
        ("SENDGRID_API_KEY", f"SG.{X[:22]}.{X}{X[:16]}"),
        ("OPENAI_API_KEY", f"sk-proj-{X}-_{X}"),
        ("ANTHROPIC_API_KEY", f"sk-ant-api03-{X}"),
        ("GITHUB_TOKEN", f"ghp_{X}{X[:9]}"),
        ("GH_PAT", f"github_pat_{X}_{X}"),
        ("GITHUB_TOKEN", HEX + HEX + HEX[:8]),
        ("SLACK_BOT_TOKEN", f"xoxb-1234567890-{X}"),
        ("DISCORD_TOKEN", f"{X}.Gabc12.{X}"),
        ("TWILIO_ACCOUNT_SID", f"AC{HEX}{HEX}"),
        ("SENTRY_DSN", "https://abc@o1.ingest.sentry.io/42"),
        ("SMTP_PORT", "587"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@db:5432/x"),
        ("LOGIN_URL", "/login"),
    ],
)
def test_right_value_passes(name: str, value: str) -> None:
    assert format_of(name) is not None
    assert shape_complaint(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TELEGRAM_BOT_TOKEN", "my bot", "TELEGRAM_BOT_TOKEN is no Telegram bot token: those look like 123456789:AAF…"),
        ("STRIPE_SECRET_KEY", f"pk_live_{X}", "STRIPE_SECRET_KEY is no Stripe secret key: those look like sk_live_…"),
        ("OPENAI_API_KEY", f'"sk-{X}"', "OPENAI_API_KEY is no OpenAI key: those look like sk-…"),
        ("OPENAI_API_KEY", f"sk-{X}\n", "OPENAI_API_KEY is no OpenAI key: those look like sk-…"),
        ("SMTP_PORT", "smtp", "SMTP_PORT is no port number: those look like 587"),
        ("UPSTREAM_URL", "api.example.org", "UPSTREAM_URL is no address: those look like https://…"),
        ("DOOR_PASSWORD", "<your password>", f"DOOR_PASSWORD {STAND_IN}"),
        ("DOOR_PASSWORD", "export DOOR_PASSWORD=x", f"DOOR_PASSWORD {STAND_IN}"),
    ],
)  # fmt: skip
def test_wrong_value_is_told_by_what_it_should_be_and_never_quoted(name: str, value: str, sentence: str) -> None:
    complaint = shape_complaint(name, value)
    assert complaint is not None
    assert complaint.sentence(name) == sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOOR_PASSWORD", "x"),
        ("DOOR_PASSWORD", "your-2-keys=fine"),
        ("BOT_TOKEN", "anything"),
        ("AWS_ACCESS_KEY_ID", "minio"),
        ("WEATHER_API_KEY", "0"),
        ("GOOGLE_API_KEY", "AQ.something-new"),
    ],
)
def test_what_nobody_knows_the_looks_of_passes(name: str, value: str) -> None:
    assert shape_complaint(name, value) is None


def test_comment_that_names_botfather_makes_a_token_telegrams() -> None:
    assert shape_complaint("BOT_TOKEN", "anything", "The token that @BotFather gave you") is not None
    assert shape_complaint("BOT_NAME", "anything", "As @BotFather knows it") is None


def test_the_documented_table_is_the_one_that_is_used() -> None:
    text = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (`.+?) \| `(.+)` \|$", text, re.M)
    assert [(what, like) for what, _, like in rows] == [(form.what, form.like) for form in FORMATS]
    for what, names, _ in rows:
        named = [format_of(name) for name in re.findall(r"`(\w+)`", names)]
        assert {form.what for form in named if form} == {what}
