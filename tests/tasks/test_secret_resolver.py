from datetime import datetime

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from domain.audit import AuditLine
from domain.env_rules import requirements
from domain.environment import EnvironmentVersion, Missing
from domain.errors import BadInput, ServiceUnreachable
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.secret_resolver import environment_values, resolve_environment, values_beside_live
from tests.fakes.vault import MemoryVault

CONTEXT = {"PORT": "8000", "DATA_DIR": "/data", "BASE_URL": "http://notes.localhost"}


def vault_of(**values: str) -> MemoryVault:
    """Return a vault in which a person has put these for `notes`."""
    vault = MemoryVault()
    for key, value in values.items():
        vault.hold("notes", key, value)
    return vault


class Versions:
    """The registry's environment versions, where equal content gives the newest one back, and its audit."""

    def __init__(self) -> None:
        self.kept: list[EnvironmentVersion] = []
        self.lines: list[AuditLine] = []

    async def audit(self, line: AuditLine) -> None:
        self.lines.append(line)

    async def history(self, project: str | None = None, since: datetime | None = None) -> list[AuditLine]:
        return [line for line in self.lines if project in (None, line.project)]

    async def add_environment(self, project: str, secrets: dict[str, str], plain: dict[str, str]) -> EnvironmentVersion:
        version = EnvironmentVersion(project=project, number=len(self.kept) + 1, secrets=secrets, plain=plain)
        if self.kept and self.kept[-1].model_copy(update={"number": version.number}) == version:
            return self.kept[-1]
        self.kept.append(version)
        return version


async def resolve(
    text: str, vault: MemoryVault, versions: Versions | None = None, context: dict[str, str] = CONTEXT
) -> EnvironmentVersion | Missing:
    wanted = requirements(text)
    return await resolve_environment.fn("notes", wanted, context, vault, versions or Versions())  # type: ignore[arg-type]


async def test_each_value_comes_from_whom_the_file_names() -> None:
    vault = vault_of(STRIPE_KEY="sk_live_12345678")
    version = await resolve("SECRET_KEY=\nPORT=\nTHEME=dark\nSTRIPE_KEY= # [user]\nDATABASE_URL=\n", vault)
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"PORT": "8000", "THEME": "dark", "DATABASE_URL": "sqlite:////data/app.db"}
    assert version.secrets == {"SECRET_KEY": "slipway-notes-secret-key", "STRIPE_KEY": "slipway-notes-stripe-key"}
    values = await environment_values(version, vault)  # type: ignore[arg-type]
    assert (values["STRIPE_KEY"], values["PORT"], len(values["SECRET_KEY"])) == ("sk_live_12345678", "8000", 64)


async def test_no_secret_value_is_in_the_result() -> None:
    vault = vault_of(STRIPE_KEY="sk_live_99999999")
    version = await resolve("SECRET_KEY=\nSTRIPE_KEY=\n", vault)
    assert "sk_live_99999999" not in repr(version)
    assert await vault.get("slipway-notes-secret-key") not in repr(version)


async def test_generated_value_is_made_once_and_kept() -> None:
    vault, versions = MemoryVault(), Versions()
    first = await resolve("SECRET_KEY=\n", vault, versions)
    before = await vault.get("slipway-notes-secret-key")
    assert await resolve("SECRET_KEY=\n", vault, versions) == first
    assert [(info.version, info.generated) for info in await vault.listed("notes")] == [(1, True)]
    assert await vault.get("slipway-notes-secret-key") == before


async def test_missing_user_values_are_named_and_nothing_is_made_or_stored() -> None:
    vault, versions = MemoryVault(), Versions()
    found = await resolve("STRIPE_KEY=\nSECRET_KEY=\nOPENAI_API_KEY=\nSMTP_HOST= # [optional]\n", vault, versions)
    assert found == Missing(names=("STRIPE_KEY", "OPENAI_API_KEY"))
    assert (vault.values, versions.kept) == ({}, [])


async def test_optional_missing_and_empty_defaults_are_left_out() -> None:
    version = await resolve("SMTP_HOST= # [user] [optional]\nDEBUG=\n", MemoryVault())
    assert version == EnvironmentVersion(project="notes", number=1)


async def test_what_a_person_gave_goes_before_a_default_but_not_before_the_platform() -> None:
    vault = vault_of(THEME="light", PORT="1", DATABASE_URL="postgres://elsewhere")
    version = await resolve("THEME=dark\nPORT=3000\nDATABASE_URL=\n", vault)
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"PORT": "8000"}
    assert sorted(version.secrets) == ["DATABASE_URL", "THEME"]


async def test_computed_value_that_nobody_can_compute_is_asked_for() -> None:
    text = "REGION= # [computed]\nLINK=${BASE_URL}/x # [computed]\n"
    assert await resolve(text, MemoryVault()) == Missing(names=("REGION",))
    version = await resolve(text, vault_of(REGION="eu"))
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"LINK": "http://notes.localhost/x"}


