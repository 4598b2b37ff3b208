"""One suite for every vault: the real one on a Prefect server, and the fake that other tests use."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import VariableCreate
from pydantic import SecretStr

from blocks.vault import SecretVault
from domain.bots import POOL
from domain.complaints import Complaint
from domain.errors import UnknownObject
from domain.protocols import Vault
from domain.vault import newest
from tests.fakes.vault import MemoryVault

WRONG = Complaint(kind="shape", what="Stripe key", like="sk_live_…")
_numbers = count(1)


@pytest.fixture(params=["prefect", "memory"])
def vault(request: pytest.FixtureRequest) -> Vault:
    if request.param == "memory":
        return MemoryVault()
    request.getfixturevalue("prefect_api")
    return SecretVault()


@pytest.fixture
def real(prefect_api: object) -> SecretVault:
    return SecretVault()


@pytest.fixture
def project() -> str:
    """A project of this test alone: the server lives as long as the session."""
    return f"notes{next(_numbers)}"


@pytest.mark.parametrize("value", ["sk_live_1", "123456", "true", '{"a": 1}', '"quoted"', "line 1\nline 2 «ü»", " spaced "])
async def test_value_comes_back_as_it_was_given(vault: Vault, project: str, value: str) -> None:
    reference = await vault.put(project, "STRIPE_API_KEY", value)
    assert reference == f"slipway-{project}-stripe-api-key"
    assert await vault.get(reference) == value


async def test_new_value_is_a_version_beside_the_old_one(vault: Vault, project: str) -> None:
    old = await vault.put(project, "TOKEN", "old-value")
    new = await vault.put(project, "TOKEN", "the-new-value")
    assert (await vault.get(old), await vault.get(new)) == ("old-value", "the-new-value")
    listed = await vault.listed(project)
    assert [(info.version, info.reference, info.length) for info in listed] == [(1, old, 9), (2, new, 13)]
    assert newest(listed)["TOKEN"].reference == new
    assert list(await vault.names(project)) == ["TOKEN"]


async def test_newest_value_again_is_no_new_version(vault: Vault, project: str) -> None:
    await vault.put(project, "TOKEN", "old")
    new = await vault.put(project, "TOKEN", "new")
    assert await vault.put(project, "TOKEN", "new") == new
    assert await vault.put(project, "TOKEN", "old") not in (new, f"slipway-{project}-token")


async def test_what_is_listed_says_age_length_and_maker_and_holds_no_value(vault: Vault, project: str) -> None:
    await vault.put(project, "TOKEN", "hunter2-hunter2", generated=True)
    (info,) = await vault.listed(project)
    assert (info.key, info.length, info.generated, info.complaint) == ("TOKEN", 15, True, None)
    assert datetime.now(UTC) - info.made < timedelta(minutes=1)
    assert "hunter2" not in info.model_dump_json()


async def test_keys_are_listed_as_they_were_given_and_by_project(vault: Vault, project: str) -> None:
    assert await vault.listed(project) == []
    await vault.put(project, "camelCase_Key", "2")
    await vault.put(project, "OPENAI_API_KEY", "1")
    await vault.put(f"{project}-two", "OTHER", "3")
    assert list(await vault.names(project)) == ["OPENAI_API_KEY", "camelCase_Key"]
    assert list(await vault.names(f"{project}-two")) == ["OTHER"]


async def test_two_secrets_never_share_a_block(vault: Vault, project: str) -> None:
    """Each of these would have the name of another one's block."""
    given = {
        (project, "B_TOKEN"): "of the project",
        (f"{project}-b", "TOKEN"): "of another project",
        (project, "b_token"): "in lower case",
        (project, "B_TOKEN_V2"): "a key that ends like a version",
    }
    references = {owner: await vault.put(*owner, value) for owner, value in given.items()}
    rotated = await vault.put(project, "B_TOKEN", "the second of B_TOKEN")
    assert len({*references.values(), rotated}) == 5
    assert {owner: await vault.get(reference) for owner, reference in references.items()} == given
    await vault.delete(f"{project}-b", "TOKEN")
    assert list(await vault.names(project)) == ["B_TOKEN", "B_TOKEN_V2", "b_token"]
    assert await vault.get(newest(await vault.listed(project))["B_TOKEN"].reference) == "the second of B_TOKEN"


async def test_value_that_was_complained_of_is_missing_until_another_one_is_put(vault: Vault, project: str) -> None:
    reference = await vault.put(project, "STRIPE_KEY", "pk_1")
    await vault.complain(reference, WRONG)
    assert list(await vault.names(project)) == []
    assert [info.complaint for info in await vault.listed(project)] == [WRONG]
    await vault.put(project, "STRIPE_KEY", "pk_1")
    assert list(await vault.names(project)) == []
    await vault.put(project, "STRIPE_KEY", "sk_live_1")
    assert list(await vault.names(project)) == ["STRIPE_KEY"]


async def test_person_can_have_a_value_used_whatever_it_looks_like(vault: Vault, project: str) -> None:
    await vault.complain(await vault.put(project, "STRIPE_KEY", "pk_1"), WRONG)
    await vault.put(project, "STRIPE_KEY", "pk_1", unchecked=True)
    (info,) = await vault.listed(project)
    assert (info.version, info.unchecked, info.complaint) == (1, True, None)
    assert list(await vault.names(project)) == ["STRIPE_KEY"]


async def test_complaint_of_what_is_not_there_is_nothing(vault: Vault, project: str) -> None:
    await vault.complain(f"slipway-{project}-nothing", WRONG)
    assert await vault.listed(project) == []


