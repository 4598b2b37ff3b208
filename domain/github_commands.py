"""Commands in comments at GitHub: what a person wants, read from the words after `/slipway`."""

import re
from typing import Literal

from domain.values import Value

Verb = Literal["status", "approve", "cancel", "rollback", "answer", "help"]
VERBS: tuple[Verb, ...] = ("status", "approve", "cancel", "rollback", "answer")
_VERSION = re.compile(r"v?([0-9]{1,9})", re.ASCII)


class Command(Value):
    """One command; `help` is everything that is none."""

    verb: Verb
    argument: str = ""
    """A release's number, a digest, or an answer's choice."""
    words: str = ""
    """What an answer says beside its choice."""


def command_in(words: str) -> Command:
    """Return the command; capitals and spaces make no difference."""
    first, argument, said = [*words.split(maxsplit=2), "", "", ""][:3]
    verb = next((each for each in VERBS if each == first.lower()), None)
    match verb:
        case "rollback" if not argument or (_VERSION.fullmatch(argument.lower()) and not said):
            return Command(verb="rollback", argument=argument.lower().removeprefix("v"))
        case "answer" if argument.lower() == "approve":
            return Command(verb="approve", argument=said.strip())
        case "answer" if argument:
            return Command(verb="answer", argument=argument.lower(), words=said.strip())
        case "approve":
            return Command(verb="approve", argument=argument)
        case "status" | "cancel":
            return Command(verb=verb)
        case _:
            return Command(verb="help")


def may_write(access: str) -> bool:
    """Tell whether who has this access to a repository may have something done there."""
    return access in ("write", "admin")


def harmless(text: str) -> str:
    """Return the text as it may be said at GitHub: it calls nobody, and no part of it is taken for a mark of ours."""
    return text.replace("@", "@\u200b").replace("<!--", "<\u200b!--")
