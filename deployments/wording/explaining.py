"""Errors as sentences for people: what went wrong and the next thing to do, in their language."""

from collections.abc import Callable
from math import ceil
from typing import Any

from deployments.wording.texts import say
from domain.attachments import AttachmentRefused
from domain.complaints import Complaint
from domain.errors import (
    AnsweredAlready,
    BudgetSpent,
    ChatBusy,
    DiskFull,
    LeaseLost,
    LockTaken,
    ModelKeyMissing,
    ModelKeyRefused,
    ModelOverloaded,
    NeedsPerson,
    NoBrief,
    NoReply,
    NothingToRollBackTo,
    SecretMissing,
    ServiceUnreachable,
    SlipwayError,
    TryAgain,
)
from domain.refusals import HostRefused, LimitReached, RollbackRefused, SecretRefused


def explain(language: str, error: SlipwayError) -> str:
    """Return one clear sentence on the error, with the next thing to do, by who must act."""
    if is_foreseen(error):
        return next(tell for kind, tell in KNOWN.items() if isinstance(error, kind))(language, error)
    family = next((key for kind, key in FAMILIES.items() if isinstance(error, kind)), "error_broken")
    return say(language, family, what=str(error))


def is_foreseen(error: SlipwayError) -> bool:
    """Tell whether all of the sentence on the error is in its person's language."""
    return isinstance(error, tuple(KNOWN))


def _budget(language: str, error: BudgetSpent) -> str:
    project, limit, used = error.args
    return say(language, "error_budget", project=project, limit=f"{limit:.2f}", used=f"{used:.2f}")


def _limited(language: str, error: LimitReached) -> str:
    which, _, limit, ends = error.args
    until = f"{ends:%Y-%m-%d %H:%M} UTC" if ends else ""
    return say(language, f"limit_{which}", limit=limit if which == "runs" else f"{limit:.2f}", ends=until)


def _no_reply(language: str, error: NoReply) -> str:
    return say(language, "error_talk_budget" if error.reason == "out of budget" else "error_no_reply")


def _file(language: str, error: AttachmentRefused) -> str:
    return say(language, f"file_{error.why}", name=error.args[0], detail=error.args[2])


def _host(language: str, error: HostRefused) -> str:
    why, host, more = error.args
    return say(language, f"host_{why}", host=host, more=more)


def _secret(language: str, error: SecretRefused) -> str:
    name, complaint, same = error.args
    return f"{complained(name, complaint, language)} {say(language, 'error_secret_same' if same else 'error_secret_kept_out')}"


def complained(name: str, complaint: Complaint, language: str) -> str:
    """Say why what is there for a secret cannot be used."""
    return say(language, f"wrong_{complaint.kind}", name=name, what=complaint.what, like=complaint.like)


KNOWN: dict[type[SlipwayError], Callable[[str, Any], str]] = {
    BudgetSpent: _budget,
    LimitReached: _limited,
    ModelKeyRefused: lambda language, _: say(language, "error_model_key"),
    ModelOverloaded: lambda language, _: say(language, "error_model_busy"),
    NothingToRollBackTo: lambda language, error: say(language, "error_no_earlier", project=error.args[0]),
    NoBrief: lambda language, _: say(language, "error_no_brief"),
    NoReply: _no_reply,
    AttachmentRefused: _file,
    HostRefused: _host,
    SecretRefused: _secret,
    AnsweredAlready: lambda language, _: say(language, "error_answered"),
    RollbackRefused: lambda language, error: say(language, "error_rollback", project=error.args[0]),
    SecretMissing: lambda language, error: say(language, "error_secret", project=error.args[0], names=", ".join(error.args[1])),
    ModelKeyMissing: lambda language, _: say(language, "error_model_missing"),
    LeaseLost: lambda language, _: say(language, "error_overtaken"),
    LockTaken: lambda language, _: say(language, "error_lock"),
    ChatBusy: lambda language, error: say(language, "error_chat_busy", minutes=ceil(error.seconds / 60)),
    DiskFull: lambda language, _: say(language, "error_disk"),
    ServiceUnreachable: lambda language, _: say(language, "error_service"),
}
"""Errors that have sentences of their own."""

FAMILIES: dict[type[SlipwayError], str] = {TryAgain: "error_try_again", NeedsPerson: "error_needs_person"}
