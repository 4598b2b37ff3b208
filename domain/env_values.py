"""What each variable is for one release: plain text, a secret by name, or missing; and what stands in for it in rehearsals.

A default may refer to other variables. What refers to a secret stays a template, so that no value of one is written down.
"""

import hashlib
import re
from collections.abc import Collection, Mapping

from domain.dotenv import expanded, references
from domain.env_rules import is_database, is_plain, shaped_secret
from domain.environment import EnvironmentVersion, Requirements, Source, Variable
from domain.resources import FILE
from domain.values import Value

_ASKED = (Source.USER, Source.COMPUTED)
"""A default without a value is left to the app; a computed one that nobody could compute is the person's to give."""


class Settled(Value):
    """All variables of a release, by where their values come from."""

    plain: dict[str, str]
    """`${NAME}` of a secret is still in it."""
    secrets: tuple[str, ...]
    """Those whose values lie in the vault, or must be made for it."""
    missing: tuple[str, ...]
    """Those that a person must give first."""
    left_out: dict[str, tuple[str, ...]]
    """Defaults that cannot be filled, and the names that they refer to."""


def settled(wanted: Requirements, context: Mapping[str, str], given: Collection[str]) -> Settled:
    """Decide each variable: what a person gave goes before a default, what the platform computes goes before both."""
    secret = {v.name for v in wanted.variables if _is_secret(v, context, given)}
    values = _Values(wanted, context, {name: f"${{{name}}}" for name in secret})
    plain = {
        v.name: value for v in wanted.variables if not _is_kept(v, context, given) and (value := values.of(v.name)) is not None
    }
    absent = [v for v in wanted.variables if v.name not in secret and v.name not in plain]
    return Settled(
        plain=plain,
        secrets=tuple(v.name for v in wanted.variables if v.name in secret),
        missing=tuple(v.name for v in absent if v.required and v.source in _ASKED),
        left_out={v.name: references(v.default) for v in absent if v.source is Source.DEFAULT and v.default},
    )


def filled(version: EnvironmentVersion, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment, given the values of the version's secrets."""
    plain = {
        name: re.sub(r"\$\{(\w+)\}", lambda reference: secrets.get(reference[1], reference[0]), text)
        for name, text in version.plain.items()
    }
    return {**plain, **secrets}


def plain_value(variable: Variable, context: Mapping[str, str]) -> str | None:
    """Return what a computed or default variable is: from the context, else its default filled from it; else None."""
    return _Values(Requirements(variables=(variable,)), context, {}).of(variable.name)


def placeholder_values(
    wanted: Requirements, context: Mapping[str, str], scratch: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a value for each variable without any secret: for tests and rehearsals, the same at every call.

    What a person would give is the file's own example, else `placeholder-<name>`; `scratch` has the addresses of resources.
    """
    plain = _Values(wanted, context, {})
    held = {v.name: _stand_in(v, plain) for v in wanted.variables if _is_kept(v, context, ())}
    values = _Values(wanted, context, {**held, **(scratch or {})})
    return {v.name: value for v in wanted.variables if (value := values.of(v.name)) is not None}


def is_rehearsed(version: EnvironmentVersion, wanted: Requirements, context: Mapping[str, str]) -> bool:
    """Tell whether a release with this environment would be, to the letter, what the tester asked its checks of."""
    return not version.secrets and version.plain == placeholder_values(wanted, context)


class _Values:
    """Looks up what variables are; `held` are those that neither the files nor the context decide."""

    def __init__(self, wanted: Requirements, context: Mapping[str, str], held: Mapping[str, str]) -> None:
        self._variables = {variable.name: variable for variable in wanted.variables}
        self._context = context
        self._held = held
        self._open: list[str] = []
        """Those that are being looked up: a default that leads back to itself has no value."""

    def of(self, name: str) -> str | None:
        if name in self._held:
            return self._held[name]
        if name in self._context:
            return self._context[name]
        variable = self._variables.get(name)
        if variable is None or name in self._open:
            return None
        self._open.append(name)
        found = self._default_of(variable)
        self._open.pop()
        return found

    def _default_of(self, variable: Variable) -> str | None:
        if variable.default:
            return expanded(variable.default, self._referred)
        if variable.name == "DATABASE_URL":
            return expanded(FILE, self._referred)
        return {"HOST": "0.0.0.0"}.get(variable.name)  # noqa: S104  inside its own network namespace

    def _referred(self, name: str) -> str | None:
        """Return what a reference stands for: nothing at all for a variable that may be without a value."""
        variable = self._variables.get(name)
        may_lack = (
            variable is not None and not variable.default and (variable.source is Source.DEFAULT or not variable.required)
        )
        found = self.of(name)
        return "" if found is None and may_lack else found


def _is_kept(variable: Variable, context: Mapping[str, str], given: Collection[str]) -> bool:
    """Tell whether its value belongs into the vault: by whom it comes from, or because a person put it there."""
    if variable.source is Source.USER or (variable.source is Source.INFRA and not is_database(variable)):
        return True
    return variable.name in given and variable.name not in context


def _is_secret(variable: Variable, context: Mapping[str, str], given: Collection[str]) -> bool:
    """Tell whether its value is in the vault, or will be made for it."""
    made = variable.source is Source.INFRA and not is_database(variable)
    return _is_kept(variable, context, given) and (made or variable.name in given)


def _stand_in(variable: Variable, plain: _Values) -> str:
    if variable.source is Source.INFRA:
        return shaped_secret(variable.name, hashlib.sha256(f"placeholder {variable.name}".encode()).digest())
    example = plain.of(variable.name)
    return example if example and is_plain(variable.name, example, secret_name=False) else f"placeholder-{variable.name}"
