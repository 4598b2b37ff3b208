"""A session is recorded through the block and played again through the block: real HTTP both ways."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.testclient import TestClient

from blocks.claude.block import Claude
from deployments.replay import application
from domain.conversations import Message, ModelCall, ModelReply, Opaque, Part, Text, ToolUse
from domain.errors import ModelRequestRefused
from domain.sessions import REPLIES_FILE, SESSION_FILE, RecordedReply, Session
from domain.usage import TokenUsage

REQUEST = "Build me a link shortener."
USAGE = TokenUsage(input=12, output=345, cache_read=678, cache_write=90)


def line(role: str, turn: int, *parts: Part, conversation: str = "") -> RecordedReply:
    name = conversation or f"r-old/{role}"
    stop = "tool_use" if any(isinstance(part, ToolUse) for part in parts) else "end_turn"
    return RecordedReply(
        role=role, conversation=name, turn=turn, model="claude-sonnet-5-5", stop_reason=stop, parts=parts, usage=USAGE
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    session = Session(title="Links", request=REQUEST, recorded="2026-11-23 with claude-sonnet-5-5")
    thought = Opaque(raw={"type": "thinking", "thinking": "hm", "signature": "s"})
    replies = [
        line(
            "product_owner", 0, ToolUse(id="t1", name="submit_brief", input={"title": "Links – ссылки", "n": [1, {"a": None}]})
        ),
        line("developer", 0, thought, Text(text="Привет. " * 200), ToolUse(id="t2", name="bash", input={})),
        line("developer", 1, Text(text="done")),
        line("developer", 0, Text(text="second"), conversation="r-old/developer/fix"),
    ]
    (tmp_path / SESSION_FILE).write_text(session.model_dump_json())
    (tmp_path / REPLIES_FILE).write_text("".join(reply.model_dump_json() + "\n" for reply in replies))
    return tmp_path


@contextmanager
def playing(folder: Path) -> Iterator[Claude]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(folder), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield Claude(api_key=SecretStr("none"), base_url=f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()


def ask(role: str, turn: int = 0, said: str = "hello", run: str = "r-new", conversation: str = "") -> ModelCall:
    user, assistant = Message(role="user", parts=(Text(text=said),)), Message(role="assistant", parts=(Text(text="a"),))
    return ModelCall(
        project="p",
        run=run,
        role=role,
        conversation=conversation or f"{run}/{role}",
        turn=turn,
        model="any-model",
        system="A prompt that has changed since.",
        messages=(user, *(assistant, user) * turn),
    )


async def test_answers_are_played_by_role_and_turn_with_their_usage(folder: Path) -> None:
    with playing(folder) as claude:
        brief = await claude.reply(ask("product_owner", said=f"A person says:\n\n Build  me a\nlink shortener.\n{'-' * 9}"))
        assert brief.parts == (ToolUse(id="t1", name="submit_brief", input={"title": "Links – ссылки", "n": [1, {"a": None}]}),)
        first = await claude.reply(ask("developer"))
        assert first == ModelReply(
            parts=(
                Opaque(raw={"type": "thinking", "thinking": "hm", "signature": "s"}),
                Text(text="Привет. " * 200),
                ToolUse(id="t2", name="bash", input={}),
            ),
            stop_reason="tool_use",
            model="claude-sonnet-5-5",
            usage=USAGE,
        )
        assert (await claude.reply(ask("developer", 1))).parts == (Text(text="done"),)


async def test_the_same_turn_again_plays_the_same_answer(folder: Path) -> None:
    with playing(folder) as claude:
        assert await claude.reply(ask("developer")) == await claude.reply(ask("developer"))
        assert await claude.reply(ask("developer", run="r-other")) == await claude.reply(ask("developer"))


async def test_another_request_is_refused_with_the_cure(folder: Path) -> None:
    with playing(folder) as claude, pytest.raises(ModelRequestRefused) as caught:
        await claude.reply(ask("product_owner", said="Build me a shop."))
    assert str(caught.value) == (
        "the model service refused the request (400): this machine plays a recorded session that only knows the request "
        "'Build me a link shortener.': set ANTHROPIC_API_KEY to build anything else"
    )


@pytest.mark.parametrize(("role", "turn"), [("developer", 2), ("tester", 0)])
async def test_a_session_without_an_answer_left_says_where(folder: Path, role: str, turn: int) -> None:
    with playing(folder) as claude, pytest.raises(ModelRequestRefused) as caught:
        await claude.reply(ask(role, turn))
    assert f"the recorded session has no answer left for role {role}, conversation 1, turn {turn}" in str(caught.value)


async def test_conversations_of_one_role_are_told_apart_by_name_also_after_a_restart(folder: Path) -> None:
    for _ in range(2):
        with playing(folder) as claude:
            assert (await claude.reply(ask("developer", conversation="r-new/developer/fix"))).parts == (Text(text="second"),)


async def test_conversations_with_unknown_names_are_told_apart_by_the_order_of_their_run(folder: Path) -> None:
    with playing(folder) as claude:
        for run in ("r-one", "r-two"):
            assert len((await claude.reply(ask("developer", run=run, conversation=f"{run}/x"))).parts) == 3
            assert (await claude.reply(ask("developer", run=run, conversation=f"{run}/y"))).parts == (Text(text="second"),)
            assert len((await claude.reply(ask("developer", run=run, conversation=f"{run}/x"))).parts) == 3


async def test_what_was_recorded_can_be_played(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with playing(folder) as claude:
        recorder = Claude(api_key=claude.api_key, base_url=claude.base_url, record=str(copy))
        replies = [await recorder.reply(ask("developer", turn)) for turn in (0, 1)]
    (copy / SESSION_FILE).write_bytes((folder / SESSION_FILE).read_bytes())
    with playing(copy) as claude:
        assert [await claude.reply(ask("developer", turn, run="r-third")) for turn in (0, 1)] == replies


def test_a_request_that_is_not_streamed_gets_one_json_document(folder: Path) -> None:
    client = TestClient(application(folder))
    body = {"messages": [{"role": "user", "content": "hello"}]}
    answer = client.post("/v1/messages", json=body, headers={"X-Slipway-Role": "developer"}).json()
    assert [block["type"] for block in answer["content"]] == ["thinking", "text", "tool_use"]
    assert answer["usage"] == {
        "input_tokens": 12,
        "output_tokens": 345,
        "cache_read_input_tokens": 678,
        "cache_creation_input_tokens": 90,
    }


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"{}", json.dumps({"messages": 5}).encode()])
def test_a_malformed_request_gets_an_error_in_the_published_shape(folder: Path, body: bytes) -> None:
    answer = TestClient(application(folder)).post("/v1/messages", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_call_without_a_role_is_told_so(folder: Path) -> None:
    answer = TestClient(application(folder)).post("/v1/messages", json={"messages": []})
    assert "X-Slipway-Role: it is missing" in answer.json()["error"]["message"]
