"""Names: what a project, a secret and a run may be called."""

import re
import unicodedata
from typing import Annotated

from pydantic import StringConstraints

from domain.errors import BadInput

REQUEST_LIMIT = 16_000
"""Characters in one request."""

SLUG_PATTERN = r"^[a-z](?:[a-z0-9]|-(?=[a-z0-9])){1,39}$"
"""A DNS label (RFC 1123) that starts with a letter, 2 to 40 characters, no double dash."""

REPOSITORY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}$"
"""OWNER/NAME as GitHub has them; `.git` is no part of a name."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]

RESERVED = frozenset({"www", "api", "admin", "prefect", "slipway", "localhost", "mail", "caddy", "bot"})
"""No new project may be called so; one that is called so already stays."""

RUN_PATTERN = r"r-[0-9a-f]{10}"
"""A run's id. No project may be called so either: where one or the other can be named, another's run would be meant."""


def checked_slug(text: str) -> str:
    """Return `text` if it may name a new project; raise BadInput that says what would be accepted."""
    formed_slug(text)
    if _is_reserved(text):
        raise BadInput(f"{text!r} is reserved: choose another name, like `my-{text}`")
    return text


def formed_slug(text: str) -> str:
    """Return `text` if a project can be called so; raise BadInput that says what would be accepted."""
    if not re.fullmatch(SLUG_PATTERN, text):
        raise BadInput(
            f"{text[:60]!r} cannot name a project: use 2 to 40 lower-case letters, digits and single dashes, "
            "starting with a letter, like `url-shortener`"
        )
    return text


def checked_repository(text: str) -> str:
    """Return `text` if it may name a repository on GitHub; raise BadInput that says what would be accepted."""
    if not re.fullmatch(REPOSITORY_PATTERN, text):
        raise BadInput(f"{text[:140]!r} cannot name a repository: use OWNER/NAME without address and `.git`, like `anna/notes`")
    return text


def checked_login(text: str) -> str:
    """Return the name of a person or organisation at GitHub; raise BadInput with the cure when it can be none."""
    if not re.fullmatch(r"[A-Za-z0-9]([-_]?[A-Za-z0-9]){0,38}", text):
        raise BadInput(f"{text[:60]!r} is no name at GitHub: it has up to 39 letters, digits and single dashes, like anna-berg")
    return text


def slug_from(title: str, fallback: str = "app") -> str:
    """Derive a usable slug from any text; `fallback` when nothing of it can be used."""
    ascii_text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-").lstrip("0123456789-")[:32].strip("-")
    return slug if re.fullmatch(SLUG_PATTERN, slug) and not _is_reserved(slug) else fallback


def _is_reserved(slug: str) -> bool:
    return slug in RESERVED or re.fullmatch(RUN_PATTERN, slug) is not None


def free_slug(wanted: str, taken: frozenset[str]) -> str:
    """Return `wanted`, or `wanted-2`, `wanted-3` and so on: the first that is not taken."""
    if wanted not in taken:
        return wanted
    stem = wanted[:36]
    return next(name for n in range(2, len(taken) + 3) if (name := f"{stem}-{n}") not in taken)


def checked_request(text: str) -> str:
    """Return the request without surrounding space; raise BadInput when it is empty, too long or not text."""
    cleaned = text.strip()
    if not cleaned:
        raise BadInput('the request is empty: say in one sentence what to build, like `slipway new "a URL shortener"`')
    if len(cleaned) > REQUEST_LIMIT:
        raise BadInput(
            f"the request has {len(cleaned):,} characters and at most {REQUEST_LIMIT:,} are read: "
            "say what to build in a few sentences"
        )
    if any(unicodedata.category(c) == "Cs" or (ord(c) < 32 and c not in "\n\r\t") for c in cleaned):
        raise BadInput("the request holds control characters: send plain text")
    return cleaned


def secret_block_name(project: str, key: str, version: int = 1) -> str:
    """Return the Prefect Secret block's name: `slipway-<project>-<key>`, lower case, dashes; later versions end in `-v2`.

    Names of different secrets can be equal: a block belongs to whom its variable says.
    """
    return f"slipway-{project}-{key.lower().replace('_', '-')}" + (f"-v{version}" if version > 1 else "")
