import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.claude.block import Claude
from domain.conversations import Heard, Image, Message, ModelCall, Opaque, Part, Summary, Text, ToolResult, ToolSpec, ToolUse
from domain.drafts import Deed, deed_in, reply_in
from domain.errors import ModelKeyRefused, ModelOverloaded, ModelRequestRefused, ServiceUnreachable, SlipwayError
from domain.sessions import RecordedReply
from domain.usage import TokenUsage
from tests.fakes.messages_api import (
    Answer,
    Cut,
    ErrorInStream,
    Fault,
    Garbage,
    Hang,
    Say,
    ScriptedMessagesAPI,
    Stall,
    garbled,
    text,
    thinking,
    use,
)
from tests.fakes.writing import Seen

SAYS, TAKE_CARE = "The person whose request this is says now:", "Take it into account from here on."
TOOLS = (
    ToolSpec(name="bash", type="bash_20250124"),
    ToolSpec(name="finish", description="Hand in", input_schema={"type": "object", "properties": {}}),
)


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts or (Text(text="hello"),))


def call(*messages: Message, turn: int = 0) -> ModelCall:
    return ModelCall(
        project="notes",
        run="r-abc123",
        role="developer",
        conversation="r-abc123/developer",
        turn=turn,
        model="claude-sonnet-5-5",
        system="You build things.",
        messages=messages or (user(),),
        tools=TOOLS,
        max_tokens=1000,
    )


def block(api: ScriptedMessagesAPI, record: Path | None = None, key: str = "test-key", silence: float = 60.0) -> Claude:
    folder = str(record) if record else None
    return Claude(api_key=SecretStr(key), base_url=api.url, record=folder, silence_seconds=silence)


async def failure(answer: Answer, silence: float = 60.0) -> SlipwayError:
    with ScriptedMessagesAPI([answer]) as api:
        claude = block(api, silence=silence)
        with pytest.raises(SlipwayError) as caught:
            await claude.reply(call())
        api.assert_exhausted()
        return caught.value


async def test_an_answer_comes_back_as_our_values() -> None:
    content = [
        thinking("hm"),
        text("ok"),
        use("bash", "toolu_a", command="ls " + "x" * 900),
        {"type": "redacted_thinking", "data": "zz"},
    ]
    with ScriptedMessagesAPI([Say(content, output_tokens=77)]) as api:
        claude = block(api)
        reply = await claude.reply(call())
    assert reply.stop_reason == "tool_use"
    assert reply.model == "claude-sonnet-5-5"
    assert reply.usage.output == 77
    assert reply.parts == (
        Opaque(raw={"type": "thinking", "thinking": "hm", "signature": "signature-0"}),
        Text(text="ok"),
        ToolUse(id="toolu_a", name="bash", input={"command": "ls " + "x" * 900}),
        Opaque(raw={"type": "redacted_thinking", "data": "zz"}),
    )


async def test_the_request_on_the_wire_is_exactly_this() -> None:
    with ScriptedMessagesAPI([Say([text("done")])]) as api:
        claude = block(api)
        first = user(Text(text="look"), Image(media_type="image/png", base64="iVBORw0KGgo="))
        asked = Message(role="assistant", parts=(Text(text=" "), ToolUse(id="t1", name="bash", input={"command": "ls"})))
        told = user(ToolResult(tool_use_id="t1", text="", is_error=True))
        more = user(Text(text="Round 2"), Summary(until=1, text="in short"), Heard(sequence=1, text="blue"))
        await claude.reply(call(first, asked, told, more, turn=1))
    mark = {"cache_control": {"type": "ephemeral"}}
    assert api.requests[0].body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1000,
        "stream": True,
        "system": [{"type": "text", "text": "You build things.", **mark}],
        "tools": [
            {"type": "bash_20250124", "name": "bash"},
            {"name": "finish", "description": "Hand in", "input_schema": {"type": "object", "properties": {}}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}, **mark},
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "[nothing]", "is_error": True},
                    {"type": "text", "text": "Round 2"},
                    {"type": "text", "text": "in short"},
                    {"type": "text", "text": f"{SAYS}\n<remark>\nblue\n</remark>\n{TAKE_CARE}", **mark},
                ],
            },
        ],
    }
    sent = api.requests[0].headers
    assert {name: sent[name] for name in sorted(sent) if name.startswith("x-slipway")} == {
        "x-slipway-conversation": "r-abc123/developer",
        "x-slipway-role": "developer",
        "x-slipway-run": "r-abc123",
        "x-slipway-turn": "1",
    }


