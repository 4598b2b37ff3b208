"""The bot under people: how soon it answers and tells ends, what a restart costs, sessions weigh, coalescing saves."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from domain.protocols import Wakeups
from domain.runs import RunState, run_channel
from tasks.notify import end_run
from tests.bench.figures import Section
from tests.bench.telegram_stand import Bot, bot_on_stand

CHATS = 100
QUEUED = 1000
SESSIONS = 1000
CARDS = 10
LINES, PER_SECOND = 200, 20.0
"""What happens in each of the runs whose cards are counted: a brisk round of an agent."""
ENDS, SWEPT = 40, 10
FIRST = 2000
"""Id of the first person."""


def measure(rounds: int, chats: int = CHATS, queued: int = QUEUED, sessions: int = SESSIONS, ends: int = ENDS) -> Section:
    """Measure all of it, each on a bot of its own."""
    return asyncio.run(_measured(rounds, chats, queued, sessions, ends))


async def _measured(rounds: int, chats: int, queued: int, sessions: int, ends: int) -> Section:
    section = Section(name="telegram", title="The Telegram bot as a process: simulator, real Redis, instant Product Owner")
    await answers(section, rounds, chats)
    await after_restart(section, chats, queued)
    await sessions_memory(section, sessions)
    await coalescing(section)
    await ends_told(section, ends)
    section.notes.append(
        "The simulator and the bot share this machine's cores, so each call's way through the simulator is in the times. "
        "No model and no Prefect flow is in them: the Product Owner says back at once what it heard."
    )
    return section


async def answers(section: Section, rounds: int, chats: int) -> None:
    """Let one person write, then many at once, and time the first sign and the first answer in each chat."""
    async with bot_on_stand() as bot:
        await bot.start()
        await _asked(bot, [FIRST], "warm")
        for number, label in ((1, "one chat"), (chats, f"{chats} chats at once")):
            people = range(FIRST, FIRST + number)
            signs, texts, used = list[float](), list[float](), list[float]()
            for turn in range(max(1, rounds if number > 1 else rounds * 5)):
                before = bot.cpu()
                sign, text = await _asked(bot, people, f"words{number}x{turn}")
                signs, texts, used = [*signs, *sign], [*texts, *text], [*used, (bot.cpu() - before) * 1000 / number]
            for what, samples in (("first sign", signs), ("first answer", texts)):
                section.add(f"{label}: message to {what}", "ms", *samples, note=f"p95 {percentile(samples, 95):,.0f} ms")
            section.add(f"{label}: the bot's processor for each message", "ms", *used)


async def _asked(bot: Bot, people: Sequence[int], words: str) -> tuple[list[float], list[float]]:
    """Let all say the words; return the milliseconds to anything visible and to the answer, of each chat."""
    before, api, began = len(bot.api.done), bot.api, dict[int, float]()
    for person in people:
        api.person(person)
        began[person] = time.monotonic()
        await api.say(person, words)
    signs, texts, seen = dict[int, float](), dict[int, float](), before

    def all_answered() -> bool:
        nonlocal seen
        for call in api.done[seen:]:
            signs.setdefault(call.chat, call.at)
            if call.method == "sendMessage" and words in call.text:
                texts.setdefault(call.chat, call.at)
        seen = len(api.done)
        return len(texts) == len(people)

    await api.all_done(all_answered, f"{len(people)} people have an answer")
    since = lambda found: [(found[person] - began[person]) * 1000 for person in people]  # noqa: E731
    return since(signs), since(texts)


async def after_restart(section: Section, chats: int, queued: int) -> None:
    """Let people write while the bot is away, start it, and time until each message was answered once."""
    async with bot_on_stand() as bot:
        await bot.start()
        await _asked(bot, [FIRST], "warm")
        await bot.stop()
        for number in range(queued):
            person = FIRST + number % chats
            bot.api.person(person)
            await bot.api.say(person, f"m{number}.")
        began = time.monotonic()
        await bot.start()
        polls = time.monotonic()
        wanted = {f"m{number}." for number in range(queued)}
        await bot.api.all_done(lambda: wanted <= set(_told(bot)), f"all {queued} messages are answered")
        ended = time.monotonic()
        twice = sum(times - 1 for word, times in _told(bot).items() if word in wanted)
    section.add(f"{queued} updates that waited: first poll to all answered", "s", ended - polls, note=f"in {chats} chats")
    section.add("of these answered twice", "", twice)
    section.add("start of the process to first poll", "s", polls - began)


def _told(bot: Bot) -> Counter[str]:
    return Counter(word for call in bot.api.done if call.method == "sendMessage" for word in call.text.split())


async def sessions_memory(section: Section, sessions: int) -> None:
    """Weigh the bot and Redis before and after many people have a session each, and with followed cards."""
    async with bot_on_stand() as bot:
        await bot.start()
        await _asked(bot, range(FIRST, FIRST + 50), "warm")
        before = bot.memory()
        await _asked(bot, range(FIRST + 50, FIRST + 50 + sessions), "hello")
        after = bot.memory()
        people = range(FIRST, FIRST + 50)
        for person in people:
            await bot.begin(person)
        await bot.show_cards(*people)
        cards = bot.memory()
    section.add("bot at rest", "MiB", before[0] / 1024)
    section.add("memory per open session, the bot's", "KiB", (after[0] - before[0]) / sessions, note=f"of {sessions}")
    section.add("memory per open session, Redis's", "KiB", (after[1] - before[1]) / sessions)
    section.add("memory per followed card, the bot's", "KiB", (cards[0] - after[0]) / len(people), note=f"of {len(people)}")


async def coalescing(section: Section) -> None:
    """Let much happen in some runs at once, and count what their people's chats were told of it."""
    async with bot_on_stand() as bot:
        await bot.start()
        people = range(FIRST, FIRST + CARDS)
        for person in people:
            bot.api.person(person)
            await bot.begin(person)
        await bot.show_cards(*people)
        before = len(bot.api.done)
        await asyncio.gather(*(_happen(bot, run.id) for run in bot.runs))
        await bot.api.all_done(
            lambda: all(f"round {LINES} of" in bot.api.messages(person)[-1].text for person in people),
            "the cards show the last",
        )
        calls = Counter(call.method for call in bot.api.done[before:])
    hints = CARDS * LINES
    section.add("things that happened in runs with a card", "", hints, note=f"{CARDS} runs, {PER_SECOND:g} a second in each")
    section.add("messages sent for them", "", calls["sendMessage"])
    section.add("edits made for them", "", calls["editMessageText"])
    section.add("edits saved by coalescing", "%", 100 * (1 - calls["editMessageText"] / hints))


