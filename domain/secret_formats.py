"""How the secrets of known services look, so that a wrong one is found before an app is started with it.

A name says what a secret is for; its shape is what the issuer documents, and loose where issuers have changed theirs. A name
that several services use is in no row: to refuse a right value is worse than to pass a wrong one.
"""

import re
from typing import NamedTuple

from domain.complaints import Complaint

TELEGRAM = "Telegram bot token"


class Format(NamedTuple):
    """What secrets of one kind are called and how they look."""

    what: str
    names: str
    shape: str
    like: str


FORMATS: tuple[Format, ...] = (
    Format(TELEGRAM, r"(?:\w+_)?(?:TELEGRAM|TG)_(?:\w+_)?TOKEN", r"\d+:[\w-]{30,64}", "123456789:AAF…"),
    Format("Stripe webhook secret", r"STRIPE_(?:\w+_)?(?:WEBHOOK|ENDPOINT)_SECRET", r"whsec_\S{8,}", "whsec_…"),
    Format("Stripe publishable key", r"STRIPE_(?:\w+_)?(?:PUBLISHABLE|PUBLIC)_KEY", r"pk_(?:live|test)_\w{8,}", "pk_live_…"),
    Format("Stripe secret key", r"STRIPE_(?:\w+_)?SECRET(?:_KEY)?", r"[sr]k_(?:live|test)_\w{8,}", "sk_live_…"),
    Format("Stripe key", r"STRIPE_(?:API_)?KEY", r"[spr]k_(?:live|test)_\w{8,}", "sk_live_…"),
    Format("SendGrid key", r"SENDGRID_(?:API_)?KEY", r"SG\.[\w-]{10,}\.[\w-]{20,}", "SG.….…"),
    Format("OpenAI key", r"OPENAI_(?:API_)?KEY", r"sk-[\w-]{16,}", "sk-…"),
    Format("Anthropic key", r"ANTHROPIC_(?:API_)?KEY", r"sk-ant-[\w-]{16,}", "sk-ant-…"),
    Format("Groq key", r"GROQ_(?:API_)?KEY", r"gsk_\w{16,}", "gsk_…"),
    Format("Hugging Face token", r"(?:HF|HUGGINGFACE)_(?:\w+_)?(?:TOKEN|KEY)", r"(?:hf|api)_\w{16,}", "hf_…"),
    Format(
        "GitHub token",
        r"(?:GITHUB|GH)_(?:\w+_)?(?:TOKEN|PAT)",
        r"gh[pousr]_\S{20,}|github_pat_\w{20,}|[0-9a-f]{40}",
        "ghp_… or github_pat_…",
    ),
    Format("Slack bot token", r"SLACK_BOT_TOKEN", r"xoxb-[\w-]{10,}", "xoxb-…"),
    Format("Slack app token", r"SLACK_APP_TOKEN", r"xapp-[\w-]{10,}", "xapp-…"),
    Format("Discord bot token", r"DISCORD_(?:BOT_)?TOKEN", r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}", "MTk4….….…"),
    Format("Twilio account SID", r"TWILIO_ACCOUNT_SID", r"AC[0-9a-f]{32}", "AC and 32 hex digits"),
    Format("Twilio auth token", r"TWILIO_AUTH_TOKEN", r"[0-9a-f]{32}", "32 hex digits"),
    Format("Resend key", r"RESEND_(?:API_)?KEY", r"re_\w{8,}", "re_…"),
    Format("Sentry DSN", r"(?:\w+_)?SENTRY_DSN", r"https?://[^@\s]+@\S+/\d+", "https://…@….ingest.sentry.io/123"),
    Format("port number", r"(?:SMTP|IMAP|POP3|MAIL|EMAIL)_PORT", r"[1-9]\d{0,4}", "587"),
    Format("web address", r"(?:\w+_)?WEBHOOK_URL", r"https?://[^\s/]\S*", "https://…"),
    Format("address", r"(?:\w+_)?(?:URL|URI)", r"[A-Za-z][\w+.-]*:\S+|/\S*", "https://…"),
)
"""Whole names, first match wins."""

_STAND_IN = re.compile(
    r"<[^<>]*>|\*{3,}|\.{3,}|x{4,}|(?:\S*[-_])?your[-_ ](?:\S*[-_])?(?:here|token|key|secret|password)", re.I
)


def format_of(name: str, comment: str = "") -> Format | None:
    """Return how the secret must look; a comment that speaks of @BotFather makes a token Telegram's."""
    if "botfather" in comment.lower() and re.search("TOKEN", name, re.I):
        return FORMATS[0]
    return next((form for form in FORMATS if re.fullmatch(form.names, name, re.I)), None)


def shape_complaint(name: str, value: str, comment: str = "") -> Complaint | None:
    """Say why the value cannot be what its name asks for; None when nothing speaks against it."""
    form = format_of(name, comment)
    if _STAND_IN.fullmatch(value.strip()) or re.match(rf"(?:export\s+)?{re.escape(name)}\s*=", value.strip()):
        return Complaint(kind="stand_in", what=form.what if form else "", like=form.like if form else "")
    if form is None or re.fullmatch(form.shape, value):
        return None
    return Complaint(kind="shape", what=form.what, like=form.like)
