"""Hold a check's dialogue with a bot under rehearsal; each check in a chat of its own."""

import time

from domain.chat_matching import BotMessage, chat_complaint
from domain.checks import ChatCheck, ChatTurn
from domain.rehearsals import SUITE
from domain.reports import CaseResult, TestCase
from domain.trimming import cut, plain
from tasks.bot_world import BotWorld

SILENCE_SECONDS = 1.0
"""How long a bot that must not answer is listened to."""
SHOWN = 2_000


async def run_chat_check(check: ChatCheck, chat: int, world: BotWorld) -> TestCase:
    """Take the turns in order; the first whose answer is not as expected fails the case."""
    began, problem, told = time.monotonic(), "", list[str]()
    world.refusals.pop(chat, None)
    for number, turn in enumerate(check.turns, 1):
        wrong, answers = await _take(turn, chat, world)
        told += [f"person: {turn.says or f'[{turn.presses}]'}", *(f"bot: {message.text}" for message in answers)]
        if wrong:
            refused = f"; Telegram refused {world.refusals[chat]}" if chat in world.refusals else ""
            problem = f"turn {number} of {len(check.turns)}: after {turn.says or turn.presses!r} {wrong}{refused}"
            break
    return TestCase(
        suite=SUITE,
        name=f"{check.id}: {check.title}",
        result=CaseResult.FAILED if problem else CaseResult.PASSED,
        seconds=time.monotonic() - began,
        message=plain(problem),
        details=cut(plain("\n".join(told)), SHOWN) if problem else "",
        unseen=check.unseen,
    )


async def _take(turn: ChatTurn, chat: int, world: BotWorld) -> tuple[str | None, list[BotMessage]]:
    """Return what is wrong once the time is over, or None as soon as nothing is; and what the bot answered."""
    before = dict(world.chats.get(chat, {}))
    if turn.says:
        await world.say(chat, turn.says)
    elif (absent := await world.press(chat, turn.presses)) is not None:
        return absent, []
    deadline = time.monotonic() + (SILENCE_SECONDS if turn.expect_nothing else turn.within_seconds)
    while True:
        answers = [message for number, message in world.chats.get(chat, {}).items() if before.get(number) != message]
        wrong = chat_complaint(turn, answers)
        if time.monotonic() >= deadline or (wrong is None) != turn.expect_nothing:
            return wrong, answers
        await world.until_changed(deadline - time.monotonic())
