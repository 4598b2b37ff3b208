"""Keeps secret values out of the logs of this process.

Afterwards every handler of Prefect's loggers and of the root logger writes known values as `«secret NAME»`. What is said to
a person is another matter: what is a secret of somebody else's may be an ordinary word to them, and whoever saw it hidden
would have found it out. A process that talks with many people says to each what `shield_for` knows.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextvars import ContextVar

from domain.errors import UnknownObject
from domain.protocols import Vault
from domain.redaction import Redactor
from domain.registry import Registry
from domain.vault import newest

LOGGERS = ("", "prefect", "prefect.flow_runs", "prefect.task_runs")


class RedactingFilter(logging.Filter):
    """Rewrites records; one that cannot even be put together passes as it is, for logging to complain of."""

    def __init__(self) -> None:
        super().__init__()
        self.redactor = Redactor({})

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = self.redactor.redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text and (clean := self.redactor.redact(record.exc_text)) != record.exc_text:
            record.exc_text, record.exc_info = clean, None
        if record.stack_info:
            record.stack_info = self.redactor.redact(record.stack_info)
        return True


_FORMATTER = logging.Formatter()
_FILTER = RedactingFilter()
_HEARER: ContextVar[Redactor | None] = ContextVar("hearer", default=None)
"""What whoever is talked with in this task of asyncio must not read; None: all that the process knows."""


def install(redactor: Redactor) -> None:
    """Add what `redactor` knows to what this process redacts; call it again after handlers were added."""
    _FILTER.redactor = _FILTER.redactor.also(redactor)
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_FILTER)


def redacted(text: str) -> str:
    """Return the text with every secret value replaced that this process knows, or this hearer has."""
    return _known().redact(text)


def settled(text: str) -> str:
    """Return the beginning of a text that still grows, as far as none of these secret values can begin in it."""
    return _known().settled(text)


def _known() -> Redactor:
    return _HEARER.get() or _FILTER.redactor


async def shield(project: str, vault: Vault) -> None:
    """Make this process redact the project's secrets wherever it writes."""
    install(await project_redactor(project, vault))


async def shield_for(projects: Iterable[str], vault: Vault) -> None:
    """Make this process redact the projects' secrets in its logs, and this task of asyncio say all but them from now on."""
    own = Redactor({})
    for project in projects:
        own = own.also(await project_redactor(project, vault))
    install(own)
    _HEARER.set(own)


async def shield_all(registry: Registry, vault: Vault) -> None:
    """Make this process redact the secrets of every project: for work that meets all of them."""
    for project in await registry.projects():
        await shield(project.slug, vault)


async def project_redactor(project: str, vault: Vault) -> Redactor:
    """Return a redactor that knows all values of the project's secrets, earlier ones too: who has seen one may still say it."""
    infos = await vault.listed(project)
    latest = newest(infos)
    values = await asyncio.gather(*(vault.get(info.reference) for info in infos), return_exceptions=True)
    known: dict[str, str] = {}
    for info, value in zip(infos, values, strict=True):
        if isinstance(value, str):
            known[info.key if latest[info.key] == info else f"{info.key} version {info.version}"] = value
        elif not isinstance(value, UnknownObject):  # forgotten meanwhile
            raise value
    return Redactor(known)
