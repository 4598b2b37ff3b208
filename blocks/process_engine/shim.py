"""The little supervisor beside each app of the process engine: it outlives whoever started it.

It needs the standard library only. Started as `python -I -S shim.py FOLDER`; FOLDER/launch.json says what to run.
It goes to the background once the app has been started. FOLDER/state.json always says who runs and how the app last ended.
A failing app is started again up to `tries` times with a growing pause, as Docker does; SIGTERM ends both, and
reaches the app as the signal `stop_signal` of launch.json, where that names one.
"""

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any

TICK = 0.5
LASTING = 60.0
"""An app that ran this many seconds has all its tries again."""


def birth(pid: int) -> str:
    """Return what tells this process from a later one with the same number: boot and start time; empty when it is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else f"{boot}/{fields[19].decode()}"


def write_json(path: str, value: object) -> None:
    """Replace the file in one step, readable by its owner only."""
    partial = f"{path}.{os.getpid()}"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
    os.replace(partial, path)


class Supervisor:
    """One app: its state file, its log, its restarts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        with open(f"{folder}/launch.json") as file:
            self.launch: dict[str, Any] = json.load(file)
        self.child = 0
        self.exit_code: int | None = None
        self.restarts = 0
        self.started = 0.0
        self.stopping = False
        self.saved = True

    def start(self) -> None:
        """Start the app in a session of its own, with nothing of ours but the log."""
        log = os.open(f"{self.folder}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open("/dev/null", os.O_RDONLY)
        argv = self.launch["argv"]
        plumbing = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        try:
            self.child = os.posix_spawn(
                argv[0], argv, self.launch["environment"], file_actions=plumbing, setsid=True, setsigmask=()
            )
        finally:
            os.close(log)
            os.close(null)
        self.started = time.time()
        self.save()

    def save(self) -> None:
        """Write down how it is; on a full disk that is done as soon as there is room, and the app goes on meanwhile."""
        shim, child = os.getpid(), self.child
        who = {"shim": [shim, birth(shim)], "child": [child, birth(child) if child else ""]}
        try:
            write_json(f"{self.folder}/state.json", {**who, **self.told()})
            self.saved = True
        except OSError:
            self.saved = False

    def told(self) -> dict[str, Any]:
        """Return how the app fared."""
        return {"exit_code": self.exit_code, "restarts": self.restarts, "started": self.started}

    def wait(self, seconds: float) -> bool:
        """Return after a while or when something happened; True when the app ended."""
        heard = signal.sigtimedwait({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}, seconds)
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            self.stopping = True
            if self.child:
                os.killpg(self.child, self.launch.get("stop_signal", signal.SIGTERM))
        if not self.saved:
            self.save()
        with contextlib.suppress(OSError):  # the disk is full, or somebody deleted the file
            self.rotate()
        if not self.child:
            return False
        pid, status = os.waitpid(self.child, os.WNOHANG)
        if not pid:
            return False
        code = os.waitstatus_to_exitcode(status)
        self.exit_code = code if code >= 0 else 128 - code
        if not self.stopping:  # whoever stops it lets what the shell has started finish, and kills it at his deadline
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # what it leaves behind would hold its port
        self.child = 0
        return True

    def rotate(self) -> None:
        """Keep one older log; the app goes on appending to the same file."""
        limit = self.launch["log_bytes"]
        with open(f"{self.folder}/log", "r+b") as log:
            size = log.seek(0, os.SEEK_END)
            if size <= limit:
                return
            log.seek(-limit, os.SEEK_END)
            with open(f"{self.folder}/log.1", "wb") as older:
                older.write(log.read())
            log.truncate(0)

    def supervise(self) -> None:
        """Stay until the app has ended for good."""
        failures = 0
        while True:
            began = time.monotonic()
            while not self.wait(TICK):
                pass
            if time.monotonic() - began > LASTING:
                failures = 0
            self.save()
            if self.stopping or self.exit_code == 0 or failures >= self.launch["tries"]:
                return
            self.pause(self.launch["pause"] * 2**failures)
            if self.stopping:
                return
            failures += 1
            self.restarts += 1
            self.start()

    def pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            self.wait(min(left, TICK))


def main(folder: str) -> None:
    """Start the app, tell the starter, and stay in the background."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os._exit(0 if os.read(ready, 1) else 1)
    os.setsid()
    os.close(ready)
    supervisor = Supervisor(folder)
    os.chdir(supervisor.launch["cwd"])
    supervisor.start()
    os.write(tell, b"1")
    os.close(tell)
    supervisor.supervise()


if __name__ == "__main__":
    main(sys.argv[1])
