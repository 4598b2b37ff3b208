"""Domains of projects: which host names may be had, and whose each is."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from itertools import count
from typing import Protocol

import idna
from pydantic import TypeAdapter, ValidationError

from domain.hosts import HostName
from domain.refusals import HostRefused
from domain.values import Value

_HOST: TypeAdapter[str] = TypeAdapter(HostName)

NOBODYS = frozenset({"localhost", "invalid", "onion", "arpa", "local"})
"""Last labels under which no domain can be had (RFC 6761, 6762, 7686), but for names below localhost."""


class Domain(Value):
    """A host name that leads to a project beside the one below the base domain."""

    host: HostName
    project: str
    added: datetime
    by: str


def made_main(host: str) -> str:
    """Return the history's line for it: how often it stands there tells one wish for the same host from the next."""
    return f"domain {host} made the main one"


class Domains(Protocol):
    """The registry's part that knows them: one host belongs to one project."""

    async def domains(self, project: str | None = None) -> Sequence[Domain]:
        """Return all, or those of one project, by name."""
        ...

    async def add_domain(self, domain: Domain) -> None:
        """Store it; the same again changes nothing. Raises HostRefused when the host is another project's."""
        ...

    async def make_main(self, domain: Domain) -> None:
        """Make a project's address of this host; the one before leads there as an added domain. Repeating changes nothing."""
        ...

    async def remove_domain(self, project: str, host: str) -> bool:
        """Forget it; False when the project has no such domain."""
        ...


def hosts_of(own: str, domains: Sequence[Domain]) -> tuple[str, ...]:
    """Return every host that leads to a project, the one that its address is made of first."""
    return (own, *(domain.host for domain in domains if domain.host != own))


def checked_host(text: str) -> str:
    """Return the host name in the form in which browsers send it; raise HostRefused with the cure."""
    written = text.strip().rstrip(".").lower()
    if "/" in written or ":" in written:
        raise HostRefused("form", text[:80], "")
    if _is_address(written):
        raise HostRefused("address", text[:80], "")
    if written.startswith("*"):
        raise HostRefused("wildcard", text[:80], "")
    try:
        host = _HOST.validate_python(idna.encode(written, uts46=True).decode() if not written.isascii() else written)
        _labels_are_sound(host)
    except (idna.IDNAError, ValidationError, UnicodeError):
        raise HostRefused("letters", text[:80], "") from None
    if "." not in host or (host.rpartition(".")[2] in NOBODYS and not host.endswith(".localhost")):
        raise HostRefused("nobodys", host, "")
    return host


def _is_address(text: str) -> bool:
    """Tell whether browsers take the text for an IP address: a last label of digits alone does it."""
    try:
        ip_address(text)
    except ValueError:
        last = text.rpartition(".")[2]
        return last.isdecimal() or last.startswith("0x")
    return True


def _labels_are_sound(host: str) -> None:
    """Raise IDNAError when a punycode label says nothing that a browser would show."""
    for label in host.split("."):
        if label.startswith("xn--"):
            idna.decode(label)


def refuse_preview_host(host: str, previews: Mapping[str, str]) -> None:
    """Raise HostRefused when a preview has the host; `previews` says whose preview is found at each that one has."""
    if host in previews:
        raise HostRefused("preview", host, "")


def free_preview_number(project: str, base_domain: str, last: int, taken: Collection[str]) -> int:
    """Return the first number above `last` whose host is nobody's: a project may be called like a preview."""
    return next(number for number in count(last + 1) if f"{project}-{number}.{base_domain}" not in taken)


def claim_host(
    host: str, project: str, base_domain: str, owners: Mapping[str, str], previews: Mapping[str, str] | None = None
) -> None:
    """Raise HostRefused when the host is not the project's to have; `owners` says whose each host is that leads somewhere.

    Names at the base domain belong to the projects that they name, now or later, or to a preview; names below another's
    host are that one's.
    """
    refuse_preview_host(host, previews or {})
    if owners.get(host) == project:
        return
    if host == base_domain:
        raise HostRefused("base", host, "")
    if host.endswith(f".{base_domain}") and host.removesuffix(f".{base_domain}").rpartition(".")[2] != project:
        raise HostRefused("below", host, base_domain)
    parts = host.split(".")
    for above in (".".join(parts[start:]) for start in range(len(parts))):
        owner = owners.get(above, project)
        if owner != project:
            raise HostRefused("taken" if above == host else "part", host, above)
