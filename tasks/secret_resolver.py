"""The environment of a release, by name.

Afterwards each value lies in the vault (made once for infra, given by the person for user) or is plain, and the
registry holds a version that says where. Uses the vault and the registry. Half done, it is simply done again.
"""

import secrets
from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.env_rules import is_database, plain_value, shaped_secret
from domain.environment import EnvironmentVersion, Missing, Requirements, Source, Variable
from domain.names import secret_block_name
from domain.protocols import Registry, Vault
from tasks.retrying import only_try_again

_ASKED = (Source.USER, Source.COMPUTED)
"""A default without a value is left to the app; a computed one that nobody could compute is the person's to give."""


@task(
    persist_result=True,
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 10],
    retry_condition_fn=only_try_again,
    task_run_name="resolve the environment of {project}",
)
async def resolve_environment(
    project: str, requirements: Requirements, context: dict[str, str], vault: Vault, registry: Registry
) -> EnvironmentVersion | Missing:
    """Return the stored version, or the names that a person must give first. Neither holds a secret value.

    What a person put into the vault goes before a default; what the platform computes (`context`) goes before both.
    """
    given = frozenset(await vault.names(project))
    plain = {v.name: value for v in requirements.variables if (value := _plain(v, context, given)) is not None}
    kept = [v for v in requirements.variables if v.name not in plain]
    missing = tuple(v.name for v in kept if v.required and v.source in _ASKED and v.name not in given)
    if missing:
        return Missing(names=missing)
    for name in (v.name for v in kept if v.source is Source.INFRA and v.name not in given):
        await vault.put(project, name, shaped_secret(name, secrets.token_bytes(32)))
    references = {v.name: secret_block_name(project, v.name) for v in kept if v.name in given or v.source is Source.INFRA}
    return await registry.add_environment(project, references, plain)


async def environment_values(version: EnvironmentVersion, vault: Vault) -> dict[str, str]:
    """Load the values; only where an app is started, and never into a log, a parameter or a result."""
    return {**version.plain, **{name: await vault.get(reference) for name, reference in version.secrets.items()}}


def _plain(variable: Variable, context: Mapping[str, str], given: frozenset[str]) -> str | None:
    if variable.source is Source.USER or (variable.source is Source.INFRA and not is_database(variable)):
        return None
    if variable.name in given and variable.name not in context:
        return None
    return plain_value(variable, context)
