"""Credentials in what people write: recognised by shape, so that they are kept from models and logs."""

import re

SHAPES: dict[str, re.Pattern[str]] = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "Telegram bot token": re.compile(r"(?<![\w:])\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    "GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "API key": re.compile(r"(?<![\w-])sk-(?:[A-Za-z0-9]+-){0,8}(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_]{20}[A-Za-z0-9_-]*"),
    "payment key": re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "Google API key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}(?![\w-])"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "JSON web token": re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
}
"""What the issuers document as the shapes of their tokens. None may look ahead from every place: strangers' files are long."""


def credential_in(text: str) -> str | None:
    """Return the kind of the first credential that `text` holds, never the credential; None when it holds none."""
    return next((kind for kind, shape in SHAPES.items() if shape.search(text)), None)
