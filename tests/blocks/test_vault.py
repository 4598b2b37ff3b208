import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client

from blocks.vault import SecretVault
from domain.errors import BadInput, UnknownObject
from domain.protocols import Vault


@pytest.fixture
def vault(prefect_api: object) -> Vault:
    return SecretVault()


@pytest.mark.parametrize("value", ["sk_live_1", "123456", "true", '{"a": 1}', '"quoted"', "line 1\nline 2 «ü»", " spaced "])
async def test_value_comes_back_as_it_was_given(vault: Vault, value: str) -> None:
    reference = await vault.put("notes", "STRIPE_API_KEY", value)
    assert reference == "slipway-notes-stripe-api-key"
    assert await vault.get(reference) == value


async def test_new_value_replaces_the_old_one(vault: Vault) -> None:
    await vault.put("notes", "ROTATED", "old-value")
    assert await vault.get(await vault.put("notes", "ROTATED", "new-value")) == "new-value"


async def test_keys_are_listed_as_they_were_given_and_by_project(vault: Vault) -> None:
    assert await vault.names("shop") == []
    await vault.put("shop", "OPENAI_API_KEY", "1")
    await vault.put("shop", "camelCase_Key", "2")
    await vault.put("shop-two", "OTHER", "3")
    assert await vault.names("shop") == ["OPENAI_API_KEY", "camelCase_Key"]
    assert await vault.names("shop-two") == ["OTHER"]


async def test_deleted_key_is_gone(vault: Vault) -> None:
    reference = await vault.put("gone", "TOKEN", "x")
    await vault.delete("gone", "TOKEN")
    await vault.delete("gone", "TOKEN")
    assert await vault.names("gone") == []
    with pytest.raises(UnknownObject, match=reference):
        await vault.get(reference)


async def test_block_deleted_in_the_ui_is_missing_and_can_be_put_again(vault: Vault) -> None:
    reference = await vault.put("ui", "TOKEN", "x")
    await Secret.adelete(reference)
    assert await vault.names("ui") == []
    await vault.put("ui", "TOKEN", "y")
    assert await vault.names("ui") == ["TOKEN"]


async def test_two_secrets_never_share_a_block(vault: Vault) -> None:
    await vault.put("a", "B_TOKEN", "of a")
    with pytest.raises(BadInput, match="another name"):
        await vault.put("a-b", "TOKEN", "of a-b")
    with pytest.raises(BadInput):
        await vault.put("a", "b_token", "of a, in lower case")
    await vault.delete("a-b", "TOKEN")
    assert await vault.get("slipway-a-b-token") == "of a"


async def test_value_is_masked_for_whoever_may_not_see_it(vault: Vault) -> None:
    reference = await vault.put("notes", "HIDDEN", "correct-horse-battery")
    async with get_client() as client:
        document = await client.read_block_document_by_name(reference, "secret", include_secrets=False)
        variables = await client.read_variables(limit=200)
    assert "correct-horse-battery" not in document.model_dump_json()
    assert "correct-horse-battery" not in str(variables)
