"""A changed wish becomes an amended Brief, in the Product Owner's own conversation."""

import json

from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.registry.block import SqlRegistry
from domain.briefs import AcceptanceCheck, Brief
from domain.outcomes import Abandoned
from tasks.product_owner import amend_brief
from tests.fakes.messages_api import Answer, Asked, Say, ScriptedMessagesAPI, text, use
from tests.tasks.conftest import brief, request

WORDS = "no lists, only a counter"


def counter(**changes: object) -> Brief:
    return brief("other", title="Counter", checks=(AcceptanceCheck(id="count", text="When I press, it counts"),), **changes)


async def amended(registry: SqlRegistry, api: ScriptedMessagesAPI) -> Brief | Abandoned:
    model = Claude(api_key=SecretStr("test-key"), base_url=api.url)
    return await amend_brief.fn(request(), 1, WORDS, "claude-sonnet-5-5", model, registry)


async def test_the_person_and_the_present_brief_are_heard_and_the_name_stays(registry: SqlRegistry) -> None:
    def answer(asked: Asked) -> Answer:
        said = json.dumps(asked.body["messages"])
        assert WORDS in said
        assert "keep notes" in said
        return Say([use("submit_brief", **counter(retires=("keep",)).model_dump(mode="json"))])

    with ScriptedMessagesAPI(answer) as api:
        found = await amended(registry, api)
        assert found == await amended(registry, api)
        assert len(api.requests) == 1
    assert isinstance(found, Brief)
    assert (found.title, found.slug, found.kind, found.retires) == ("Counter", "notes", "web-service", ())


async def test_a_model_that_gives_no_brief_leaves_the_wish_as_it_was(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI(lambda asked: Say([text("I would rather not.")])) as api:
        found = await amended(registry, api)
    assert isinstance(found, Abandoned)
    assert found.reason == "stuck"
