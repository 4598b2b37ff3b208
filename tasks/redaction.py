"""Keeps secret values out of the logs of this process.

Afterwards every handler of Prefect's loggers and of the root logger writes known values as `«secret NAME»`.
"""

import asyncio
import logging

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


def install(redactor: Redactor) -> None:
    """Add what `redactor` knows to what this process redacts; call it again after handlers were added."""
    _FILTER.redactor = _FILTER.redactor.also(redactor)
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_FILTER)


def redacted(text: str) -> str:
    """Return the text with every secret value that this process knows replaced."""
    return _FILTER.redactor.redact(text)


def settled(text: str) -> str:
    """Return the beginning of a text that still grows, as far as no secret value that this process knows can begin in it."""
    return _FILTER.redactor.settled(text)


async def shield(project: str, vault: Vault) -> None:
    """Make this process redact the project's secrets wherever it writes."""
    install(await project_redactor(project, vault))


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
