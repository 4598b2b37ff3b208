"""Ports of this machine: chosen and kept, and who has one that is used."""

import errno
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from blocks.private_files import write_private
from deployments.data_folder import DataFolder
from domain.errors import BadInput


def choose_port(folder: DataFolder, name: str, wanted: int, setting: str, host: str) -> int:
    """Return the wanted port, or for 0 a free one that stays the same from start to start; raise BadInput when it is used."""
    if wanted:
        refuse_used(wanted, setting, host)
        return wanted
    file = folder.home / f"{name}.port"
    text = file.read_text(errors="replace").strip() if file.exists() else ""
    kept = int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
    if kept and port_problem(kept, host) is None:
        return kept
    chosen = free_port(host)
    write_private(file, str(chosen))
    return chosen


def refuse_used(port: int, setting: str, host: str) -> None:
    problem = port_problem(port, host)
    if problem is errno.EACCES:
        raise BadInput(f"port {port} may not be opened by this user: set {setting} to one above 1023, or 0 for a free one")
    if problem is not None:
        by = f" by {owner}" if (owner := port_owner(port)) else ""
        raise BadInput(f"port {port} is in use{by}: end that, or set {setting} to another port, or 0 for a free one")


def port_problem(port: int, host: str) -> int | None:
    """Return the error number with which the port refuses to be opened; None when it can be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.errno
        except OverflowError:  # no port has such a number
            return errno.EINVAL
    return None


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_owner(port: int) -> str:
    """Return `name (pid N)` of the listening process, as far as this user may see it; empty when not."""
    inodes = set(_listening(port))
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in inodes:
                process = link.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it ended, or belongs to another user
            continue
    return ""


def _listening(port: int) -> Iterator[str]:
    """Yield `socket:[inode]` of the sockets that listen on the port (proc(5), /proc/net/tcp; state 0A is listening)."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{fields[9]}]"
