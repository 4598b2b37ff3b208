"""What a request at this machine's terminal has more: files, and a model that is waited for in this process."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.attaching import read_file
from domain.attachments import Attachment, checked_count

if TYPE_CHECKING:
    from rich.console import Console

    from deployments.desk.requests import Desk

REPLAYED = "No ANTHROPIC_API_KEY is used here: a recorded model session answers. Everything but the model's words is real."
"""What the person reads where a recorded session is played, whatever this terminal's own settings say."""


async def taken_in(paths: Sequence[Path], person: str, desk: "Desk") -> tuple[Attachment, ...]:
    """Keep the files and return them; raise AttachmentRefused, or BadInput for a path that cannot be read."""
    if not paths:
        return ()
    from deployments.settings import load_settings
    from tasks.attachments import take_in

    limits = load_settings().attachment_limits
    taken = [await take_in(person, path.name, read_file(path, limits.bytes), limits, desk.attachments) for path in paths]
    return checked_count(taken, limits)


@contextmanager
def patience(screen: "Console") -> Iterator[None]:
    """Show that the model is being asked, and say so when it has to be asked again."""
    from tasks.product_owner import PATIENCE  # loads Prefect: not before it is known that somebody answers

    logger = logging.getLogger("slipway.agent")
    within = f"for {PATIENCE:.0f} s at most"
    with screen.status("The Product Owner reads your request…") as status:
        told = _Told(
            lambda text: (
                status.update(f"{text} ({within})") if screen.is_terminal else screen.print(f"{text} ({within})", markup=False)
            )
        )
        logger.addHandler(told)
        try:
            yield
        finally:
            logger.removeHandler(told)


class _Told(logging.Handler):
    """Turns the agent loop's warnings about a busy or silent model into words on the screen."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage().partition(": ")[2])