async def test_deleted_key_is_gone_with_all_its_versions(vault: Vault, project: str) -> None:
    references = [await vault.put(project, "TOKEN", value) for value in ("x", "y")]
    await vault.put(project, "OTHER", "z")
    await vault.delete(project, "TOKEN")
    await vault.delete(project, "TOKEN")
    assert list(await vault.names(project)) == ["OTHER"]
    for reference in references:
        with pytest.raises(UnknownObject, match=reference):
            await vault.get(reference)


async def test_forgotten_version_is_gone_and_the_others_stay(vault: Vault, project: str) -> None:
    old, new = [await vault.put(project, "TOKEN", value) for value in ("x", "y")]
    foreign = await vault.put(f"{project}-b", "TOKEN", "z")
    await vault.forget(project, [old, foreign, "never-there"])
    await vault.forget(project, [old])
    assert [info.reference for info in await vault.listed(project)] == [new]
    assert await vault.get(foreign) == "z"
    assert await vault.put(project, "TOKEN", "x") not in (old, new)


async def test_cleared_project_keeps_nothing_and_others_keep_all(vault: Vault, project: str) -> None:
    for key, value in (("TOKEN", "x"), ("TOKEN", "y"), ("OTHER", "z")):
        await vault.put(project, key, value)
    kept = await vault.put(f"{project}-b", "TOKEN", "of another")
    await vault.clear(project)
    await vault.clear(project)
    assert await vault.listed(project) == []
    assert await vault.get(kept) == "of another"


async def edit(vault: Vault, name: str, value: str) -> None:
    """Store a block as a person does in Prefect's UI."""
    if isinstance(vault, MemoryVault):
        vault.edit(name, value)
    else:
        await Secret(value=SecretStr(value)).save(name, overwrite=True)


async def test_block_stored_in_the_ui_is_taken_in_when_it_is_asked_for(vault: Vault, project: str) -> None:
    await vault.adopt(project, "TOKEN")
    await edit(vault, f"slipway-{project}-token", "by hand")
    assert list(await vault.names(project)) == []
    await vault.adopt(project, "TOKEN")
    (info,) = await vault.listed(project)
    assert (info.key, info.version, info.length) == ("TOKEN", 1, 7)
    assert list(await vault.names(project)) == ["TOKEN"]


async def test_block_of_another_secret_is_not_taken_in(vault: Vault, project: str) -> None:
    await vault.put(project, "B_TOKEN", "x")
    await vault.adopt(f"{project}-b", "TOKEN")
    assert await vault.listed(f"{project}-b") == []


async def test_value_changed_in_the_ui_ends_the_complaint_about_it(vault: Vault, project: str) -> None:
    reference = await vault.put(project, "STRIPE_KEY", "pk_1")
    await vault.complain(reference, WRONG)
    await vault.adopt(project, "STRIPE_KEY")
    assert list(await vault.names(project)) == []
    await edit(vault, reference, "sk_live_123")
    await vault.adopt(project, "STRIPE_KEY")
    (info,) = await vault.listed(project)
    assert (info.version, info.length, info.complaint) == (1, 11, None)


# what only the real one can show


async def test_block_deleted_in_the_ui_is_missing_and_can_be_put_again(real: SecretVault, project: str) -> None:
    await Secret.adelete(await real.put(project, "TOKEN", "x"))
    assert list(await real.names(project)) == []
    assert await real.get(await real.put(project, "TOKEN", "y")) == "y"
    assert list(await real.names(project)) == ["TOKEN"]


async def test_kill_between_claim_and_value_leaves_nothing_that_counts(real: SecretVault, project: str) -> None:
    name = f"slipway-{project}-token"
    claim = VariableCreate(name=name, value={"project": project, "key": "TOKEN"}, tags=["slipway-secret", f"project:{project}"])
    async with get_client() as client:
        await client.create_variable(claim)
    assert await real.listed(project) == []
    assert await real.put(project, "TOKEN", "x") != name
    await real.clear(project)
    async with get_client() as client:
        assert await client.read_variable_by_name(name) is None


async def test_secret_of_before_versions_is_its_first_one(real: SecretVault, project: str) -> None:
    name = f"slipway-{project}-token"
    await edit(real, name, "of before")
    claim = VariableCreate(name=name, value={"project": project, "key": "TOKEN"}, tags=["slipway-secret", f"project:{project}"])
    async with get_client() as client:
        await client.create_variable(claim)
    (info,) = await real.listed(project)
    assert (info.key, info.version, info.reference, info.length) == ("TOKEN", 1, name, None)


async def test_value_is_masked_for_whoever_may_not_see_it(real: SecretVault, project: str) -> None:
    reference = await real.put(project, "HIDDEN", "correct-horse-battery")
    async with get_client() as client:
        document = await client.read_block_document_by_name(reference, "secret", include_secrets=False)
        variables = await client.read_variables(limit=200)
    assert "correct-horse-battery" not in document.model_dump_json()
    assert "correct-horse-battery" not in str(variables)


async def test_tokens_of_the_bot_pool_lie_apart_from_every_projects_secrets(vault: Vault) -> None:
    number = f"90{next(_numbers)}"
    reference = await vault.put(POOL, f"BOT_{number}", "a-token")
    assert reference == f"slipway--bots-bot-{number}"
    assert await vault.get(reference) == "a-token"
    assert await vault.names("bots") == ()
    await vault.delete(POOL, f"BOT_{number}")
    assert f"BOT_{number}" not in await vault.names(POOL)
