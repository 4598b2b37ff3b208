"""A request becomes a Brief that a person may accept, in this process; nothing is reserved yet."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deployments.desk.recording import begin_session
from deployments.desk.reservations import refuse_taken
from domain.attachments import Attachment
from domain.errors import BadInput, ModelKeyMissing
from domain.names import checked_request, checked_slug, formed_slug
from domain.proposals import Proposal
from domain.runs import Origin

if TYPE_CHECKING:
    from flows.opening import Blocks


async def proposed(
    blocks: "Blocks",
    text: str,
    origin: Origin,
    *,
    run: str,
    owner: str,
    name: str | None,
    kind: str | None,
    project: str | None,
    preview: bool | None,
    scratch: bool,
    attachments: tuple[Attachment, ...],
) -> Proposal:
    """Return the proposal that becomes `run`; raise ModelKeyMissing, or BadInput before any model is asked."""
    from prefect import tags

    from deployments.desk.previewing import app_json_of, preview_data
    from flows.product_owner import Wish, product_owner
    from tasks.kinds import kind_named

    installation, registry = blocks.installation, blocks.registry
    if not installation.answers:
        raise ModelKeyMissing
    request = checked_request(text)
    if kind is not None:
        kind_named(kind)
    if name is not None:
        await refuse_taken(checked_slug(name), owner, registry)
    present = await registry.project(formed_slug(project)) if project is not None else None
    if project is not None and present is None:
        raise BadInput(f"there is no project {project!r}: `slipway status` lists what there is")
    shown: Literal["", "copy", "empty"] = ""
    if present is not None:
        app_json = await app_json_of(present, blocks.git)
        shown = preview_data(present, app_json, preview, installation.preview_changes, scratch=scratch)
    if installation.record:
        await asyncio.to_thread(begin_session, Path(installation.record), run, request, installation.model, datetime.now(UTC))
    with tags(f"run:{run}", *([f"project:{project}"] if project else [])):
        wish = Wish(run=run, request=request, name=name, kind=kind, project=project, attachments=attachments)
        brief = await product_owner(wish)
    return Proposal(
        run=run,
        brief=brief,
        change=project is not None,
        request=request,
        origin=origin,
        preview=shown,
        attachments=attachments,
    )
