from itertools import pairwise

import pytest

from domain.conversations import (
    Image,
    Message,
    ModelCall,
    Opaque,
    Part,
    Payment,
    Summary,
    Text,
    ToolResult,
    ToolSpec,
    ToolUse,
)
from domain.model_view import (
    MASKED,
    Masking,
    breakpoints,
    cut,
    estimated_tokens,
    output_limit,
    own_thinking,
    stable_ends,
    view,
)
from domain.usage import TokenUsage

SMALL = Masking(threshold=1000, keep_last=2, least_gain=300)


def asked(number: int, *, thought: bool = True) -> Message:
    thinking: tuple[Part, ...] = (
        (Opaque(raw={"type": "thinking", "thinking": "", "signature": f"s{number}"}),) if thought else ()
    )
    return Message(role="assistant", parts=(*thinking, ToolUse(id=f"t{number}", name="bash", input={"command": "x"})))


def told(number: int, size: int = 200) -> Message:
    return Message(role="user", parts=(ToolResult(tool_use_id=f"t{number}", text="y" * size),))


def conversation(steps: int, size: int = 200) -> list[Message]:
    messages = [Message(role="user", parts=(Text(text="do it"),))]
    for number in range(steps):
        messages += [asked(number), told(number, size)]
    return messages


def masked_steps(seen: tuple[Message, ...]) -> list[int]:
    parts = [part for message in seen for part in message.parts if isinstance(part, ToolResult)]
    return [number for number, part in enumerate(parts) if part.text == MASKED]


def thoughts(seen: tuple[Message, ...]) -> list[int]:
    return [place for place, message in enumerate(seen) if any(isinstance(part, Opaque) for part in message.parts)]


def test_a_short_output_is_not_touched() -> None:
    assert cut("x" * 100, 100) == "x" * 100


@pytest.mark.parametrize("size", [201, 5_000, 5_000_000])
def test_a_long_output_keeps_head_and_tail_and_says_what_is_missing(size: int) -> None:
    text = "HEAD" + "x" * (size - 8) + "TAIL"
    short = cut(text, 200)
    assert len(short) <= 200
    assert short.startswith("HEAD")
    assert short.endswith("TAIL")
    assert f"{size} characters" in short


def test_a_short_conversation_is_sent_as_it_is() -> None:
    messages = conversation(2)
    assert view(messages, SMALL) == tuple(messages)


def test_old_outputs_are_masked_only_past_the_threshold_and_the_last_ones_never() -> None:
    seen = view(conversation(6), SMALL)
    assert masked_steps(seen)
    assert {4, 5}.isdisjoint(masked_steps(seen))


def test_masking_goes_in_steps_so_that_the_prefix_stays_for_several_turns() -> None:
    messages = conversation(30)
    masks = [tuple(masked_steps(view(messages[: 1 + 2 * steps], SMALL))) for steps in range(1, 31)]
    assert len(set(masks)) < 16
    assert all(earlier == later[: len(earlier)] for earlier, later in pairwise(masks))


def test_between_two_steps_each_view_begins_with_the_one_before() -> None:
    messages = conversation(30)
    views = [view(messages[: 1 + 2 * steps], SMALL) for steps in range(1, 31)]
    kept = sum(later[: len(earlier)] == earlier for earlier, later in pairwise(views))
    assert kept >= 15


def test_thinking_from_before_a_step_is_left_out_and_later_thinking_stays() -> None:
    messages = conversation(5)
    assert thoughts(view(messages[:9], SMALL)) == [1, 3, 5, 7]
    stepped = view(messages, SMALL)
    assert masked_steps(stepped)
    assert thoughts(stepped) == []
    later = view([*messages, asked(5), told(5, 1)], SMALL)
    assert masked_steps(later) == masked_steps(stepped)
    assert thoughts(later) == [11]


def test_a_step_that_would_free_little_is_not_taken() -> None:
    messages = [Message(role="user", parts=(Text(text="z" * 2000),)), *conversation(4, size=90)[1:]]
    assert masked_steps(view(messages, SMALL)) == []


