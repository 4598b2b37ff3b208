"""What a bot answered against what a check expects."""

from collections.abc import Sequence

from domain.checks import ChatTurn
from domain.values import Value


class BotMessage(Value):
    """One message of the bot as its chat shows it now: sent, or last edited."""

    id: int
    text: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    """Label and data of each inline button; the data of a plain keyboard's button is its label."""


def chat_complaint(turn: ChatTurn, answers: Sequence[BotMessage]) -> str | None:
    """Say the first thing that is wrong with the answers so far; None when nothing is."""
    said = "\n".join(message.text for message in answers)
    if turn.expect_nothing:
        return f"the bot answered {shown(said)}, expected no answer" if answers else None
    if not answers:
        return "the bot did not answer"
    missing = next((text for text in turn.expect_contains if text not in said), None)
    if missing is not None:
        return f"the bot answered {shown(said)}, expected it to hold {shown(missing)}"
    labels = [label for message in answers for label, _ in message.buttons]
    absent = next((label for label in turn.expect_buttons if label not in labels), None)
    if absent is not None:
        return f"the bot offers {', '.join(map(shown, labels)) or 'no button'}, expected {shown(absent)}"
    return None


def shown(text: str) -> str:
    return f"{text[:160]!r}..." if len(text) > 160 else repr(text)
