"""What every command shares: one sentence for each failure, an exit code that means something, JSON when asked for."""

import json
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from domain.errors import BadInput, NeedsPerson, ServiceUnreachable, SlipwayError, TryAgain

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

DONE, FAILED_RUN, BAD_INPUT, PERSON, UNREACHABLE, FAULT, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130

DISK_FULL = ("No space left on device", "database or disk is full")
"""ENOSPC as the C library words it, and SQLite's SQLITE_FULL."""


MODEL = "the model service"
MODEL_CURE = "; see that the network and ANTHROPIC_BASE_URL are right, then run the command again"
INTERRUPTED_WORDS = {
    True: "interrupted; nothing was started",
    False: "interrupted; what was handed over goes on: see `slipway status`",
}


WAKES = 0.2
"""Seconds within which a Ctrl-C is heard that came in the one moment in which it wakes nobody."""
PLAIN_WIDTH = 1000
"""Columns where nobody looks at a terminal: lines are read by programs, and stay whole."""


class NotUp(TryAgain):
    """No `slipway up` holds the data folder: (home,)."""

    def __str__(self) -> str:
        return f"Slipway is not up in {self.args[0]}: run `slipway up` in another terminal"


class Declined(BaseException):
    """A person left a question without an answer: Ctrl-C or Ctrl-D at a prompt."""


def exit_code(error: BaseException) -> int:
    """Return the exit code that belongs to an error's family."""
    families: tuple[tuple[bool, int], ...] = (
        (isinstance(error, BadInput), BAD_INPUT),
        (isinstance(error, NeedsPerson), PERSON),
        (isinstance(error, TryAgain), UNREACHABLE),
        (isinstance(error, SlipwayError), FAULT),
        (is_interruption(error), INTERRUPTED),
        (is_full(error) or isinstance(error, PermissionError), PERSON),
        (is_connection(error), UNREACHABLE),
    )
    return next((code for belongs, code in families if belongs), FAULT)


def sentence(error: BaseException) -> str:
    """Return what a person reads about an error; never a traceback."""
    if isinstance(error, SlipwayError):
        return str(error) + (MODEL_CURE if isinstance(error, ServiceUnreachable) and error.service == MODEL else "")
    if is_interruption(error):
        return INTERRUPTED_WORDS[isinstance(error, Declined)]
    if is_full(error):
        return "the disk is full: free some space and run the command again"
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: choose another folder with SLIPWAY_HOME"
    if is_connection(error):
        return "the Prefect server does not answer: see `slipway doctor`, and `slipway up` if it is not running"
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"a fault of Slipway's own ({what}); run it again with --debug and report what it prints"


def is_interruption(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt | Declined) or type(error).__name__ == "CancelledError"


def is_full(error: BaseException) -> bool:
    return any(text in str(error) for text in DISK_FULL)


def is_connection(error: BaseException) -> bool:
    """Tell whether Prefect's server could not be reached; its engine says so in a RuntimeError of its own."""
    return (
        type(error).__module__.startswith(("httpx", "httpcore"))
        or isinstance(error, ConnectionError)
        or (isinstance(error, RuntimeError) and "Failed to reach API" in str(error))
    )


def fail(error: BaseException, as_json: bool = False) -> NoReturn:
    """Print the sentence (or its JSON document) and leave with the code."""
    if isinstance(error, BrokenPipeError):  # whoever read our output has had enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED_RUN)
    refuse(sentence(error), exit_code(error), as_json)


def refuse(text: str, code: int, as_json: bool = False) -> NoReturn:
    if as_json:
        print_json({"error": text, "exit": code})
    sys.stderr.write(f"slipway: {text}\n")
    raise SystemExit(code)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def finish(work: Coroutine[Any, Any, T], *, debug: bool = False, as_json: bool = False, quiet: bool = True) -> T:
    """Run a command's work; leave with a sentence and a code when it fails. `quiet` keeps the libraries' words away.

    `debug` shows those, and the traceback before the sentence.
    """
    import asyncio

    if quiet and not debug:
        silence_libraries()
    try:
        done = asyncio.run(work)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        if debug:
            traceback.print_exception(error)
        fail(error, as_json)
    return done


def silence_libraries() -> None:
    """Keep the libraries' own log lines and warnings off the terminal: Prefect's go to its UI all the same."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    for logger in (logging.root, *map(logging.getLogger, logging.root.manager.loggerDict)):
        for handler in logger.handlers:  # in a preloaded process the variables above come too late
            if type(handler).__name__ == "PrefectConsoleHandler":
                handler.setLevel(logging.CRITICAL)
    logging.lastResort = None
    warnings.simplefilter("ignore")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once: an event loop would only note it, and wait for the answer.

    One that comes right before read(2) does not end that, and only sets a mark, which Python looks at when a call is
    interrupted: so an alarm without meaning interrupts it again and again.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one hears of signals
        yield
        return
    if _is_being_cancelled():  # by a Ctrl-C that the loop has noted already
        raise Declined
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, WAKES, WAKES)
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise Declined from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        signal.signal(signal.SIGINT, before)


def _is_being_cancelled() -> bool:
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    return task is not None and task.cancelling() > 0


def confirmed(question: str, *, default: bool) -> bool:
    """Ask a yes-or-no question on the terminal; raise Declined when it is left without an answer."""
    import typer

    with interruptible():
        try:
            return typer.confirm(question, default=default, err=True)
        except typer.Abort:
            raise KeyboardInterrupt from None


def chosen(question: str, choices: Sequence[T] = ()) -> T:
    """Ask for a line, or for one of `choices`, on the terminal; raise Declined when it is left without an answer."""
    import typer

    offered = "/".join(map(str, choices))
    with interruptible():
        try:
            while True:
                said = str(typer.prompt(f"{question} ({offered})" if choices else question, err=True)).strip()
                if not choices or said in choices:
                    return cast(T, said)
        except typer.Abort:
            raise KeyboardInterrupt from None


def console(*, stderr: bool = False) -> "Console":
    """Return a console that leaves lines whole where nobody looks at a terminal: a link must stay one line."""
    from rich.console import Console

    looked_at = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, soft_wrap=not looked_at, width=None if looked_at else PLAIN_WIDTH, highlight=False)


async def browse(address: str) -> None:
    """Print the address, and open it in a browser where somebody sits at this terminal."""
    sys.stdout.write(f"{address}\n")
    if sys.stdout.isatty():
        import asyncio
        import webbrowser

        await asyncio.to_thread(webbrowser.open, address)
