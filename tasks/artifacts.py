"""What a delivery leaves in the Prefect UI: one markdown artifact for each thing worth reading."""

import re

from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact
from prefect.context import FlowRunContext, TaskRunContext

from domain.patches import Patch
from domain.usage import Cost
from tasks.redaction import redacted


async def publish(name: str, run: str, markdown: str, description: str = "") -> None:
    """Create the markdown artifact `<name>-<run>`; nothing happens outside of a Prefect run."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    await acreate_markdown_artifact(redacted(markdown), key=artifact_key(name, run), description=description)


async def publish_link(name: str, run: str, link: str, text: str) -> None:
    """Create a link artifact; nothing happens outside of a Prefect run."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    await acreate_link_artifact(link=link, link_text=text, key=artifact_key(name, run))


def artifact_key(name: str, run: str) -> str:
    """Return the key in Prefect's alphabet: lower case, digits, dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{name}-{run}".lower())


def patch_markdown(patch: Patch) -> str:
    """Render a patch with its diff."""
    rows = "\n".join(f"| `{file.path}` | +{file.added} | -{file.removed} |" for file in patch.files)
    fence = "`" * 6
    return f"| file | added | removed |\n|---|---|---|\n{rows}\n\n{fence}diff\n{patch.diff}\n{fence}\n"


def cost_markdown(cost: Cost) -> str:
    """Render what the run cost so far."""
    tokens = cost.tokens
    unpriced = f"\n\n{cost.unpriced_calls} calls went to a model without a known price." if cost.unpriced_calls else ""
    cached = f"| cache read | {tokens.cache_read:,} |\n| cache written | {tokens.cache_write:,} |"
    return (
        f"**{cost.usd:.4f} USD** in {cost.calls} calls\n\n| tokens | |\n|---|---|\n| input | {tokens.input:,} |\n"
        f"| output | {tokens.output:,} |\n{cached}{unpriced}\n"
    )