async def _happen(bot: Bot, run: str) -> None:
    await bot.registry.update_run(run, state=RunState.RUNNING, step="develop")
    for number in range(1, LINES + 1):
        await bot.registry.update_run(run, round=number)
        line = await bot.registry.add_progress(run, "round", "goes on", datetime.now(UTC), "develop", {"of": LINES})
        await bot.wakeups.publish(run_channel(run), str(line.sequence))
        await asyncio.sleep(1 / PER_SECOND)


class Lost:
    """Hints that nobody hears."""

    def __init__(self, wakeups: Wakeups) -> None:
        self.subscribe, self.lock, self.unlock = wakeups.subscribe, wakeups.lock, wakeups.unlock

    async def publish(self, channel: str, text: str) -> None:
        """Lose it."""


async def ends_told(section: Section, ends: int) -> None:
    """End runs one after the other and time until the message is sent; then again with every hint lost."""
    async with bot_on_stand() as bot:
        bot.api.person(FIRST)
        await bot.start()
        hinted = [await _told_end(bot, bot.wakeups) for _ in range(ends)]
        swept = [await _told_end(bot, Lost(bot.wakeups)) for _ in range(min(SWEPT, ends))]
    section.add("end of a run to its message", "ms", *hinted, note=f"p95 {percentile(hinted, 95):,.0f} ms")
    section.add("the same with the hint lost", "ms", *swept, note=f"p95 {percentile(swept, 95):,.0f} ms: the sweep")
    section.add("hint to sweep", "", percentile(hinted, 50) / percentile(swept, 50))


async def _told_end(bot: Bot, wakeups: Wakeups) -> float:
    """Return the milliseconds from the beginning of the end's step until the message stands in the chat."""
    run = await bot.begin(FIRST)
    await asyncio.sleep(random.uniform(0, 1))  # noqa: S311  (where in its sweep the bot is)
    began, title = time.monotonic(), f"bench {len(bot.runs)}"
    before = len(bot.api.done)
    await end_run.fn(run.id, RunState.DELIVERED, "it is there", "http://bench.localhost", bot.registry, wakeups)
    found = lambda: [each for each in bot.api.done[before:] if each.method == "sendMessage" and title in each.text]  # noqa: E731
    await bot.api.all_done(lambda: bool(found()), f"the end of {run.id} is told")
    return (found()[0].at - began) * 1000


def percentile(samples: Sequence[float], of: int) -> float:
    """Return the sample below which `of` percent lie, by nearest rank."""
    ranked = sorted(samples)
    return ranked[max(0, -(-len(ranked) * of // 100) - 1)]
