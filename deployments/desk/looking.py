"""What a person may look at beyond the registry's rows: an app's output, a change, a proof; and the hosts of a project."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from domain.errors import EngineUnreachable
from domain.patches import Patch
from domain.protocols import GitHost, Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release, live
from domain.routes import Proxy
from domain.runs import Run
from domain.values import Value
from domain.workers import AppRunner, AppState

if TYPE_CHECKING:
    from flows.opening import Blocks


class Shown(Value):
    """A proof as it is kept, and whether its signature holds."""

    document: dict[str, Any]
    genuine: bool


class Look:
    """Looks; what has to be redacted is."""

    def __init__(
        self, registry: Registry, vault: Vault, engine: AppRunner, git: GitHost, proxy: Proxy, wakeups: Wakeups, home: Path,
        base_domain: str,
    ) -> None:  # fmt: skip
        self._registry = registry
        self._vault = vault
        self._engine = engine
        self._git = git
        self._proxy = proxy
        self._wakeups = wakeups
        self._home = home
        self._base_domain = base_domain

    async def output(self, project: str, lines: int = 100) -> str:
        """Return the last lines that the live release printed; empty when none is live."""
        from domain.trimming import plain
        from tasks.redaction import project_redactor

        serving = live(await self._registry.releases(project))
        if serving is None:
            return ""
        redactor = await project_redactor(project, self._vault)
        return redactor.redact(plain(await self._engine.logs(serving.identity, lines))).strip()

    async def is_running(self, serving: Release | None) -> bool | None:
        """Tell whether the copy of what serves runs now; None when nothing serves, or the engine does not say."""
        running = None if serving is None else await self.running(serving.project)
        return None if serving is None or running is None else serving.identity in running

    async def running(self, project: str | None = None) -> frozenset[str] | None:
        """Return the copies that run now, of one project or of all, asked for at once; None when the engine does not say."""
        with suppress(EngineUnreachable):
            return frozenset(app.identity for app in await self._engine.apps(project) if app.state is AppState.RUNNING)
        return None

    async def change(self, run: Run) -> Patch | None:
        """Return what the run has changed so far, against what it began with; None when it has committed nothing."""
        from tasks.redaction import project_redactor

        if not await self._git.exists(run.project):
            return None
        head = await self._git.head(run.project, f"run/{run.id}")
        if head is None:
            return None
        proofs = await self._registry.proofs(run.project)
        base = next((proof.body["base"] for proof in proofs if proof.run == run.id), None)
        patch = await self._git.patch(run.project, base or await self._began(run.project, head), head)
        redactor = await project_redactor(run.project, self._vault)
        return patch.model_copy(update={"diff": redactor.redact(patch.diff)})

    async def _began(self, project: str, head: str) -> str | None:
        """Return what a run that has no proof began with: main may have gone on since, by work of others."""
        main = await self._git.head(project)
        return await self._git.fork(project, main, head) if main else None

    async def proof(self, project: str, run: str | None = None) -> Shown | None:
        """Return the run's proof, or the project's newest; None when nothing was proved yet."""
        from blocks.proof_key import holds
        from domain.proofs import as_document, canonical

        found = next((each for each in await self._registry.proofs(project) if run in (None, each.run)), None)
        if found is None:
            return None
        document, key = as_document(found), await self.proof_key()
        genuine = bool(key) and holds(canonical(document["proof"]), document["signature"], key)
        return Shown(document={**document, "key": key}, genuine=genuine)

    async def archive(self, project: str) -> BinaryIO | None:
        """Return a zip with the code that was accepted last and its history; None when there is no code yet.

        It is an open file that has no name any more, to be closed: however large it is, none of it is in memory.
        """
        from blocks.git.archives import write_zip
        from deployments.data_folder import DataFolder

        if not await self._git.exists(project) or await self._git.head(project) is None:
            return None
        with TemporaryDirectory() as folder:
            target = Path(folder) / f"{project}.zip"
            await write_zip(DataFolder(self._home).repositories, project, target)
            return await asyncio.to_thread(target.open, "rb")

    async def proof_key(self) -> str:
        """Return the public key by which proofs are signed here, in hex; empty before the first."""
        from blocks.proof_key import ProofKey

        return await ProofKey(self._home).known()

    async def add_host(self, project: str, host: str, who: str) -> str:
        """Let the host lead to the project as well, and return it as it is kept; raise BadInput when it may not."""
        from tasks.domains import add_domain

        added = await add_domain(
            project, host, who, self._base_domain, self._registry, self._engine, self._proxy, self._wakeups
        )
        return added.host

    async def remove_host(self, project: str, host: str, who: str) -> str:
        """Let the host lead to the project no more, and return it; raise BadInput when it does not, or is its main one."""
        from tasks.domains import remove_domain

        return await remove_domain(project, host, who, self._registry, self._engine, self._proxy, self._wakeups)


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def look_of(blocks: "Blocks") -> Look:
    at = blocks.installation
    return Look(
        blocks.registry, blocks.vault, blocks.engine, blocks.git, blocks.proxy, blocks.wakeups, Path(at.home), at.base_domain
    )
