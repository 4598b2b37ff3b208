"""Keys of this user for installations elsewhere: one file for each server, mode 0600, made by `slipway login`."""

import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from blocks.private_files import write_private
from domain.errors import BadInput, NeedsPerson

NEAR = ("localhost", "127.0.0.1", "::1")
SCHEMES = {"https": 443, "http": 80}


class NotLoggedIn(NeedsPerson):
    """No key is kept for a server: (server,)."""

    def __str__(self) -> str:
        return f"no key is kept for {self.args[0]}: `slipway --server {self.args[0]} login` keeps one"


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


def folder() -> Path:
    """Return where keys are kept (the XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "slipway" / "keys"


def file_of(server: str) -> Path:
    """Return where the key for a server is kept."""
    return folder() / quote(server.partition("://")[2], safe="[]:")


def servers() -> list[str]:
    """Return the servers for which a key is kept."""
    names = sorted(unquote(file.name) for file in folder().glob("[!.]*"))
    return [f"{'http' if urlsplit(f'//{name}').hostname in NEAR else 'https'}://{name}" for name in names]


def usual_server(home: Path) -> str:
    """Return the server that is asked where none is named: the only one with a key, on a machine without an installation."""
    kept = [] if home.exists() else servers()
    return kept[0] if len(kept) == 1 else ""


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


def forget(server: str) -> None:
    """Forget the key for a server; raise NotLoggedIn when there is none."""
    try:
        file_of(server).unlink()
    except FileNotFoundError:
        raise NotLoggedIn(server) from None
