from collections.abc import Sequence

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from domain.environment import EnvironmentVersion, Missing, Requirements, Source, Variable
from domain.errors import BadInput, ServiceUnreachable, UnknownObject
from domain.names import secret_block_name
from tasks.env_analyzer import analyze_environment
from tasks.retrying import only_try_again
from tasks.secret_resolver import environment_values, resolve_environment

CONTEXT = {"PORT": "8000", "DATA_DIR": "/data", "BASE_URL": "http://notes.localhost"}


class MemoryVault:
    """Keeps values in memory; `generated` counts what was put by the code under test."""

    def __init__(self, project: str, values: dict[str, str]) -> None:
        self._names = {(project, key): secret_block_name(project, key) for key in values}
        self._values = {secret_block_name(project, key): value for key, value in values.items()}
        self.generated: list[str] = []

    async def put(self, project: str, key: str, value: str) -> str:
        self.generated.append(key)
        reference = self._names[project, key] = secret_block_name(project, key)
        self._values[reference] = value
        return reference

    async def get(self, reference: str) -> str:
        if reference not in self._values:
            raise UnknownObject("secret", reference)
        return self._values[reference]

    async def names(self, project: str) -> Sequence[str]:
        return sorted(key for owner, key in self._names if owner == project)

    async def delete(self, project: str, key: str) -> None:
        self._values.pop(self._names.pop((project, key), ""), None)


class Versions:
    """The part of the registry that keeps environment versions: equal content gives the newest one back."""

    def __init__(self) -> None:
        self.kept: list[EnvironmentVersion] = []

    async def add_environment(self, project: str, secrets: dict[str, str], plain: dict[str, str]) -> EnvironmentVersion:
        version = EnvironmentVersion(project=project, number=len(self.kept) + 1, secrets=secrets, plain=plain)
        if self.kept and self.kept[-1].model_copy(update={"number": version.number}) == version:
            return self.kept[-1]
        self.kept.append(version)
        return version


async def resolve(
    text: str, vault: MemoryVault, versions: Versions | None = None, context: dict[str, str] = CONTEXT
) -> EnvironmentVersion | Missing:
    wanted = await analyze_environment.fn({".env.example": text})
    return await resolve_environment.fn("notes", wanted, context, vault, versions or Versions())  # type: ignore[arg-type]


async def test_each_value_comes_from_whom_the_file_names() -> None:
    vault = MemoryVault("notes", {"STRIPE_KEY": "sk_1"})
    version = await resolve("SECRET_KEY=\nPORT=\nTHEME=dark\nSTRIPE_KEY= # [user]\nDATABASE_URL=\n", vault)
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"PORT": "8000", "THEME": "dark", "DATABASE_URL": "sqlite:////data/app.db"}
    assert version.secrets == {"SECRET_KEY": "slipway-notes-secret-key", "STRIPE_KEY": "slipway-notes-stripe-key"}
    values = await environment_values(version, vault)  # type: ignore[arg-type]
    assert (values["STRIPE_KEY"], values["PORT"], len(values["SECRET_KEY"])) == ("sk_1", "8000", 64)


async def test_no_secret_value_is_in_the_result() -> None:
    vault = MemoryVault("notes", {"STRIPE_KEY": "sk_live_9"})
    version = await resolve("SECRET_KEY=\nSTRIPE_KEY=\n", vault)
    assert "sk_live_9" not in repr(version)
    assert await vault.get("slipway-notes-secret-key") not in repr(version)


async def test_generated_value_is_made_once_and_kept() -> None:
    vault, versions = MemoryVault("notes", {}), Versions()
    first = await resolve("SECRET_KEY=\n", vault, versions)
    before = await vault.get("slipway-notes-secret-key")
    assert await resolve("SECRET_KEY=\n", vault, versions) == first
    assert vault.generated == ["SECRET_KEY"]
    assert await vault.get("slipway-notes-secret-key") == before


async def test_missing_user_values_are_named_and_nothing_is_made_or_stored() -> None:
    vault, versions = MemoryVault("notes", {}), Versions()
    found = await resolve("STRIPE_KEY=\nSECRET_KEY=\nOPENAI_API_KEY=\nSMTP_HOST= # [optional]\n", vault, versions)
    assert found == Missing(names=("STRIPE_KEY", "OPENAI_API_KEY"))
    assert (vault.generated, versions.kept) == ([], [])


async def test_optional_missing_and_empty_defaults_are_left_out() -> None:
    version = await resolve("SMTP_HOST= # [user] [optional]\nDEBUG=\n", MemoryVault("notes", {}))
    assert version == EnvironmentVersion(project="notes", number=1)


async def test_what_a_person_gave_goes_before_a_default_but_not_before_the_platform() -> None:
    vault = MemoryVault("notes", {"THEME": "light", "PORT": "1", "DATABASE_URL": "postgres://elsewhere"})
    version = await resolve("THEME=dark\nPORT=3000\nDATABASE_URL=\n", vault)
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"PORT": "8000"}
    assert sorted(version.secrets) == ["DATABASE_URL", "THEME"]


async def test_computed_value_that_nobody_can_compute_is_asked_for() -> None:
    text = "REGION= # [computed]\nLINK=${BASE_URL}/x # [computed]\n"
    assert await resolve(text, MemoryVault("notes", {})) == Missing(names=("REGION",))
    version = await resolve(text, MemoryVault("notes", {"REGION": "eu"}))
    assert isinstance(version, EnvironmentVersion)
    assert version.plain == {"LINK": "http://notes.localhost/x"}


async def test_files_that_are_not_there_need_nothing() -> None:
    assert await analyze_environment.fn({}) == Requirements()
    assert await analyze_environment.fn({"app.json": '{"env": {"THEME": "dark"}}'}) == Requirements(
        variables=(Variable(name="THEME", source=Source.DEFAULT, default="dark"),)
    )


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
