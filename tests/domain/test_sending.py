"""Messages that may have been sent before."""

import pytest

from domain.sending import Step, Trace, next_step


@pytest.mark.parametrize(
    ("trace", "asks", "step"),
    [
        (Trace.NONE, False, Step.SEND),
        (Trace.NONE, True, Step.SEND),
        (Trace.BEGUN, False, Step.SEND_QUIETLY),
        (Trace.BEGUN, True, Step.SEND),
        (Trace.SENT, False, Step.WRITE_DOWN),
        (Trace.SENT, True, Step.WRITE_DOWN),
    ],
)
def test_what_was_sent_is_not_sent_again_and_what_is_in_doubt_comes_quietly_unless_it_asks(
    trace: Trace, asks: bool, step: Step
) -> None:
    assert next_step(trace, asks=asks) is step
