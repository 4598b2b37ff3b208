"""What the files leave open is asked once, of a model that sees no secret; without an answer it is the user's."""

import pytest

from blocks.registry.block import SqlRegistry
from domain.conversations import ModelClient
from domain.env_values import placeholder_values
from domain.environment import Requirements, Source, Variable
from domain.errors import BadInput
from tasks.env_analyzer import analyze_environment
from tests.fakes.messages_api import Fault, ScriptedMessagesAPI, text, use
from tests.tasks.test_roles import MODEL, claude, say

INFRA, USER, DEFAULT = Source.INFRA, Source.USER, Source.DEFAULT
TEXT = "# Keeps visitors apart\nWIDGET=\nGADGET=<id>\nSTRIPE_KEY=\nTHEME=dark\n"
ANSWER = use("submit_sources", variables=[{"name": "WIDGET", "source": "infra"}, {"name": "GADGET", "source": "default"}])


async def analyzed(
    registry: SqlRegistry, text: str, api: ScriptedMessagesAPI | None, run: str = "r-000001", app: str = ""
) -> Requirements:
    model: ModelClient = claude(api) if api else None  # type: ignore[assignment]  # shouts when anything asks it
    files = {".env.example": text, "app.json": app}
    return await analyze_environment.fn(run, "notes", files, MODEL if api else "", model, registry)


def sources(wanted: Requirements) -> dict[str, Source]:
    return {variable.name: variable.source for variable in wanted.variables}


async def test_only_what_the_files_leave_open_is_asked_and_the_answer_is_kept(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([say(ANSWER)]) as api:
        first = await analyzed(registry, TEXT, api)
        again = await analyzed(registry, TEXT, api, run="r-000002")
    assert sources(first) == {"WIDGET": INFRA, "GADGET": DEFAULT, "STRIPE_KEY": USER, "THEME": DEFAULT}
    assert again == first == await analyzed(registry, TEXT, None)
    (asked,) = api.requests
    words = str(asked.body["messages"])
    assert "- WIDGET # Keeps visitors apart" in words
    assert "- GADGET = <id>" in words
    assert not {"STRIPE_KEY", "THEME"} & set(words.split())
    assert (await registry.cost(run="r-000001")).calls == 1
    assert "GADGET" not in placeholder_values(first, {})


async def test_rehearsal_and_release_agree_on_what_was_decided(registry: SqlRegistry) -> None:
    await registry.decide_variables("notes", {"WIDGET": INFRA}, "a test")
    await registry.decide_variables("notes", {"WIDGET": USER, "GADGET": DEFAULT}, "a later one")
    assert sources(await analyzed(registry, TEXT, None))["WIDGET"] is INFRA
    assert await registry.variables("notes") == {"WIDGET": INFRA, "GADGET": DEFAULT}


async def test_default_that_looks_like_a_secret_is_not_shown(registry: SqlRegistry) -> None:
    secrets = ("0123456789abcdef0123456789abcdef", "https://user:hunter2@api.example.org", "aB3dE6gH9jK2mN5pQ8sT1vW4")
    text = "".join(f"OPAQUE_{number}={secret}\n" for number, secret in enumerate(secrets))
    answer = use("submit_sources", variables=[{"name": f"OPAQUE_{number}", "source": "user"} for number in range(3)])
    with ScriptedMessagesAPI([say(answer)]) as api:
        await analyzed(registry, text, api)
    sent = str(api.requests[0].body)
    assert sent.count("= (hidden)") == 3
    assert not any(secret in sent for secret in secrets)


async def test_answer_that_leaves_one_out_is_not_taken(registry: SqlRegistry) -> None:
    lacking = use("submit_sources", variables=[{"name": "WIDGET", "source": "infra"}, {"name": "THEME", "source": "infra"}])
    with ScriptedMessagesAPI([say(lacking), say(ANSWER)]) as api:
        found = await analyzed(registry, TEXT, api)
    assert sources(found)["GADGET"] is DEFAULT
    assert "GADGET is missing" in str(api.requests[1].body["messages"])
    assert "THEME was not asked about" in str(api.requests[1].body["messages"])


@pytest.mark.parametrize(
    "answer", [say(text("I cannot tell.")), Fault(400, "invalid_request_error"), Fault(401, "authentication_error")]
)
async def test_no_answer_makes_it_the_users_and_fails_nothing(registry: SqlRegistry, answer: object) -> None:
    with ScriptedMessagesAPI([answer] * 4) as api:  # type: ignore[list-item]
        found = await analyzed(registry, TEXT, api)
    assert sources(found)["WIDGET"] is USER
    assert await registry.variables("notes") == {}


async def test_spent_budget_makes_it_the_users_too(registry: SqlRegistry) -> None:
    await registry.reserve("all", "notes", "r-000001", "developer", MODEL, 5_000_000)
    with ScriptedMessagesAPI([]) as api:
        assert sources(await analyzed(registry, TEXT, api))["WIDGET"] is USER


async def test_files_that_are_not_there_need_nothing(registry: SqlRegistry) -> None:
    assert await analyzed(registry, "", None) == Requirements()
    found = await analyzed(registry, "", None, app='{"env": {"THEME": "dark"}}')
    assert found == Requirements(variables=(Variable(name="THEME", source=DEFAULT, default="dark"),))


async def test_file_that_cannot_be_read_is_told(registry: SqlRegistry) -> None:
    with pytest.raises(BadInput, match="line 1"):
        await analyzed(registry, "A='never closed", None)
