"""A program with a supervisor beside it, in a folder: started, found again by any process, stopped, killed.

The folder holds `launch.json` (what is run), `state.json` and `log` of the supervisor (`process_shim`).
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGTERM
from typing import Any

from blocks.process_engine import shim as process_shim
from blocks.process_engine.shim import write_json
from blocks.process_engine.tree import Tree, alive
from domain.errors import EngineUnreachable

MARK = "SLIPWAY_APP"
"""In the environment of all that belongs to the folder."""
LOG_BYTES = 5_000_000
POLL = 0.05
KILLED = 137


def runs(state: dict[str, Any]) -> bool:
    """Tell whether the program of this state runs."""
    return bool(state) and alive(*state["child"])


def restarts(state: dict[str, Any]) -> bool:
    """Tell whether the program does not run, and its supervisor is about to start it again."""
    return bool(state) and not alive(*state["child"]) and alive(*state["shim"])


class Supervised:
    """What runs in one folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    async def launch(self, plan: dict[str, Any]) -> None:
        """Start the supervisor, which answers as soon as the program's process is there."""
        write_json(str(self.home / "launch.json"), plan)
        python = [sys.executable, "-I", "-S", process_shim.__file__, str(self.home)]
        with (self.home / "shim.log").open("ab") as log:
            ended = await asyncio.to_thread(
                subprocess.run,
                python,
                env={MARK: str(self.home)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if ended.returncode:
            detail = (self.home / "shim.log").read_text(errors="replace")[-500:]
            raise EngineUnreachable("this machine", f"starting {self.home.name}", detail)

    @property
    def state(self) -> dict[str, Any]:
        """Return who runs, and how the program last ended; empty when it never ran, or a crash broke the file."""
        try:
            state: dict[str, Any] = json.loads((self.home / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return state

    def tree(self) -> Tree:
        state = self.state
        known = [(int(pid), str(born)) for pid, born in (state["shim"], state["child"])] if state else []
        return Tree(f"{MARK}={self.home}", *known)

    async def stop(self, seconds: float) -> None:
        """Ask it to end, kill it after `seconds`; nothing happens when it never ran."""
        state = self.state
        if not state:
            return
        tree, shim = self.tree(), state["shim"]
        if alive(*shim):
            os.kill(shim[0], SIGTERM)
        else:  # somebody killed the supervisor alone
            await asyncio.to_thread(tree.signal, SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                while await asyncio.to_thread(tree.look):  # noqa: ASYNC110 - processes of others can only be looked at
                    await asyncio.sleep(POLL)
        except TimeoutError:
            await self._kill(tree)

    async def kill(self) -> None:
        """Kill program and supervisor, and write down how they ended in the supervisor's place."""
        await self._kill(self.tree())

    async def _kill(self, tree: Tree) -> None:
        killed = bool(tree.look())
        await asyncio.to_thread(tree.kill)
        if killed and (state := self.state):
            dead = {"shim": [0, ""], "child": [0, ""], "exit_code": KILLED}
            write_json(str(self.home / "state.json"), {**state, **dead})

    def log(self, lines: int) -> str:
        """Return the last lines of both its streams."""
        files = [self.home / name for name in ("log.1", "log")]
        text = b"".join(file.read_bytes() for file in files if file.is_file()).decode("utf-8", "replace")
        return "".join(text.splitlines(keepends=True)[-lines:]) if lines > 0 else ""