async def test_thinking_goes_back_unchanged_and_the_earlier_request_is_read_from_the_cache() -> None:
    with ScriptedMessagesAPI([Say([thinking(), use("bash", "t1", command="ls")]), Say([text("done")])]) as api:
        claude = block(api)
        first = await claude.reply(call())
        answered = Message(role="assistant", parts=first.parts)
        second = await claude.reply(call(user(), answered, user(ToolResult(tool_use_id="t1", text="files")), turn=1))
        api.assert_exhausted()
    assert first.usage.cache_write > 0
    assert second.usage.cache_read == first.usage.cache_write
    assert second.usage.input == 0


DEEP = '{"a":' + "[" * 2000 + "]" * 2000 + "}"


@pytest.mark.parametrize(
    "written",
    ['["ls"]', '{"command": ls}', '{"command": "l', "null", '{"n": NaN}', '{"n": 1e999}', r'{"c": "\ud83d"}', DEEP],
    ids=lambda text: text[:20],
)
async def test_input_that_is_no_json_object_is_marked_and_the_answer_kept(written: str) -> None:
    with ScriptedMessagesAPI([Say([text("so"), garbled("bash", written) | {"id": "t1"}])]) as api:
        claude = block(api)
        reply = await claude.reply(call())
    assert reply.parts == (Text(text="so"), ToolUse(id="t1", name="bash", input={}, malformed=True))
    assert reply.usage.output == 50


async def test_an_empty_answer_has_no_parts() -> None:
    with ScriptedMessagesAPI([Say([], stop_reason="end_turn")]) as api:
        claude = block(api)
        assert (await claude.reply(call())).parts == ()


@pytest.mark.parametrize(("status", "kind"), [(401, ModelKeyRefused), (403, ModelKeyRefused)])
async def test_a_refused_key_needs_a_person(status: int, kind: type[SlipwayError]) -> None:
    assert isinstance(await failure(Fault(status, "authentication_error")), kind)


@pytest.mark.parametrize("status", [400, 402, 404, 413, 422])
async def test_a_refused_request_says_status_and_reason(status: int) -> None:
    error = await failure(Fault(status, "invalid_request_error", message="max_tokens: too large"))
    assert isinstance(error, ModelRequestRefused)
    assert str(error) == f"the model service refused the request ({status}): max_tokens: too large"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_a_busy_service_asks_to_wait(status: int) -> None:
    error = await failure(Fault(status, message="busy"))
    assert isinstance(error, ModelOverloaded)
    assert (error.args[0], error.retry_after) == (status, None)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("tomorrow", None)])
async def test_retry_after_is_passed_on(header: str, seconds: float | None) -> None:
    error = await failure(Fault(429, "rate_limit_error", retry_after=header))
    assert isinstance(error, ModelOverloaded)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("kind", "status"), [("overloaded_error", 529), ("api_error", 500), ("rate_limit_error", 429), ("something_new", 500)]
)
async def test_an_error_inside_a_stream_counts_by_its_type(kind: str, status: int) -> None:
    error = await failure(ErrorInStream(kind))
    assert isinstance(error, ModelOverloaded)
    assert error.args[0] == status


@pytest.mark.parametrize("after", [0, 1, 3, 5, 6])
async def test_a_stream_cut_anywhere_is_unreachable_and_never_half_an_answer(after: int) -> None:
    error = await failure(Cut(Say([text("a" * 500)]), after=after))
    assert isinstance(error, ServiceUnreachable)
    assert str(error).startswith("the model service did not answer while answering")


@pytest.mark.parametrize("silent", [Hang(), Stall(Say([text("a" * 500)]), after=4)])
async def test_silence_is_unreachable_before_an_answer_and_within_it(silent: Answer) -> None:
    error = await failure(silent, silence=0.2)
    assert isinstance(error, ServiceUnreachable)
    assert "Timeout" in str(error)


