"""Refusals that say by a word why, so that each door tells them in its person's language."""

from domain.complaints import Complaint
from domain.errors import BadInput, NeedsPerson

HOSTS = {
    "form": "{host!r} is no host name: leave out scheme, port and path, like shop.example.org",
    "address": "{host!r} is an address: a domain is a name, like shop.example.org",
    "wildcard": "{host!r} stands for many names: add each by itself",
    "letters": "{host!r} is no host name: use letters, digits, dashes and dots, like shop.example.org",
    "nobodys": "{host!r} is no domain that somebody can have: use one of your own, like shop.example.org",
    "preview": "{host} is a preview of a project until that ends: choose another name",
    "base": "{host} is the base domain of all apps: add a name of your own",
    "below": "{host} is below {more}, where names belong to the projects that they name: add another",
    "taken": "{host} belongs to another project: add another name",
    "part": "{host} belongs to another project, which has {more}: add another name",
    "main": "{host} is the address of {more}: make one of another domain with `slipway domain add … --main` first",
    "unknown": "{more} has no domain {host}: `slipway domain list {more}` lists what there is",
}
"""Why a host is refused. Whose it is is not told: a person never hears of another's projects."""

ALL_THE_SAME = "`unchecked` has it used all the same"
"""Each door takes the word in its own way: as an option, or as a field."""


class HostRefused(BadInput):
    """A host name that cannot be added or taken away: (why, by its word in HOSTS, host, what more belongs to it)."""

    def __str__(self) -> str:
        why, host, more = self.args
        return HOSTS[why].format(host=host, more=more)


class SecretRefused(BadInput):
    """A secret's value cannot be used: (its name, Complaint, whether it is the same that was refused before)."""

    def __init__(self, name: str, complaint: Complaint, same: bool = False) -> None:
        super().__init__(name, complaint, same)

    def __str__(self) -> str:
        name, complaint, same = self.args
        if same:
            return f"{complaint.sentence(name)}, and this is the same value: give another one, or {ALL_THE_SAME}"
        return f"{complaint.sentence(name)}; nothing was stored. If it is right, {ALL_THE_SAME}"


class RollbackRefused(BadInput):
    """A project cannot go back to the version that was named: (project, the reason in one sentence, with the cure)."""

    def __str__(self) -> str:
        return str(self.args[1])


class LimitReached(NeedsPerson):
    """A person has reached what the operator lets one person use: (which limit, person, limit, when it ends or None)."""

    def __str__(self) -> str:
        which, person, limit, ends = self.args
        if which == "runs":
            return f"{person} has {limit} runs that have not ended, and may have no more: wait for one, or stop one"
        span = "day" if which == "usd_day" else "month"
        until = f"{ends:%Y-%m-%d %H:%M} UTC"
        return f"{person} has spent the {limit:.2f} USD of this {span}: nothing new begins before {until}, or ask the operator"
