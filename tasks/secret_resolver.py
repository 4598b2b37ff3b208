"""The environment of a release, by name.

Afterwards each value lies in the vault (made once for infra, given by the person for user) or is plain, and the
registry holds a version that says where. Uses the vault, the registry, and Telegram for its tokens. Half done, it is simply
done again.
"""

import secrets
from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.complaints import Complaint
from domain.env_rules import shaped_secret
from domain.env_values import Settled, filled, settled
from domain.environment import EnvironmentVersion, Missing, Requirements
from domain.protocols import Vault
from domain.redaction import Redactor
from domain.registry import Registry
from domain.releases import Release
from domain.resources import is_own_address, stand_in
from domain.vault import SecretInfo, newest
from tasks.bots import refuse_lost_bot
from tasks.redaction import install
from tasks.retrying import only_try_again
from tasks.run_log import run_log
from tasks.secret_checks import complaint_of
from tasks.secret_use import record_stored


@task(
    persist_result=True,
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 10],
    retry_condition_fn=only_try_again,
    task_run_name="resolve the environment of {project}",
)
async def resolve_environment(
    project: str,
    requirements: Requirements,
    context: dict[str, str],
    vault: Vault,
    registry: Registry,
    telegram_api: str | None = None,
) -> EnvironmentVersion | Missing:
    """Return the stored version, or the names that a person must give first. Neither holds a secret value.

    What a person put into the vault goes before a default; what the platform computes (`context`) goes before both.
    A value that cannot be what its name says counts as missing, until another one is put.
    """
    stored = newest(await vault.listed(project))
    infos = await _without_former(requirements, stored, vault)
    decided = settled(requirements, context, infos)
    wrong = await _complaints(decided, requirements, infos, vault, telegram_api)
    for name in decided.missing:
        if name in stored:  # so that whoever waits for it does not find it there
            wrong[name] = Complaint(kind="former", what="")
            await vault.complain(stored[name].reference, wrong[name])
    missing = tuple(v.name for v in requirements.variables if v.name in decided.missing or v.name in wrong)
    if missing:
        return Missing(names=missing, complaints=wrong)
    for name, names in decided.left_out.items():
        told = "%s of %s is left out: it refers to %s, and nobody says what that is"
        run_log("slipway.environment").warning(told, name, project, ", ".join(names))
    made = {name: await make_secret(project, name, vault) for name in decided.secrets if name not in infos}
    for name in made:
        await record_stored(project, SLIPWAY, name, "made", registry, vault)
    references = {name: made.get(name) or infos[name].reference for name in decided.secrets}
    return await registry.add_environment(project, references, decided.plain)


async def release_values(release: Release, registry: Registry, vault: Vault) -> dict[str, str]:
    """Load the values with which the release, or its release command, starts; raise BotLost, see `refuse_lost_bot`."""
    version = await registry.environment(release.project, release.environment_version)
    values = await environment_values(version, vault) if version is not None else {}
    await refuse_lost_bot(release.project, values, registry)
    return values


async def environment_values(version: EnvironmentVersion, vault: Vault) -> dict[str, str]:
    """Load the values; only where an app is started, and never into a log, a parameter or a result."""
    return filled(version, {name: await vault.get(reference) for name, reference in version.secrets.items()})


async def values_beside_live(
    version: EnvironmentVersion, vault: Vault, scratch: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Load the values for a copy beside what serves: a rehearsal, a preview. It gets the address of no live database.

    `scratch` has the addresses of resources of its own; for any other `domain.resources.stand_in` stands.
    """
    own = dict(scratch or {})
    loaded = {name: await vault.get(reference) for name, reference in version.secrets.items() if name not in own}
    own |= {name: other for name, value in loaded.items() if (other := stand_in(name, value)) is not None}
    values = filled(version, {**loaded, **own})
    return {name: value if _is_made_of(value, own) else stand_in("", value) or value for name, value in values.items()}


def _is_made_of(value: str, own: Mapping[str, str]) -> bool:
    return any(address in value for address in own.values())


async def _without_former(requirements: Requirements, infos: Mapping[str, SecretInfo], vault: Vault) -> dict[str, SecretInfo]:
    """Leave out addresses of resources that no addon names by this variable any more: they were made for an earlier one."""
    made = {v.name for v in requirements.variables if v.addon is None and v.name in infos and infos[v.name].generated}
    former = {name for name in made if is_own_address(await vault.get(infos[name].reference))}
    return {name: info for name, info in infos.items() if name not in former}


async def _complaints(
    decided: Settled, requirements: Requirements, infos: Mapping[str, SecretInfo], vault: Vault, telegram_api: str | None
) -> dict[str, Complaint]:
    """Look at what people gave for this release, write down what cannot be used, and return it."""
    found: dict[str, Complaint] = {}
    for variable in requirements.variables:
        info = infos.get(variable.name)
        if info is None or variable.name not in decided.secrets or info.generated or info.unchecked:
            continue
        complaint = info.complaint or await complaint_of(variable, await vault.get(info.reference), telegram_api)
        if complaint is not None:
            found[variable.name] = complaint
            await vault.complain(info.reference, complaint)
    return found


async def make_secret(project: str, name: str, vault: Vault) -> str:
    """Make a value up and store it; from its first moment on this process redacts it."""
    value = shaped_secret(name, secrets.token_bytes(32))
    install(Redactor({name: value}))
    return await vault.put(project, name, value, generated=True)
