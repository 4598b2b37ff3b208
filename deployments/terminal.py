"""What every command shares: one sentence for each failure, an exit code that means something, JSON when asked for."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

from domain.errors import BadInput, Broken, NeedsPerson, SlipwayError, TryAgain

T = TypeVar("T")

FAILED_RUN, BAD_INPUT, PERSON, UNREACHABLE, FAULT, INTERRUPTED = 1, 2, 3, 4, 70, 130


class NotUp(TryAgain):
    """No `slipway up` holds the data folder: (home,)."""

    def __str__(self) -> str:
        return f"Slipway is not up in {self.args[0]}: run `slipway up` in another terminal"


def exit_code(error: BaseException) -> int:
    """Return the exit code that belongs to an error's family."""
    match error:
        case BadInput():
            return BAD_INPUT
        case NeedsPerson():
            return PERSON
        case TryAgain():
            return UNREACHABLE
        case KeyboardInterrupt() | asyncio.CancelledError():
            return INTERRUPTED
        case Broken():
            return FAULT
        case _:
            return FAULT


def sentence(error: BaseException) -> str:
    """Return what a person reads about an error; never a traceback."""
    match error:
        case SlipwayError():
            return str(error)
        case KeyboardInterrupt() | asyncio.CancelledError():
            return "interrupted; what was handed over goes on, see `slipway status`"
        case OSError() if error.errno == 28:
            return "the disk is full: free some space and run the command again"
        case PermissionError():
            return f"no permission for {error.filename}: choose another folder with SLIPWAY_HOME"
        case _ if is_connection(error):
            return "the Prefect server does not answer: see `slipway doctor`, and `slipway up` if it is not running"
        case _:
            what = f"{type(error).__name__}: {error}"
            return f"a fault of Slipway's own ({what}); run it again with --debug and report what it prints"


def is_connection(error: BaseException) -> bool:
    return type(error).__module__.startswith(("httpx", "httpcore")) or isinstance(error, ConnectionError)


def fail(error: BaseException, as_json: bool = False) -> NoReturn:
    """Print the sentence (or its JSON document) and leave with the code."""
    code = exit_code(error)
    if as_json:
        print_json({"error": sentence(error), "exit": code})
    sys.stderr.write(f"slipway: {sentence(error)}\n")
    raise SystemExit(code)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def finish(work: Coroutine[Any, Any, T], *, debug: bool = False, as_json: bool = False) -> T:
    """Run a command's work; leave with a sentence and a code when it fails."""
    if not debug:
        silence_libraries()
    try:
        return asyncio.run(work)
    except SystemExit:
        raise
    except BaseException as error:
        if debug:
            raise
        fail(error, as_json)


def silence_libraries() -> None:
    """Keep Prefect's own log lines off the terminal: they go to its UI all the same."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    logging.getLogger("httpx").setLevel(logging.ERROR)
