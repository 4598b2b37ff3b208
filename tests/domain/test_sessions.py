import pytest

from domain.conversations import Message, ModelCall, ModelReply, Text
from domain.sessions import Place, RecordedReply, Session, by_place, knows_request, places_by_name, recorded
from domain.usage import TokenUsage


def line(role: str, conversation: str, turn: int, said: str = "") -> RecordedReply:
    parts = (Text(text=said),)
    usage = TokenUsage()
    return RecordedReply(
        role=role, conversation=conversation, turn=turn, model="m", stop_reason="end_turn", parts=parts, usage=usage
    )


def test_conversations_of_a_role_are_numbered_by_first_appearance() -> None:
    lines = [line("dev", "r/b", 0), line("dev", "r/a", 0), line("po", "r/x", 0), line("dev", "r/b", 1)]
    assert list(by_place(lines)) == [
        Place(role="dev", conversation=1, turn=0),
        Place(role="dev", conversation=2, turn=0),
        Place(role="po", conversation=1, turn=0),
        Place(role="dev", conversation=1, turn=1),
    ]
    assert places_by_name(lines) == {("dev", "/b"): 1, ("dev", "/a"): 2, ("po", "/x"): 1}


def test_the_last_of_two_answers_to_one_turn_counts() -> None:
    lines = [line("dev", "r/a", 0, "lost in a crash"), line("dev", "r/a", 0, "kept")]
    assert [reply.parts for reply in by_place(lines).values()] == [(Text(text="kept"),)]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Build  a\nshop", True),
        ("They said:\n Build a shop  \nToday.", True),
        ("Build a shopping list"[:11], False),
        ("", False),
    ],
)
def test_the_request_is_found_whatever_the_white_space(text: str, known: bool) -> None:
    assert knows_request(Session(title="t", request=" Build a\tshop\n", recorded="now"), text) is known


def test_a_recorded_line_holds_the_answer_and_only_a_digest_of_the_request() -> None:
    call = ModelCall(
        project="p",
        run="r",
        role="dev",
        conversation="r/dev",
        turn=3,
        model="asked",
        system="secret prompt",
        messages=(Message(role="user", parts=(Text(text="private words"),)),),
    )
    reply = ModelReply(parts=(Text(text="ok"),), stop_reason="end_turn", model="answered", usage=TokenUsage(output=2))
    kept = recorded(call, reply)
    assert (kept.role, kept.conversation, kept.turn, kept.model, kept.parts) == ("dev", "r/dev", 3, "answered", reply.parts)
    assert len(kept.asked) == 16
    assert "private words" not in kept.model_dump_json()
    assert "secret prompt" not in kept.model_dump_json()