async def test_new_value_makes_a_new_version_and_the_old_one_still_finds_the_old_value() -> None:
    vault, versions = vault_of(API_TOKEN="first"), Versions()
    first = await resolve("API_TOKEN=\n", vault, versions)
    vault.hold("notes", "API_TOKEN", "second")
    second = await resolve("API_TOKEN=\n", vault, versions)
    assert isinstance(first, EnvironmentVersion)
    assert isinstance(second, EnvironmentVersion)
    assert (first.number, second.number) == (1, 2)
    assert await environment_values(first, vault) == {"API_TOKEN": "first"}
    assert await environment_values(second, vault) == {"API_TOKEN": "second"}


async def test_value_of_a_secret_is_in_no_plain_value_that_refers_to_it() -> None:
    vault = vault_of(API_TOKEN="t0ken-t0ken")
    version = await resolve("FEED=https://x/${API_TOKEN}/feed\nAPI_TOKEN=\n", vault)
    assert isinstance(version, EnvironmentVersion)
    assert "t0ken" not in version.model_dump_json()
    assert (await environment_values(version, vault))["FEED"] == "https://x/t0ken-t0ken/feed"


async def test_default_that_nobody_can_fill_is_left_out_aloud(caplog: pytest.LogCaptureFixture) -> None:
    version = await resolve("FEED=https://${NOBODY}/feed\nTHEME=dark\n", MemoryVault())
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"THEME": "dark"}
    assert "FEED of notes is left out: it refers to NOBODY, and nobody says what that is" in caplog.messages


async def test_value_of_the_wrong_kind_waits_like_a_missing_one_until_another_is_put() -> None:
    vault = vault_of(STRIPE_SECRET_KEY="pk_live_12345678", DATABASE_URL="elsewhere")
    text = "STRIPE_SECRET_KEY=\nDATABASE_URL=\nTHEME=dark\n"
    found = await resolve(text, vault)
    assert isinstance(found, Missing)
    assert found.names == ("STRIPE_SECRET_KEY", "DATABASE_URL")
    assert [found.complaints[name].what for name in found.names] == ["Stripe secret key", "address"]
    assert await vault.names("notes") == ()
    assert await resolve(text, vault) == found
    vault.hold("notes", "STRIPE_SECRET_KEY", "sk_live_12345678")
    vault.hold("notes", "DATABASE_URL", "elsewhere", unchecked=True)
    version = await resolve(text, vault)
    assert isinstance(version, EnvironmentVersion)
    assert sorted(version.secrets) == ["DATABASE_URL", "STRIPE_SECRET_KEY"]


async def test_what_the_release_does_not_want_is_not_looked_at() -> None:
    vault = vault_of(STRIPE_SECRET_KEY="of an earlier version of the app")
    assert isinstance(await resolve("THEME=dark\n", vault), EnvironmentVersion)
    assert await vault.names("notes") == ("STRIPE_SECRET_KEY",)


async def test_generated_value_is_redacted_from_its_first_moment_on() -> None:
    vault = MemoryVault()
    await resolve("SESSION_SECRET=\n", vault)
    assert redacted(f"it is {vault.held('notes')['SESSION_SECRET']}") == "it is «secret SESSION_SECRET»"


async def test_copy_beside_the_live_one_keeps_the_addresses_of_its_own_databases_and_what_is_made_of_them() -> None:
    vault = vault_of(CACHE_URL="redis://:live@redis:6379/0", PASSWORD="s3cret-word")
    env = "CACHE_URL= # [user]\nPASSWORD= # [user]\nBROKER=${CACHE_URL}?ssl=no\nQUEUE=redis://:${PASSWORD}@redis:6379/1\n"
    version = await resolve(env, vault)
    assert isinstance(version, EnvironmentVersion)
    assert await values_beside_live(version, vault, {"CACHE_URL": "redis://:own@redis-a1:6379/0"}) == {
        "CACHE_URL": "redis://:own@redis-a1:6379/0",
        "PASSWORD": "s3cret-word",
        "BROKER": "redis://:own@redis-a1:6379/0?ssl=no",
        "QUEUE": "redis://127.0.0.1:9/0",
    }


@pytest.mark.parametrize(
    ("error", "retried"), [(ServiceUnreachable("Prefect", "reading"), True), (BadInput("x"), False), (OSError(), False)]
)
def test_only_the_try_again_family_is_retried(error: Exception, retried: bool) -> None:
    run = TaskRun.model_construct()
    assert only_try_again(resolve_environment, run, Failed(data=error)) is retried


async def test_prefect_asks_the_rule_before_each_retry(prefect_api: object) -> None:
    calls: list[str] = []

    @task(retries=2, retry_delay_seconds=0, retry_condition_fn=only_try_again)
    async def fails(error: Exception) -> None:
        calls.append(type(error).__name__)
        raise error

    @flow
    async def both() -> None:
        await fails(ServiceUnreachable("Redis", "locking"), return_state=True)
        await fails(BadInput("no"), return_state=True)

    await both(return_state=True)
    assert calls == ["ServiceUnreachable"] * 3 + ["BadInput"]
