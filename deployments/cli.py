"""The command line's way in. It imports next to nothing at first, so that Ctrl-C is answered from the first moment on."""

import os
import sys
from collections.abc import Sequence

from deployments.command_client import run_warm

EXIT_CODES = """\
Exit codes:
  0    done
  1    the run ended without a release, or `doctor` found something broken
  2    the input cannot be used
  3    a person has to do something first
  4    Slipway is not up, or a service does not answer
  70   a fault of Slipway's own
  130  interrupted
"""


COLD = ("up", "demo", "server", "runner", "bot", "api", "replay", "doctor")
"""Commands that start things or look at the machine: they run in their own process."""


def is_elsewhere(words: Sequence[str]) -> bool:
    """Tell whether another machine's installation is asked: then this one has nothing to do with it."""
    return any(word.partition("=")[0] == "--server" for word in words) or bool(os.environ.get("SLIPWAY_SERVER"))


def main() -> None:
    """Run the command line, in the running installation where there is one."""
    try:
        words = sys.argv[1:]
        code = None if any(word in COLD for word in words[:2]) or is_elsewhere(words) else run_warm(words)
        if code is None:
            from deployments.commands.table import run

            code = run(words)
    except KeyboardInterrupt:
        sys.stderr.write("slipway: interrupted\n")
        code = 130
    raise SystemExit(code)
