"""The data folder: where everything lies, who holds it, and what is up in it."""

import fcntl
import os
import secrets
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from pydantic import Field, ValidationError

from blocks.private_files import write_private
from deployments.sockets import socket_folder
from domain.errors import BadInput, NeedsPerson
from domain.values import Value

LOCK = "up.lock"
AUTH_FILE = "prefect.auth"


class Up(Value):
    """What runs, as `up.json` tells other processes of this user."""

    home: str
    pid: int
    prefect_api_url: str
    prefect_ui_url: str
    own_prefect: bool = Field(default=True, description="Whether the Prefect server is this installation's own")
    apps_url: str
    http_port: int
    apps_host: str = Field(default="127.0.0.1", description="Address of this machine on which they answer")
    apps_port: int = Field(default=0, description="Of HTTPS with TLS, else of HTTP")
    root_certificate: str = Field(default="", description="File with what a program has to trust to reach the apps")
    page_url: str = Field(default="", description="Address of the owner's page; empty without the HTTP API")
    base_domain: str
    redis_url: str
    caddy_admin: str
    engine: str
    replay: bool
    pids: dict[str, int] = Field(default_factory=dict)


class AlreadyUp(NeedsPerson):
    """Another `slipway up` holds the data folder: (home, its addresses or None while it starts)."""

    def __init__(self, home: str, up: Up | None) -> None:
        super().__init__(home, up)
        self.up = up

    def __str__(self) -> str:
        if self.up is None:
            return f"`slipway up` is starting already in {self.args[0]}: nothing was changed"
        return f"Slipway is up already: apps at {self.up.apps_url}, runs at {self.up.prefect_ui_url}; nothing was changed"


@dataclass(frozen=True)
class DataFolder:
    """Paths of one installation. Nothing is made before `prepare`."""

    home: Path

    @property
    def prefect(self) -> Path:
        """PREFECT_HOME of everything that this installation runs."""
        return self.home / "prefect"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run_logs(self) -> Path:
        return self.logs / "runs"

    @property
    def repositories(self) -> Path:
        return self.home / "git"

    @property
    def engine(self) -> Path:
        """What an engine keeps: candidates, workers and data of apps."""
        return self.home / "engine"

    @property
    def caddy(self) -> Path:
        return self.home / "caddy"

    @property
    def caddy_storage(self) -> Path:
        """Certificates and routes."""
        return self.caddy / "storage"

    @property
    def root_certificate(self) -> Path:
        """Of Caddy's own authority; made at the first start with SLIPWAY_TLS=internal."""
        return self.caddy_storage / "pki" / "authorities" / "local" / "root.crt"

    @property
    def redis(self) -> Path:
        return self.home / "redis"

    @property
    def registry(self) -> Path:
        return self.home / "registry.db"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.home)

    def prepare(self) -> None:
        """Make every folder with mode 0700; raise BadInput when that is not possible."""
        _refuse_foreign(self.home)
        _private(self.home, self.home)
        self._lock.touch()  # first of all: by it the next start knows the folder for ours, also after a kill just here
        for path in (self.prefect, self.logs, self.run_logs, self.repositories, self.engine, self.caddy, self.redis):
            _private(path, self.home)
        _private(self.sockets, self.home)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one `slipway up` of this folder; raise AlreadyUp when another is."""
        with self._lock.open("a") as file:
            if not _locked(file.fileno(), patience=1.0):
                raise AlreadyUp(str(self.home), read_up(self.home))
            self._up.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._up.unlink(missing_ok=True)

    @property
    def _lock(self) -> Path:
        return self.home / LOCK

    @property
    def _up(self) -> Path:
        return self.home / "up.json"

    def announce(self, up: Up) -> None:
        """Tell other processes what is up; they see the old text or the new, never half of one."""
        write_private(self._up, up.model_dump_json(indent=1))

    def kept(self, name: str, make: str) -> str:
        """Return the text of a small private file; of two processes that make it at once, the first one's counts for both.

        Raises BadInput when nothing stands in it: an empty key opens, and proves, everything.
        """
        path = self.home / name
        if not path.exists():
            write_private(path, make, once=True)
        if not (text := path.read_text(errors="replace").strip()):
            cure = "put it back from a backup; deleted, it is made anew, and what was made with it is lost"
            raise BadInput(f"{path} is empty: {cure}")
        return text

    @property
    def installation(self) -> str:
        """Id of this installation, in the labels of all its containers."""
        return self.kept("installation", secrets.token_hex(4))

    @property
    def encryption_key(self) -> str:
        """Key of Prefect's Secret blocks: without this file the database holds only ciphertext."""
        # A Fernet key (https://github.com/fernet/spec): its library is slow to import, and every command reads this module.
        return self.kept("encryption.key", urlsafe_b64encode(secrets.token_bytes(32)).decode())

    @property
    def egress_key(self) -> str:
        """Key of the tokens with which workers use the egress proxy."""
        return self.kept("egress.key", secrets.token_hex(32))

    @property
    def gateway_key(self) -> str:
        """Key of the tokens with which workers use the model gateway."""
        return self.kept("gateway.key", secrets.token_hex(32))

    @property
    def prefect_auth(self) -> str:
        """What our Prefect server wants from everybody who asks it: name and password."""
        return self.kept(AUTH_FILE, f"slipway:{secrets.token_hex(32)}")

    @property
    def invitation_key(self) -> str:
        """Key of the digests of invitations: without this file the registry's invite nobody."""
        return self.kept("invitation.key", secrets.token_hex(32))


def read_up(home: Path) -> Up | None:
    """Return what is up; None when nothing is, or it is still starting, or its file was left by a kill."""
    try:
        with (home / LOCK).open() as file:
            if _locked(file.fileno(), shared=True):
                return None
        return Up.model_validate_json((home / "up.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError:
        raise BadInput(f"{home / 'up.json'} is another version's: end that `slipway up` and start it again") from None


def _locked(descriptor: int, *, shared: bool = False, patience: float = 0.0) -> bool:
    """Take the lock; the patience is for readers that hold it for an instant to see whether it is free."""
    deadline = monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                return False
            sleep(0.02)
        else:
            return True


def _refuse_foreign(home: Path) -> None:
    """Protect a folder with other things in it: `prepare` would close it to everybody else."""
    if home.is_dir() and any(home.iterdir()) and not (home / LOCK).exists():
        raise BadInput(f"{home} holds other things: set SLIPWAY_HOME to a new or empty folder")


def _private(path: Path, home: Path) -> None:
    cure = f"choose a folder that you may write to with SLIPWAY_HOME (now {home})"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) and path != home:
            raise BadInput(f"{path} is not a folder of its own: {cure}")
        if path.stat().st_uid != os.getuid():
            raise BadInput(f"{path} belongs to another user: {cure}")
        path.chmod(0o700)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"the data folder cannot be used: {path}: {error.strerror}; {cure}") from error
