"""Who asks at this machine's terminal."""

import getpass
import os


def person() -> str:
    """Return who asks, as the registry names people of this machine."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        name = f"uid-{os.getuid()}"
    return f"local:{name}"
