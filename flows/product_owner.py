"""product_owner: a person's words become a Brief.

Runs inside the process that the person talks to (command line, bot), so that an answer never waits for a new process.
"""

from prefect import flow
from pydantic import Field

from domain.attachments import Attachment
from domain.briefs import Brief
from domain.errors import BadInput
from domain.names import REQUEST_LIMIT, Slug
from domain.values import Value
from flows.opening import open_blocks
from tasks.brief_talk import Desk
from tasks.product_owner import write_brief
from tasks.tagging import tag_run


class Wish(Value):
    """What a person asked for."""

    run: str = Field(description="Slipway's id of the run that this will become")
    request: str = Field(max_length=REQUEST_LIMIT)
    name: Slug | None = Field(default=None, description="Slug that the person chose")
    kind: str | None = Field(default=None, description="Kind that the person chose")
    project: Slug | None = Field(default=None, description="Existing project that is to be changed")
    attachments: tuple[Attachment, ...] = Field(default=(), description="Files that came with it, by name and hash of content")


@flow(name="product_owner", flow_run_name="brief for {wish.run}", persist_result=True)
async def product_owner(wish: Wish) -> Brief:
    """Return the Brief; raise BadInput when the project to change does not exist, NeedsPerson when there is no Brief."""
    blocks = await open_blocks()
    present = None
    if wish.project is not None:
        found = await blocks.registry.project(wish.project)
        if found is None:
            raise BadInput(f"there is no project {wish.project!r}: `slipway status` lists what there is")
        present = found.brief
    taken = frozenset(project.slug for project in await blocks.registry.projects()) - {wish.name}  # the desk judges that one
    brief = await write_brief(
        wish.run,
        wish.request,
        wish.name,
        wish.kind,
        present,
        taken,
        blocks.installation.model_of("product_owner"),
        blocks.model,
        blocks.registry,
        Desk(blocks.installation.arrangement_of("product_owner"), blocks.engine, blocks.wakeups),
        wish.attachments,
        blocks.attachments,
    )
    await tag_run(f"project:{brief.slug}")
    return brief
