"""What a delivery leaves in the Prefect UI: one markdown artifact for each thing worth reading."""

import re
from uuid import UUID

from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext

from domain.patches import Patch
from domain.report_tables import cell
from domain.usage import Cost
from tasks.redaction import redacted


async def publish(name: str, run: str, markdown: str, description: str = "") -> None:
    """Create the markdown artifact `<name>-<run>`; nothing happens outside of a Prefect run."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    await acreate_markdown_artifact(redacted(markdown), key=artifact_key(name, run), description=description)


class Meter:
    """A progress bar in the Prefect UI: how much of its limit a long step has used."""

    def __init__(self, limit: int, artifact: UUID | None) -> None:
        self._limit = limit
        self._artifact = artifact
        self._used = 0

    @classmethod
    async def begin(cls, name: str, run: str, limit: int, text: str) -> "Meter":
        """Create the artifact `<name>-<run>`; outside of a Prefect run the meter counts without one."""
        if FlowRunContext.get() is None and TaskRunContext.get() is None:
            return cls(limit, None)
        return cls(limit, await acreate_progress_artifact(0.0, key=artifact_key(name, run), description=text))

    async def advance(self, text: str) -> None:
        """Count one step; the bar is full only when `end` says so."""
        self._used = min(self._used + 1, self._limit)
        await self._show(100.0 * self._used / (self._limit + 1), text)

    async def end(self, text: str) -> None:
        await self._show(100.0, text)

    async def _show(self, percent: float, text: str) -> None:
        if self._artifact is not None:
            await aupdate_progress_artifact(self._artifact, percent, description=redacted(text))


def artifact_key(name: str, run: str) -> str:
    """Return the key in Prefect's alphabet: lower case, digits, dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{name}-{run}".lower())


def patch_markdown(patch: Patch) -> str:
    """Render a patch with its diff, which cannot leave its fence (CommonMark 4.5) nor become a picture."""
    rows = "\n".join(f"| {cell(file.path, 200)} | +{file.added} | -{file.removed} |" for file in patch.files)
    fence = "`" * (1 + max(map(len, re.findall("`+", patch.diff)), default=5))
    return f"| file | added | removed |\n|---|---|---|\n{rows}\n\n{fence}diff\n{patch.diff}\n{fence}\n"


def cost_markdown(cost: Cost) -> str:
    """Render what the run cost so far."""
    tokens = cost.tokens
    cached = f"| cache read | {tokens.cache_read:,} |\n| cache written | {tokens.cache_write:,} |"
    return (
        f"**{cost.usd:.4f} USD** in {cost.calls} calls\n\n| tokens | |\n|---|---|\n| input | {tokens.input:,} |\n"
        f"| output | {tokens.output:,} |\n{cached}\n"
    )
