"""What `addons` of app.json asks for (https://devcenter.heroku.com/articles/app-json-schema#addons)."""

import json
import re
from collections.abc import Sequence
from typing import Any

from domain.errors import BadInput
from domain.manifests import manifest_from
from domain.resources import ResourceKind
from domain.values import Value

_SERVICES = {
    "postgres": ResourceKind.POSTGRES,
    "postgresql": ResourceKind.POSTGRES,
    "heroku-postgresql": ResourceKind.POSTGRES,
    "redis": ResourceKind.REDIS,
    "heroku-redis": ResourceKind.REDIS,
}
"""Names of Heroku's and Dokku's services, and our own."""
_USUAL = {ResourceKind.POSTGRES: "DATABASE_URL", ResourceKind.REDIS: "REDIS_URL"}
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")


class Addon(Value):
    """One resource that the app asks for."""

    kind: ResourceKind
    variable: str
    """Name of the variable in which the app finds its address."""


def addons_of(app_json: str) -> tuple[Addon, ...]:
    """Return what the text of app.json asks for; raise BadInput, with the cure, for what no project can have here.

    A plan and options are read over: each kind has one size and one version here.
    """
    entries = manifest_from(app_json).get("addons", [])
    if not isinstance(entries, list):
        raise BadInput('`addons` of app.json must be a list, like ["postgres"]: mend it')
    found = tuple(_addon(entry) for entry in entries)
    for chosen in ("kind", "variable"):
        values = [str(getattr(addon, chosen)) for addon in found]
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise BadInput(f"app.json asks for {twice} twice in `addons`, and a project has one of each: take one out")
    return found


def with_addons(app_json: str, kinds: Sequence[ResourceKind]) -> str:
    """Return app.json's text with these kinds among its addons; the same text when they are there. None is taken out."""
    asked = {addon.kind for addon in addons_of(app_json)}
    missing = [kind.value for kind in dict.fromkeys(kinds) if kind not in asked]
    if not missing:
        return app_json
    manifest = manifest_from(app_json)
    return json.dumps({**manifest, "addons": [*manifest.get("addons", []), *missing]}, indent=2, ensure_ascii=False) + "\n"


def _addon(entry: Any) -> Addon:
    service, alias = (entry.get("plan"), entry.get("as")) if isinstance(entry, dict) else (entry, None)
    if not isinstance(service, str) or not isinstance(alias, str | None):
        raise BadInput(f'app.json has the addon {json.dumps(entry)[:80]}: write a name, or {{"plan": NAME, "as": PREFIX}}')
    kind = _SERVICES.get(service.partition(":")[0].strip().lower())
    if kind is None:
        known = ", ".join(each.value for each in ResourceKind)
        raise BadInput(f"app.json asks for the addon {service[:60]!r}, and there are only these: {known}; take it out")
    if alias is not None and not _ALIAS.fullmatch(alias):
        raise BadInput(f"app.json names the addon {service[:60]!r} {alias[:60]!r}: use letters, digits and underscores")
    return Addon(kind=kind, variable=f"{alias.upper()}_URL" if alias else _USUAL[kind])
