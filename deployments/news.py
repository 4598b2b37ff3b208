"""What Slipway has to tell whoever asks at this machine's terminal: the outbox's channel `cli`, which nobody sends anywhere.

And that of the operator, who owns the machine, where no chat is set for it.
"""

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from domain.registry import Registry
from domain.runs import Notification
from domain.trimming import plain
from tasks.notify import OPERATOR

CHANNEL = "cli"
LINE = 300
"""Characters of one line of news; `slipway status PROJECT` has the rest."""


async def show_news(registry: Registry, person: str, console: Console, *, operator: bool = False) -> None:
    """Print what this person was not told yet, each piece once; it counts as told when it is printed.

    `operator`: nobody else tells the operator, so it is told here.
    """
    waiting = [news for news in await registry.unsent(CHANNEL) if await is_for(news, person, registry)]
    waiting += await registry.unsent(OPERATOR) if operator else ()
    if waiting:
        console.print(Text("\nNews since you looked last:", style="bold"))
    for news in waiting:
        said = plain(news.text).strip().splitlines() or [""]
        more = said[1:] if news.channel == OPERATOR else []  # a run's evidence is to be asked for
        console.print(Text(f"{news.created.astimezone():%Y-%m-%d %H:%M}  {said[0][:LINE]}"), soft_wrap=True)
        for line in more:
            console.print(Text(f"                  {line[:LINE]}"), soft_wrap=True)
        await registry.mark_sent(news.key, datetime.now(UTC))


async def is_for(news: Notification, person: str, registry: Registry) -> bool:
    """Tell whether it is about a run of this person's, or of nobody's in particular."""
    run = await registry.run(news.run) if news.run else None
    return run is None or run.origin.person in ("", person)