def test_an_answer_of_only_thinking_does_not_become_empty() -> None:
    only = Message(role="assistant", parts=(Opaque(raw={"type": "thinking"}),), stop_reason="end_turn")
    messages = [conversation(0)[0], only, *conversation(6)[1:]]
    assert view(messages, SMALL)[1].parts == (Text(text="(thinking)"),)


def test_the_cache_is_written_after_the_last_two_user_messages() -> None:
    assert breakpoints(conversation(3)) == (4, 6)
    assert breakpoints(conversation(0)) == (0,)
    assert breakpoints([*conversation(1), asked(9)]) == (0, 2)


def test_the_guess_of_tokens_counts_everything_that_is_sent() -> None:
    empty = ModelCall(project="p", run="r", role="d", conversation="c", turn=0, model="m", system="", messages=())
    base = estimated_tokens(empty)
    assert estimated_tokens(empty.model_copy(update={"system": "x" * 2000})) == base + 1000
    assert estimated_tokens(empty.model_copy(update={"messages": tuple(conversation(1, 2000))})) > base + 1000
    assert estimated_tokens(empty.model_copy(update={"tools": (ToolSpec(name="t"),)})) > base + 500
    picture = Message(role="user", parts=(Image(media_type="image/png", base64="A" * 100_000),))
    assert estimated_tokens(empty.model_copy(update={"messages": (picture,)})) == base + 5000


def test_up_to_the_stable_end_each_view_begins_as_the_one_before() -> None:
    messages = conversation(30)
    turns = [messages[: 1 + 2 * steps] for steps in range(1, 31)]
    ends = [stable_ends(turn, SMALL) for turn in turns]
    kept = [
        view(now, SMALL)[: end[0] + 1] == view(old, SMALL)[: end[0] + 1]
        for (old, now), (before, end) in zip(pairwise(turns), pairwise(ends), strict=True)
        if before
    ]
    assert len(kept) > 20
    assert all(kept)
    assert stable_ends(conversation(2), SMALL) == ()


def test_right_at_a_move_the_mark_before_is_kept_and_three_marks_are_enough() -> None:
    messages = conversation(30)
    ends = [stable_ends(messages[: 1 + 2 * steps], SMALL) for steps in range(1, 31)]
    moved = [now for before, now in pairwise(ends) if before and now[-1] != before[-1]]
    assert len(moved) > 3
    assert all(len(now) == 2 and now[0] == before[-1] for before, now in pairwise(ends) if before and now[-1] != before[-1])
    assert all(len(breakpoints(view(messages[: 1 + 2 * n], SMALL), ends[n - 1])) <= 3 for n in range(1, 31))


def test_a_summary_stands_beside_the_task_and_hides_what_it_sums_up() -> None:
    messages = [*conversation(4), Message(role="user", parts=(Summary(until=5, text="short"),)), asked(4), told(4)]
    seen = view(messages)
    assert seen[0].parts == (Text(text="do it"), Summary(until=5, text="short"))
    assert [part.tool_use_id for message in seen for part in message.parts if isinstance(part, ToolResult)] == [
        "t2",
        "t3",
        "t4",
    ]
    assert thoughts(seen) == [5]


def test_of_two_summaries_the_later_counts() -> None:
    first, second = (Message(role="user", parts=(Summary(until=n, text=f"short {n}"),)) for n in (3, 8))
    messages = [*conversation(3), first, asked(3), told(3), second]
    assert [part.text for part in view(messages)[0].parts if isinstance(part, Summary)] == ["short 8"]


def test_each_model_sees_its_own_thinking_alone() -> None:
    paid = Payment(call="c", model="one", tokens=TokenUsage(), micro_usd=1)
    messages = [
        message.model_copy(update={"payment": paid if message.role == "assistant" else None}) for message in conversation(2)
    ]
    assert thoughts(own_thinking(messages, "one")) == [1, 3]
    assert thoughts(own_thinking(messages, "two")) == []


def test_results_of_one_answer_share_the_room() -> None:
    assert [output_limit(calls) for calls in (0, 1, 4, 8, 64, 500)] == [16_000, 16_000, 16_000, 8_000, 1_000, 1_000]
