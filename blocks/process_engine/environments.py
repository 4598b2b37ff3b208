"""Virtual environments of the process engine: one for agents, one for each set of requirements, each made once.

They are made in their final place under a lock, and count only once the file `ready` is there: scripts in `bin` name
their own folder, so that a finished environment cannot be moved.
"""

import hashlib
import platform
import shutil
from pathlib import Path

from blocks.process_engine.commands import run_command
from blocks.process_engine.folders import base_python, locked, scrubbed
from domain.capabilities import NODE_PACKAGE, NpmProgram
from domain.errors import EngineUnreachable
from domain.workers import Command, CommandResult, Limits

AGENT_PACKAGES = ("fastapi", "uvicorn", "httpx", "pytest")
AGENT_SECONDS = 600.0
INSTALL_NODE = """
"$3/bin/python" -m pip --no-input --python "$0/bin/python" install "$1" || exit
[ -z "$2" ] || PATH="$0/bin:$PATH" npm install --no-audit --no-fund --prefix "$0/npm" "$2"
"""
LIMITS = Limits(memory_mb=4096, cpus=2.0, pids=256, disk_mb=4096)
"""An installer's bounds: building a package may take more than running the app."""


class Environments:
    """The folder `venvs` and what is in it."""

    def __init__(self, root: Path, ca_bundle: str | None) -> None:
        self._root = root
        self._ca_bundle = ca_bundle

    async def agent(self) -> Path:
        """Return the environment that agents work in; raises EngineUnreachable when its packages cannot be had."""
        venv = self._root / "venvs" / f"agent-{_digest(*AGENT_PACKAGES)}"
        async with locked(venv.with_suffix(".lock")):
            failed = await self._made(venv, (), (*_pip(venv), "install", *AGENT_PACKAGES), self._root, AGENT_SECONDS)
        if failed is not None:
            raise EngineUnreachable("the package index", "installing the agents' tools", failed.text[-2000:])
        return venv

    async def node(self, program: NpmProgram | None) -> tuple[Path, ...]:
        """Return the folders of Node's programs and of this one's, installed on first use; raises EngineUnreachable."""
        wanted = program.pinned if program else ""
        venv = self._root / "venvs" / f"node-{_digest(NODE_PACKAGE, wanted)}"
        install = ("sh", "-c", INSTALL_NODE, str(venv), NODE_PACKAGE, wanted, str(await self.agent()))
        async with locked(venv.with_suffix(".lock")):
            failed = await self._made(venv, ("--without-pip",), install, self._root, AGENT_SECONDS)
        if failed is not None:
            raise EngineUnreachable("npm's registry", f"installing {wanted or 'Node'}", failed.text[-2000:])
        return venv / "npm/node_modules/.bin", venv / "bin"

    def place(self, app: Path, content: str) -> Path:
        """Return where the environment of an app with these files is or will be."""
        return self._root / "venvs" / _key(app, content)

    async def require(self, venv: Path, app: Path, seconds: float) -> CommandResult | None:
        """Install the app's requirements into `venv` unless done before; None when it is ready, else how it failed.

        The caller holds the lock of `venv`.
        """
        if not (app / "requirements.txt").is_file():
            return await self._made(venv, ("--without-pip",), (), app, seconds)
        # The agents' pip does it: putting a pip into each environment takes longer than most requirements.
        install = (*_pip(await self.agent()), "--python", str(venv / "bin/python"), "install", "-r", "requirements.txt")
        return await self._made(venv, ("--without-pip",), install, app, seconds)

    async def _made(
        self, venv: Path, options: tuple[str, ...], install: tuple[str, ...], cwd: Path, seconds: float
    ) -> CommandResult | None:
        """Make the environment and run the installer's command line, if any."""
        if (venv / "ready").exists():
            return None
        shutil.rmtree(venv, ignore_errors=True)
        result = await self._run((base_python(), "-m", "venv", *options, str(venv)), cwd, seconds)
        if result.ok and install:
            result = await self._run(install, cwd, seconds)
        if not result.ok:
            shutil.rmtree(venv, ignore_errors=True)
            return result
        (venv / "ready").touch()
        return None

    async def _run(self, argv: tuple[str, ...], cwd: Path, seconds: float) -> CommandResult:
        home = self._root / "installer"
        for name in ("home", "tmp"):
            (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = scrubbed(home, ca_bundle=self._ca_bundle)
        return await run_command(Command(argv=argv, seconds=seconds), folder=cwd, environment=environment, limits=LIMITS)


def _pip(venv: Path) -> tuple[str, ...]:
    return (str(venv / "bin/python"), "-m", "pip", "--no-input")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join((platform.python_version(), *texts)).encode()).hexdigest()[:32]


def _key(app: Path, content: str) -> str:
    """Name an environment by all requirement files; by everything when they install from the project's own folder."""
    files = sorted([*app.glob("*requirements*.txt"), *app.glob("*constraints*.txt"), *app.glob("requirements/*.txt")])
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    local = any(line.startswith((".", "-e", "--editable", "/")) or "file:" in line for line in lines)
    return _digest(*(str(file.relative_to(app)) for file in files), *texts, content if local else "")
