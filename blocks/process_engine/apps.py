"""Running apps of the process engine: a folder each, a supervisor beside each, found again by any process.

`apps/<identity>` holds `spec.json` (with the environment: owner only), `launch.json` and `state.json` of the supervisor,
`log`, and the app's own copy of the candidate. Apps listen on loopback only: HOST=127.0.0.1 says so to the Procfile's line.
"""

import asyncio
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.process_engine.candidates import Candidates
from blocks.process_engine.commands import bounds
from blocks.process_engine.data import ProcessData
from blocks.process_engine.folders import copy, delete, locked, overlaid, partial, place, scrubbed, settle
from blocks.process_engine.ports import APPS, free_port
from blocks.process_engine.shim import write_json
from blocks.process_engine.supervised import LOG_BYTES, MARK, Supervised, restarts, runs
from domain.errors import UnknownObject
from domain.procfile import process_line
from domain.workers import AppSpec, AppState, AppStatus, filled


class Apps:
    """The folder `apps` and what is in it."""

    def __init__(self, root: Path, candidates: Candidates, ca_bundle: str | None) -> None:
        self._root = root
        self._data = ProcessData(root)
        self._candidates = candidates
        self._ca_bundle = ca_bundle

    async def start(self, spec: AppSpec) -> AppStatus:
        """Start it or adopt it; a copy of another candidate under the same identity is replaced, a stopped one starts anew."""
        if spec.data in ("copy", "empty"):  # before the lock: a rollback does not wait for it
            await self._give_data(spec)
        async with locked(self._root / "apps.lock"):
            found = self._spec(spec.identity)
            if found and found.candidate != spec.candidate:
                await self.remove(spec.identity)
                found = None
            if not found:
                await asyncio.to_thread(delete, self._place(spec.identity), self._root)  # what a crash may have broken
                await asyncio.to_thread(self._furnish, spec)
            if self.status(spec.identity).state is AppState.STOPPED:
                await self._launch(spec.model_copy(update={"port": found.port if found else 0}))
        return self.status(spec.identity)

    async def resume(self, identity: str) -> AppStatus:
        """Start a stopped copy; raises UnknownObject when there is none."""
        async with locked(self._root / "apps.lock"):
            spec = self._spec(identity)
            if spec is None:
                raise UnknownObject("app", identity)
            if self.status(identity).state is AppState.STOPPED:
                await self._launch(spec)
        return self.status(identity)

    async def stop(self, identity: str, seconds: float) -> None:
        await self._supervised(identity).stop(seconds)

    async def remove(self, identity: str) -> None:
        await self._supervised(identity).kill()
        await asyncio.to_thread(delete, self._place(identity), self._root)
        await asyncio.to_thread(self._data.remove_own, identity)

    def status(self, identity: str) -> AppStatus:
        spec = self._spec(identity)
        if spec is None:
            return AppStatus(identity=identity, state=AppState.GONE)
        state = self._supervised(identity).state
        running = runs(state)
        return AppStatus(
            identity=identity,
            project=spec.project,
            run=spec.run,
            role=spec.role,
            state=AppState.RUNNING if running else AppState.RESTARTING if restarts(state) else AppState.STOPPED,
            address=f"127.0.0.1:{spec.port}" if running else "",
            exit_code=None if running else state.get("exit_code"),
            restarts=state.get("restarts", 0),
            started=_time(state.get("started")) if running else None,
        )

    def found(self, project: str | None = None) -> Sequence[AppStatus]:
        names = sorted(path.name for path in (self._root / "apps").glob("*"))
        statuses = [self.status(name) for name in names]
        return [status for status in statuses if status.state is not AppState.GONE and project in (None, status.project)]

    def images(self) -> set[str]:
        """Return the candidates that copies were made from, running or not."""
        return {spec.candidate for spec in self._specs()}

    def logs(self, identity: str, lines: int) -> str:
        return self._supervised(identity).log(lines)

    def _place(self, identity: str) -> Path:
        return place(self._root, "apps", identity)

    def _supervised(self, identity: str) -> Supervised:
        return Supervised(self._place(identity))

    def _spec(self, identity: str) -> AppSpec | None:
        """Return the spec with the port that it really has; None when there is no such app, or a crash broke the file."""
        try:
            return AppSpec.model_validate_json((self._place(identity) / "spec.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _specs(self) -> Sequence[AppSpec]:
        return [spec for path in (self._root / "apps").glob("*") if (spec := self._spec(path.name))]

    def _furnish(self, spec: AppSpec) -> None:
        """Make the folder with a fresh copy of the candidate, whole or not at all."""
        source = self._candidates.folder(spec.candidate)
        _line(source / "app", spec.process)
        with partial(self._root) as folder:
            copy(source / "app", folder / "app")
            for name in ("home", "tmp", "scratch"):
                (folder / name).mkdir(mode=0o700)
            write_json(str(folder / "spec.json"), {**spec.model_dump(), "port": 0})
            settle(folder, self._place(spec.identity))

    async def _launch(self, spec: AppSpec) -> None:
        """Start the supervisor, which answers as soon as the app's process is there. The caller holds the lock.

        What is left of the app before is killed first: a supervisor and its child may have been killed alone, or their folder
        deleted under them.
        """
        home = self._place(spec.identity)
        await self._supervised(spec.identity).kill()
        taken = {other.port for other in self._specs() if other.identity != spec.identity}
        spec = spec.model_copy(update={"port": free_port(APPS, taken, spec.port)})
        write_json(str(home / "spec.json"), spec.model_dump())
        await Supervised(home).launch(self._plan(spec))

    def _plan(self, spec: AppSpec) -> dict[str, Any]:
        """Return launch.json: what the supervisor runs and how often it tries."""
        home = self._place(spec.identity)
        data = self._data_of(spec)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        venv = (self._candidates.folder(spec.candidate) / "venv").readlink()
        fixed = {"HOST": "127.0.0.1", "PORT": str(spec.port), "DATA_DIR": str(data), MARK: str(home)}
        base = scrubbed(home, path=(venv / "bin",), ca_bundle=self._ca_bundle)
        return {
            "argv": [*bounds(spec.limits), "/bin/sh", "-c", _script(home / "app", spec)],
            "environment": overlaid(base, filled(spec.environment, str(data)), fixed),
            "cwd": str(home / "app"),
            "log_bytes": LOG_BYTES,
            "tries": 5 if spec.role in ("release", "preview") else 0,
            "pause": 0.1,
        }

    async def _give_data(self, spec: AppSpec) -> None:
        """Let the copy have data of its own; what a copy of another candidate had goes with that."""
        if (found := self._spec(spec.identity)) and found.candidate != spec.candidate:
            await self.remove(spec.identity)
        await self._data.give(spec.identity, spec.project, copied=spec.data == "copy")

    def _data_of(self, spec: AppSpec) -> Path:
        match spec.data:
            case "project":
                return place(self._root, "data", spec.project)
            case "scratch":
                return self._place(spec.identity) / "scratch"
            case _:
                return self._data.own(spec.identity)


def _line(app: Path, process: str) -> str:
    """Return the command line of a Procfile entry; raise UnknownObject when there is none."""
    if line := _optional_line(app, process):
        return line
    raise UnknownObject("Procfile entry", process)


def _optional_line(app: Path, process: str) -> str:
    procfile = app / "Procfile"
    return process_line(procfile.read_text(encoding="utf-8"), process) if procfile.is_file() else ""


def _script(app: Path, spec: AppSpec) -> str:
    """Return what the shell runs: the process type's line, after that of `first` when the Procfile has it."""
    line, first = _line(app, spec.process), _optional_line(app, spec.first) if spec.first else ""
    return f"sh -c {shlex.quote(first)} || exit\n{line}" if first else line


def _time(seconds: float | None) -> datetime | None:
    """Return the moment; None of a copy whose supervisor is of a time when it was not kept."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
