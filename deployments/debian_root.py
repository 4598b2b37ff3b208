"""A Debian root file system made on this machine, for engines that can pull no image."""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import Broken

PACKAGES = (
    "python3",
    "python3-pip",
    "python3-venv",
    "python-is-python3",
    "git",
    "ca-certificates",
    "curl",
    "procps",
    "ripgrep",
)
LEFT_OUT = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")
CHUNK = 1024 * 1024


class Mirror(NamedTuple):
    """Where this machine's own packages come from."""

    address: str
    suite: str
    components: tuple[str, ...]


def can_bootstrap() -> bool:
    """Tell whether this process may and can make a root file system."""
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None


def host_mirror(etc: Path = Path("/etc")) -> Mirror:
    """Return the archive and release that apt uses on this machine."""
    release = dict(line.split("=", 1) for line in (etc / "os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    files = [*sorted((etc / "apt/sources.list.d").glob("*.sources")), etc / "apt/sources.list"]
    files += sorted((etc / "apt/sources.list.d").glob("*.list"))
    for file in files:
        if file.is_file() and (mirror := mirror_in(file.read_text(), suite)):
            return mirror
    raise Broken(f"no apt source of {suite or 'this machine'} was found under {etc / 'apt'}: set SLIPWAY_BASE_IMAGE instead")


def mirror_in(text: str, suite: str) -> Mirror | None:
    """Return the first archive of `suite` in an apt source file, old style or deb822 (man 5 sources.list)."""
    for stanza in text.split("\n\n"):
        lines = [line.strip() for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields = {key.lower(): value.split() for key, _, value in (line.partition(":") for line in lines)}
        if suite in fields.get("suites", ()) and "deb" in fields.get("types", ()) and "no" not in fields.get("enabled", ()):
            return Mirror(fields["uris"][0], suite, tuple(fields.get("components", ("main",))))
        for line in lines:
            words = [word for word in line.split() if not (word.startswith("[") or word.endswith("]"))]
            if words[0] == "deb" and suite in words[2:3]:
                return Mirror(words[1], suite, tuple(words[3:]))
    return None


def recipe() -> str:
    """Return what determines the root file system, but for the day's package versions."""
    return " ".join((platform.machine(), *PACKAGES, *LEFT_OUT))


@contextlib.contextmanager
def debian_root(mirror: Mirror, report: Callable[[str], None]) -> Iterator[Iterator[bytes]]:
    """Yield a tar stream of a fresh minimal Debian with PACKAGES; nothing of it stays on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-root-", dir="/var/tmp"))
    try:
        report("Installing a minimal Debian for the base image (about a minute, once)")
        _install(mirror, folder)
        with subprocess.Popen(_pack(folder), stdout=subprocess.PIPE) as tar:
            yield _chunks(tar)
        if tar.returncode != 0:
            raise Broken(f"packing the root file system failed: tar ended with {tar.returncode}")
    finally:
        # One file system: whatever debootstrap left mounted below is not ours to delete.
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)


def _install(mirror: Mirror, folder: Path) -> None:
    """Run debootstrap in its own mount namespace, so that its mounts end with it."""
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--components={','.join(mirror.components)}", mirror.suite, str(folder), mirror.address]
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, process_group=0, **streams) as process:
        try:
            output, _ = process.communicate()
        except BaseException:  # who is interrupted leaves none of its programs behind
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise Broken(f"debootstrap of {mirror.suite} from {mirror.address} failed: {output[-600:]}")


def _chunks(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    while process.stdout is not None and (chunk := process.stdout.read(CHUNK)):
        yield chunk


def _pack(folder: Path) -> list[str]:
    left_out = [f"--exclude=./{path}/*" for path in LEFT_OUT]
    return ["tar", "--create", "--numeric-owner", "--one-file-system", *left_out, f"--directory={folder}", "."]
