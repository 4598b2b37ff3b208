"""The command line's way in. It imports next to nothing at first, so that Ctrl-C is answered from the first moment on."""

import sys

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


COLD = ("up", "demo", "server", "runner", "bot", "api", "replay", "doctor", "--install-completion", "--show-completion")
"""What starts things, or looks at the machine or the shell around it, runs in its own process."""


def main() -> None:
    """Run the command line, in the running installation where there is one."""
    try:
        words = sys.argv[1:]
        code = None if any(word in COLD for word in words[:2]) else run_warm(words)
        if code is None:
            from deployments.commands.table import run

            code = run(words)
    except KeyboardInterrupt:
        sys.stderr.write("slipway: interrupted\n")
        code = 130
    raise SystemExit(code)