def test_silence_is_waited_for_a_minute() -> None:
    assert Claude(api_key=SecretStr("k")).silence_seconds == 60.0


async def test_what_is_no_api_is_unreachable() -> None:
    assert isinstance(await failure(Garbage()), ServiceUnreachable)


HEAD = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 1}}
BEGIN = {"type": "message_start", "message": HEAD}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "bash"}}
ENDED = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}


def grown(**delta: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


@pytest.mark.parametrize(
    "events",
    [
        [BEGIN | {"message": HEAD | {"usage": None}}, ENDED],
        [BEGIN | {"message": {**HEAD, "model": None}}, ENDED],
        [BEGIN, BLOCK | {"content_block": None}, ENDED],
        [BEGIN, BLOCK | {"content_block": {"type": "tool_use", "name": "bash"}}, ENDED],
        [BEGIN, BLOCK, grown(type="input_json_delta", partial_json=3), ENDED],
        [BEGIN, BLOCK | {"content_block": {"type": "text", "text": "half \ud83d"}}, ENDED],
        [BEGIN, [], ENDED],
        [BEGIN, ENDED | {"delta": None}],
    ],
)  # fmt: skip
async def test_an_answer_that_the_api_would_never_make_is_unreachable_and_never_a_fault_of_ours(events: list[object]) -> None:
    kinds = (event["type"] if isinstance(event, dict) else "message_delta" for event in events)
    body = "".join(f"event: {kind}\ndata: {json.dumps(event)}\n\n" for kind, event in zip(kinds, events, strict=True))
    assert isinstance(await failure(Garbage(body.encode(), "text/event-stream")), ServiceUnreachable)


async def test_a_closed_port_is_unreachable() -> None:
    with ScriptedMessagesAPI([]) as api:
        url = api.url
    claude = Claude(api_key=SecretStr("k"), base_url=url)
    with pytest.raises(ServiceUnreachable, match="the model service did not answer while being called"):
        await claude.reply(call())


async def test_answered_calls_are_recorded_for_replay_without_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    with ScriptedMessagesAPI([Say([text("one")]), Fault(500), Say([text("two")])]) as api:
        claude = block(api, record=folder)
        await claude.reply(call())
        with pytest.raises(ModelOverloaded):
            await claude.reply(call())
        await claude.reply(call())
    file = folder / "replies.jsonl"
    kept = [RecordedReply.model_validate_json(line) for line in file.read_text().splitlines()]
    assert [reply.parts for reply in kept] == [(Text(text="one"),), (Text(text="two"),)]
    assert (kept[0].role, kept[0].conversation, kept[0].turn) == ("developer", "r-abc123/developer", 0)
    assert kept[0].usage != TokenUsage()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "test-key" not in file.read_text()


async def test_the_key_is_not_shown() -> None:
    claude = Claude(api_key=SecretStr("sk-very-secret"))
    assert "sk-very-secret" not in repr(claude) + json.dumps(claude.model_dump(mode="json"))


async def test_a_wrong_key_is_refused() -> None:
    with ScriptedMessagesAPI([]) as api:
        claude = block(api, key="wrong")
        with pytest.raises(ModelKeyRefused, match="ANTHROPIC_API_KEY"):
            await claude.reply(call())


async def test_what_is_written_is_seen_as_it_grows_and_the_answer_is_the_same() -> None:
    seen, said = Seen(), "A tea timer for the kitchen, with a bell. " * 20
    answer = Say([text("thinking aloud"), use("status", project="tea"), use("reply", "toolu_9", text=said)])
    with ScriptedMessagesAPI([answer, answer]) as api:
        told = block(api).telling(seen)
        replied = await told.reply(call())
        assert replied.parts == (await block(api).reply(call(turn=1))).parts
    shown = list(dict.fromkeys(reply_in(draft) for draft in seen.drafts))
    assert all(said.startswith(part) for part in shown)
    assert (shown[0], shown[-1]) == ("", said)
    assert len(shown) > 2
    assert Deed(tool="status", project="tea") in [deed_in(draft) for draft in seen.drafts]


def test_who_only_knows_the_model_does_not_load_the_sdk() -> None:
    """What `slipway up` and the API import of it; two seconds and 70 MB less for each."""
    listing = "import sys, flows.opening; print({'anthropic', 'httpx2'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
