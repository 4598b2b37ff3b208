"""Where an installation's unix sockets are. Only the standard library: each command starts by looking here."""

import hashlib
import os
from pathlib import Path

SOCKET_PATH_LIMIT = 90
"""Bytes; the kernel takes 107 (unix(7)), and programs append a little when they bind."""

COMMANDS = "commands.sock"
"""Where the runner takes commands of the command line."""


def socket_folder(home: Path) -> Path:
    """Return a folder short enough for unix sockets, however deep the data folder lies."""
    inside = home / "sockets"
    if len(os.fsencode(inside / "caddy-admin.sock")) <= SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    root = runtime if runtime and len(runtime) < 50 and os.path.isdir(runtime) else "/tmp"  # noqa: S108  (owner checked)
    return Path(root) / f"slipway-{os.getuid()}-{digest}"
