"""A request at the terminal: from its text to the Brief, to the person's yes, to its end or to where it goes on alone."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from deployments.data_folder import Up
from deployments.documents import run_document, run_link
from deployments.live import watch
from deployments.people import person
from deployments.question_view import ask_here
from deployments.requests import Desk
from deployments.terminal import DONE, FAILED_RUN, PERSON, confirmed, console, print_json
from domain.attachments import Attachment, Limits, checked_count
from domain.briefs import as_markdown
from domain.errors import BadInput
from domain.escalations import Escalation
from domain.names import checked_request
from domain.proposals import Proposal
from domain.runs import Origin, Run, RunState

REPLAYED = "No ANTHROPIC_API_KEY is used here: a recorded model session answers. Everything but the model's words is real."
"""What the person reads where a recorded session is played, whatever this terminal's own settings say."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked on the command line, and how."""

    text: str
    name: str | None
    kind: str | None
    project: str | None
    yes: bool
    wait: bool
    as_json: bool
    preview: bool | None = None
    scratch: bool = False
    attach: tuple[Path, ...] = ()


async def request(asked: Asked, session: Callable[[], AbstractAsyncContextManager[tuple[Desk, Up]]]) -> int:
    """Take the request as far as was asked for; return the exit code."""
    text = checked_request(asked.text)
    if not asked.yes and not sys.stdin.isatty():
        raise BadInput("nobody can be asked here: add --yes to accept the Brief as it is written")
    screen = console(stderr=asked.as_json)
    async with session() as (desk, up):
        if up.replay:
            screen.print(REPLAYED, style="yellow")
        origin = Origin(channel="cli", person=person())
        attachments = await taken_in(asked.attach, origin.person, desk)
        with patience(screen):
            proposal = await desk.propose(
                text,
                origin,
                name=asked.name,
                kind=asked.kind,
                project=asked.project,
                preview=asked.preview,
                scratch=asked.scratch,
                attachments=attachments,
            )
        if not asked.as_json or not asked.yes:
            show_brief(proposal, screen)
        if not asked.yes and not confirmed("Build this?", default=True):
            return declined(asked, screen)
        return await build(desk, proposal, up, screen, asked)


async def taken_in(paths: Sequence[Path], person: str, desk: Desk) -> tuple[Attachment, ...]:
    """Keep the files and return them; raise AttachmentRefused, or BadInput for a path that cannot be read."""
    if not paths:
        return ()
    from deployments.settings import load_settings
    from tasks.attachments import take_in

    limits = load_settings().attachment_limits
    taken = [await take_in(person, path.name, read_file(path, limits), limits, desk.attachments) for path in paths]
    return checked_count(taken, limits)


def read_file(path: Path, limits: Limits) -> bytes:
    """Return what the file holds, a byte more than is allowed at most."""
    try:
        with path.open("rb") as file:
            return file.read(limits.bytes + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error


def show_brief(proposal: Proposal, screen: Console) -> None:
    text = as_markdown(proposal.brief)
    screen.print(Markdown(text)) if screen.is_terminal else screen.print(text, markup=False)


def declined(asked: Asked, screen: Console) -> int:
    if asked.as_json:
        print_json({"state": "declined", "message": "Nothing was started."})
    else:
        screen.print("Nothing was started.")
    return DONE


async def build(desk: Desk, proposal: Proposal, up: Up, screen: Console, asked: Asked) -> int:
    """Hand the accepted Brief over, and follow the run when asked to."""
    run = await desk.start(proposal)
    if asked.wait:
        run = await watch(run.id, desk.registry, desk.wakeups, screen, up.prefect_ui_url)
        while not asked.as_json and (question := await asked_here(desk, run)) and await ask_here(question, desk, screen):
            run = await watch(run.id, desk.registry, desk.wakeups, screen, up.prefect_ui_url)
    if asked.as_json:
        print_json(await run_document(desk, run, up))
    elif not asked.wait:
        screen.print(f"{run.project} is being built as {run.id}: follow it with `slipway logs {run.project} --follow`")
        screen.print(run_link(run, up.prefect_ui_url), style="dim", soft_wrap=True)
    return ended_code(run) if asked.wait else DONE


async def asked_here(desk: Desk, run: Run) -> Escalation | None:
    """Return what the run asks when there is somebody at the terminal to answer."""
    from tasks.answering import open_question

    return await open_question(run, desk.registry) if sys.stdin.isatty() else None


def ended_code(run: Run) -> int:
    return {RunState.DELIVERED: DONE, RunState.WAITING: PERSON}.get(run.state, FAILED_RUN)


@contextmanager
def patience(screen: Console) -> Iterator[None]:
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
