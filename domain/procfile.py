"""The Procfile: which process types it has, and the one line of it that is the developer's."""

import re

PROCFILE = "Procfile"
RELEASE = "release"
"""The process type that is run once before a release serves (https://devcenter.heroku.com/articles/release-phase)."""

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def process_line(procfile: str, process: str) -> str:
    """Return the command line of the first entry of this process type; empty when there is none."""
    found = (_LINE.fullmatch(line.rstrip()) for line in procfile.splitlines())
    return next((match[2] for match in found if match and match[1] == process), "")


def without_release(procfile: str) -> str:
    """Return the Procfile as the platform wrote it: the release line is the developer's own."""
    kept = (line for line in procfile.splitlines() if not line.startswith(f"{RELEASE}:"))
    return "".join(f"{line}\n" for line in kept)


def with_release_of(trusted: str, changed: str) -> str:
    """Return the trusted Procfile with the release line of the changed one; nothing else of that is taken."""
    line = process_line(changed, RELEASE)
    return without_release(trusted) + (f"{RELEASE}: {line}\n" if line else "")
