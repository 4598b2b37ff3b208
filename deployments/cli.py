"""The command line's way in. It imports nothing at first, so that Ctrl-C is answered from the first moment on."""

import sys

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


def main() -> None:
    """Run the command line."""
    try:
        from deployments.commands.table import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("slipway: interrupted\n")
        code = 130
    raise SystemExit(code)
