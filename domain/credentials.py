"""Credentials in what people write: recognised by shape, so that they are kept from models and logs."""

import re

SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    (
        "Telegram bot token",
        re.compile(
            r":(?:(?<=(?<![\w:])\d{8}:)|(?<=(?<![\w:])\d{9}:)|(?<=(?<![\w:])\d{10}:))[A-Za-z0-9_-]{35}(?![\w-])",
        ),
    ),
    ("GitHub token", re.compile(r"gh(?<=\bgh)[pousr]_[A-Za-z0-9]{36,}")),
    ("GitHub token", re.compile(r"github_pat_(?<=\bgithub_pat_)[A-Za-z0-9_]{40,}")),
    ("GitLab token", re.compile(r"glpat-(?<=\bglpat-)[A-Za-z0-9_-]{20,}")),
    (
        "API key",
        re.compile(
            r"sk-(?<=(?<![\w-])sk-)(?:[A-Za-z0-9]+-){0,8}(?=[A-Za-z0-9_-]{0,400}\d)[A-Za-z0-9_]{20}[A-Za-z0-9_-]*",
        ),
    ),
    ("payment key", re.compile(r"k_(?<=\b[sr]k_)(?:live|test)_[A-Za-z0-9]{16,}")),
    ("AWS access key", re.compile(r"IA(?<=\bA[KS]IA)[A-Z0-9]{16}\b")),
    ("Google API key", re.compile(r"AIza(?<=\bAIza)[A-Za-z0-9_-]{35}(?![\w-])")),
    ("Slack token", re.compile(r"xox(?<=\bxox)[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("JSON web token", re.compile(r"eyJ(?<=(?<![\w-])eyJ)[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}")),
)
"""What the issuers document as the shapes of their tokens.

Strangers' files are long: each shape begins with fixed letters, which are found 30 times faster than a place for a condition,
and says by a look behind what may stand before them. None may look ahead from every place.
"""


def credential_in(text: str) -> str | None:
    """Return the kind of the first credential that `text` holds, never the credential; None when it holds none."""
    return next((kind for kind, shape in SHAPES if shape.search(text)), None)
