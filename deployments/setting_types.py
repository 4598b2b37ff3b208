"""What settings may be: each type says in a few words why a value is none of it; the setting itself says the cure."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from domain.database_servers import server_address
from domain.egress import is_pattern
from domain.errors import BadInput
from tasks.cli import cli_agent

ROLES_WITH_ENGINES = ("developer", "product_owner")


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _known_engines(value: dict[str, str]) -> dict[str, str]:
    if strange := [role for role in value if role not in ROLES_WITH_ENGINES]:
        raise ValueError(f"{strange[0]!r} works by no other engine")
    for engine in value.values():
        try:
            cli_agent(engine)
        except BadInput as error:
            raise ValueError(str(error)) from error
    return value


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [pattern for pattern in value if not is_pattern(pattern)]:
        raise ValueError(f"{wrong[0]!r} is no host name in lower case")
    return value


def _postgres(value: SecretStr) -> SecretStr:
    try:
        server_address(value.get_secret_value())
    except BadInput as error:
        raise ValueError(str(error)) from None
    return value


def _command(value: str) -> str:
    try:
        shlex.split(value)
    except ValueError as error:
        raise ValueError(f"its words cannot be told apart: {error}") from error
    return value


def _webhook(value: str) -> str:
    if value.lower() in ("", "false"):
        return ""
    if value.lower() == "true":
        return "true"
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("neither true nor an address")
    return value


def _absolute(value: Path) -> Path:
    return value.expanduser().absolute()


def _folder(value: Path) -> Path:
    if not value.is_dir():
        raise ValueError("there is no such folder")
    return value


def _file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("there is no such file")
    return value


def as_text(value: Any) -> str:
    """Return the value as a variable holds it; a secret in clear."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(map(str, value))
        case dict():
            return json.dumps(value)
        case _:
            return str(value)


SPLIT = BeforeValidator(_split)
"""Words with commas between become a tuple."""
PATTERNS = AfterValidator(_patterns)
KNOWN_ENGINES = AfterValidator(_known_engines)

WEBHOOK = AfterValidator(_webhook)
"""`true`, an address, or empty for none."""

Port = Annotated[int, Field(ge=0, le=65535)]
Tls = Literal["off", "internal", "auto"]
Where = Annotated[Path, AfterValidator(_absolute)]
"""A path that need not exist; `~` is the person's home."""
ExistingFolder = Annotated[Where, AfterValidator(_folder)]
ExistingFile = Annotated[Where, AfterValidator(_file)]
PostgresAddress = Annotated[SecretStr, AfterValidator(_postgres)]
"""Its host and role are looked at; what stands in it is never told."""
CommandLine = Annotated[str, AfterValidator(_command)]
"""A program and its options, quoted as for a shell."""
