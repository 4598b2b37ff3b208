"""A recorded session plays as it is: what the real Claude block kept, the real replay server says again."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.claude.block import Claude
from deployments.desk.recording import begin_session
from deployments.replay import application
from domain.conversations import Message, ModelCall, Text
from domain.errors import BadInput
from domain.sessions import SESSION_FILE, Session
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, text, use

AT = datetime(2026, 11, 23, tzinfo=UTC)
REQUEST = "A page for notes.\nWith colours."


def call(run: str, role: str, words: str, said: tuple[str, ...] = ()) -> ModelCall:
    messages = [Message(role="user", parts=(Text(text=words),))]
    for answer in said:
        messages += [Message(role="assistant", parts=(Text(text=answer),)), Message(role="user", parts=(Text(text="go on"),))]
    return ModelCall(
        project="notes", run=run, role=role, conversation=f"{run}/{role}", turn=len(said), model="claude-haiku-4-5", system="s",
        messages=tuple(messages),
    )  # fmt: skip


async def test_session_that_was_recorded_plays_the_same_answers(tmp_path: Path) -> None:
    begin_session(tmp_path, "r-000001", REQUEST, "claude-haiku-4-5", AT)
    asked = [("product_owner", f"<request>{REQUEST}</request>", ()), ("developer", "work", ()), ("developer", "work", ("one",))]
    script = [Say([use("submit_brief", title="Notes")]), Say([text("one")]), Say([text("two")])]
    with ScriptedMessagesAPI(script) as api:
        model = Claude(api_key=SecretStr("test-key"), base_url=api.url, record=str(tmp_path))
        first = [await model.reply(call("r-000001", *each)) for each in asked]
    transport = httpx.ASGITransport(application(tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://replay") as client:
        for (role, words, said), before in zip(asked, first, strict=True):
            turns = [{"role": "user", "content": words}, *({"role": "assistant", "content": answer} for answer in said)]
            headers = {"x-slipway-role": role, "x-slipway-run": "r-other1", "x-slipway-conversation": f"r-other1/{role}"}
            played = await client.post("/v1/messages", json={"messages": turns}, headers=headers)
            assert [block["type"] for block in played.json()["content"]] == [part.type for part in before.parts]
            assert played.json()["stop_reason"] == before.stop_reason
            assert played.json()["content"][0].get("text") == getattr(before.parts[0], "text", None)


def test_description_says_what_was_asked_when_and_of_which_model(tmp_path: Path) -> None:
    begin_session(tmp_path / "new" / "folder", "r-000001", REQUEST, "claude-haiku-4-5", AT)
    session = Session.model_validate_json((tmp_path / "new" / "folder" / SESSION_FILE).read_text())
    assert (session.title, session.request, session.recorded) == ("A page for notes.", REQUEST, "2026-11-23, claude-haiku-4-5")


async def test_brief_that_nobody_accepted_makes_room(tmp_path: Path) -> None:
    begin_session(tmp_path, "r-000001", REQUEST, "m", AT)
    with ScriptedMessagesAPI([Say([use("submit_brief", title="Notes")])] * 2) as api:
        model = Claude(api_key=SecretStr("test-key"), base_url=api.url, record=str(tmp_path))
        await model.reply(call("r-000001", "product_owner", "one"))
        begin_session(tmp_path, "r-000002", "another", "m", AT)
        await model.reply(call("r-000002", "product_owner", "two"))
    begin_session(tmp_path, "r-000002", "another", "m", AT)
    lines = (tmp_path / "replies.jsonl").read_text().splitlines()
    assert [json.loads(line)["conversation"] for line in lines] == ["r-000002/product_owner"]
    assert json.loads((tmp_path / SESSION_FILE).read_text())["request"] == "another"


def test_folder_with_another_run_s_words_is_refused_untouched(tmp_path: Path) -> None:
    shutil.copytree("deployments/demo_session", tmp_path, dirs_exist_ok=True)
    before = (tmp_path / SESSION_FILE).read_text()
    with pytest.raises(BadInput, match="name a new folder with SLIPWAY_RECORD"):
        begin_session(tmp_path, "r-000001", REQUEST, "m", AT)
    assert (tmp_path / SESSION_FILE).read_text() == before


def test_folder_that_cannot_be_written_is_told_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="SLIPWAY_RECORD"):
        begin_session(tmp_path / "file" / "session", "r-000001", REQUEST, "m", AT)
