"""What a model is asked about variables that nothing in the files decides, and what it may answer."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from domain.credentials import credential_in
from domain.env_rules import looks_secret
from domain.environment import Source, Variable
from domain.values import Value

DEFAULT_LIMIT = 80
COMMENT_LIMIT = 400


class TypedVariable(Value):
    """Who provides one variable."""

    name: str = Field(description="As it was asked about")
    source: Literal["user", "infra", "default"] = Field(
        description="user: only the person has it. infra: any random secret will do, made once and kept. default: the app "
        "works without it"
    )


class Typing(Value):
    """Who provides each of the variables that were asked about."""

    variables: tuple[TypedVariable, ...] = Field(max_length=200)

    def sources(self) -> dict[str, Source]:
        return {variable.name: Source(variable.source) for variable in self.variables}


def question(variables: Sequence[Variable]) -> str:
    """Return what the model reads: names, comments, and defaults that hold no secret."""
    return "Variables:\n" + "\n".join(
        f"- {v.name}{_shown(' = ', _harmless(v.default))}{_shown(' # ', v.comment)}" for v in variables
    )


def typing_complaints(typing: Typing, asked: Sequence[Variable]) -> tuple[str, ...]:
    """Say what the model must mend: each variable is answered once, and no other."""
    names, wanted = [variable.name for variable in typing.variables], {variable.name for variable in asked}
    found = [f"{name} was not asked about" for name in sorted({*names} - wanted)]
    found += [f"{name} is missing" for name in sorted(wanted - {*names})]
    return (*found, *(f"{name} stands more than once" for name in sorted({n for n in names if names.count(n) > 1})))


def _harmless(default: str | None) -> str:
    if not default:
        return ""
    if looks_secret(default) or credential_in(default):
        return "(hidden)"
    return default[:DEFAULT_LIMIT]


def _shown(before: str, text: str) -> str:
    line = " ".join(text.split())[:COMMENT_LIMIT]
    return f"{before}{line}" if line else ""
