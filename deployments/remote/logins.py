"""Keys of this user for installations elsewhere: one file for each server, mode 0600, made by `slipway login`."""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from blocks.private_files import write_private
from domain.errors import BadInput, NeedsPerson

NEAR = ("localhost", "127.0.0.1", "::1")
SCHEMES = {"https": 443, "http": 80}


class NotLoggedIn(NeedsPerson):
    """There is no key for a server, or it opens nothing any more: (server,)."""

    def __str__(self) -> str:
        return f"no key opens {self.args[0]}: `slipway --server {self.args[0]} login` keeps one"


def checked_server(text: str) -> str:
    """Return the server's address as it is used; raise BadInput for what is none, or would show the key to everybody."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in SCHEMES or parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        raise BadInput(f"{text[:80]!r} is no address of a Slipway: give it like https://api.example.org")
    if parts.scheme == "http" and host not in NEAR:
        raise BadInput(f"{text[:80]} would send your key in clear: use https://")
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if port in (None, SCHEMES[parts.scheme]) else f":{port}")


def file_of(server: str) -> Path:
    """Return where the key for a server is kept (the XDG Base Directory Specification)."""
    root = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return root / "slipway" / "keys" / quote(server.partition("://")[2], safe="[]:")


def keep(server: str, key: str) -> Path:
    """Keep the key, readable by this user alone, and return its file."""
    file = file_of(server)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(file, f"{key}\n")
    return file


def kept(server: str) -> str:
    """Return the key for a server; raise NotLoggedIn."""
    try:
        return file_of(server).read_text("utf-8").strip()
    except FileNotFoundError:
        raise NotLoggedIn(server) from None
