"""What becomes of a message whose sending may have begun already: the messenger has no keys by which it would drop a second."""

from enum import Enum, StrEnum


class Trace(StrEnum):
    """What an earlier try to send left behind."""

    NONE = "none"
    BEGUN = "begun"
    """It may have been sent: the process was killed, or the answer was lost."""
    SENT = "sent"
    """It was sent; that its owner knows of it is not certain."""


class Step(Enum):
    """What is done next."""

    SEND = "send"
    SEND_QUIETLY = "send quietly"
    """Without a sound, and saying that it may be there already."""
    WRITE_DOWN = "write down"


def next_step(trace: Trace, *, asks: bool) -> Step:
    """Decide: a question comes again as it was, since work waits for its answer; news comes again, without a sound."""
    match trace:
        case Trace.SENT:
            return Step.WRITE_DOWN
        case Trace.BEGUN if not asks:
            return Step.SEND_QUIETLY
        case _:
            return Step.SEND
