"""The desk where requests come in: the command line, the bot and the API start work through it."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from deployments.desk.answers import TRIES, answer_run, asked
from deployments.desk.leftovers import clear_leftover
from deployments.desk.looking import look_of
from deployments.desk.reservations import reserve
from deployments.desk.telling import tell_run
from deployments.prefect_server.flow_runs import cancel_flow_run, hand_over, hand_over_run
from domain.attachments import Attachment, Attachments
from domain.deeds import Deeds
from domain.errors import BadInput, ModelKeyMissing, NothingToRollBackTo, ServiceUnreachable, UnknownObject
from domain.escalations import Door, Escalation
from domain.previews import Preview
from domain.proposals import Answered, Proposal
from domain.protocols import Vault, Wakeups
from domain.refusals import RollbackRefused
from domain.registry import Registry
from domain.releases import live
from domain.remarks import Remark
from domain.rollbacks import refusal
from domain.runs import DeliveryRequest, Origin, Run, RunState
from domain.snapshots import DataChoice
from domain.writing import Writing

if TYPE_CHECKING:
    from flows.opening import Blocks
    from tasks.dialogue import Turn

OPERATOR = "operator"
"""Owner of what nobody else owns."""


def run_id(key: str | None) -> str:
    """Return a new run id; the same one for the same key, so that a request that comes twice is one run."""
    digest = hashlib.sha256(key.encode()).hexdigest() if key else secrets.token_hex(16)
    return f"r-{digest[:10]}"


class Desk:
    """Takes requests: proposes, starts, cancels, rolls back. One process may share one desk."""

    def __init__(self, blocks: "Blocks") -> None:
        self.blocks = blocks
        self.registry: Registry = blocks.registry
        self.wakeups: Wakeups = blocks.wakeups
        self.vault: Vault = blocks.vault
        self.attachments: Attachments = blocks.attachments
        self.look = look_of(blocks)

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        name: str | None = None,
        kind: str | None = None,
        project: str | None = None,
        key: str | None = None,
        preview: bool | None = None,
        scratch: bool = False,
        attachments: Sequence[Attachment] = (),
    ) -> Proposal:
        """Turn a request, with files that are kept already, into a Brief by the product_owner flow; nothing is reserved yet.

        `preview`: a change is to be looked at first, with empty data when `scratch`; None: as set. Raises as `proposed`.
        """
        from deployments.desk.proposing import proposed

        return await proposed(
            self.blocks,
            text,
            origin,
            run=run_id(key),
            owner=origin.person or OPERATOR,
            name=name,
            kind=kind,
            project=project,
            preview=preview,
            scratch=scratch,
            attachments=tuple(attachments),
        )

    async def talk(self, turn: "Turn", deeds: Deeds, writing: Writing | None = None) -> Answered:
        """Answer what waits in a person's session, by the chat_turn flow in this process; raise ModelKeyMissing.

        `writing` sees the answer while it is written.
        """
        import httpx
        from prefect import tags

        from flows.talk import chat_turn, doing_by

        if not self.blocks.installation.answers:
            raise ModelKeyMissing
        try:
            with tags(f"session:{turn.session}"), doing_by(deeds, writing):
                return await chat_turn(turn)
        except httpx.HTTPError as error:
            raise ServiceUnreachable("the Prefect server", f"answering {turn.session}", str(error)) from error

    async def add_domain(self, project: str, host: str, who: str) -> str:
        """Let the host lead to the project as well and return its address; raise BadInput when it may not."""
        from tasks.domains import add_domain

        at = self.blocks
        base = at.installation.base_domain
        added = await add_domain(project, host, who, base, self.registry, at.engine, at.proxy, self.wakeups)
        return at.installation.address_of(added.host)

    async def start(self, proposal: Proposal) -> Run:
        """Reserve the project, store the run and hand it to the delivery deployment; the same proposal again is one run."""
        existing = await self.registry.run(proposal.run)
        if existing is not None and (existing.flow_run or existing.state.ended):
            return existing
        now = datetime.now(UTC)
        request = DeliveryRequest(
            run=proposal.run,
            project=proposal.brief.slug,
            change=proposal.change,
            request=proposal.request,
            brief=proposal.brief,
            origin=proposal.origin,
            preview=proposal.preview,
            attachments=proposal.attachments,
        )
        for attachment in proposal.attachments:  # before anything is written down
            await self.attachments.content(attachment)
        owner = proposal.origin.person or OPERATOR
        if not proposal.change:
            await clear_leftover(request.project, owner, self.blocks)
        run = await self.registry.add_run(request, now)
        if not proposal.change:
            domain = self.blocks.installation.domain_of(request.project)
            await reserve(proposal, owner, domain, run.created, self.registry)
        await self.attachments.give(proposal.run, proposal.attachments)
        return await hand_over_run("delivery", request, f"deliver {request.project}", self.registry)

    async def cancel(self, run: str, who: str) -> Run:
        """End the run as cancelled; whatever of it still works stops at its next step."""
        found = await self.registry.run(run)
        if found is None:
            raise UnknownObject("run", run)
        ended = await self.registry.update_run(
            run, state=RunState.CANCELLED, message=f"stopped by {who}", ended=datetime.now(UTC), waits_for=()
        )
        if ended.state is RunState.CANCELLED:
            from tasks.audit import record

            await record(ended.project, who, f"run {run} stopped", self.registry, once=True)
        if ended.flow_run and ended.state is RunState.CANCELLED:
            await cancel_flow_run(ended.flow_run)
        return ended

    async def rollback(
        self, project: str, reason: str, who: str, to: int | None = None, data: str = "", *, key: str | None = None
    ) -> str:
        """Start the rollback deployment for the release that serves now; return Prefect's id of the flow run.

        The same key again is the same flow run.

        Raises NothingToRollBackTo, or BadInput with the cure, when it is clear already that nothing can come of it.
        """
        await self._known(project)
        releases = await self.registry.releases(project)
        serving = live(releases)
        only_data = data not in get_args(DataChoice)
        if not only_data and (why := refusal(project, releases, to)) is not None:
            raise NothingToRollBackTo(project) if serving is not None and to is None else RollbackRefused(project, why)
        bad = serving.number if serving else None
        parameters: dict[str, object] = {
            "project": project, "release": bad, "to": to, "reason": f"{reason} (by {who})", "who": who,
            "data": data,
        }  # fmt: skip
        return await hand_over("rollback/main", parameters, key, name=f"roll back {project}", tags=(f"project:{project}",))

    async def release_again(self, project: str, why: str, who: str) -> Run:
        """Start a run that puts online again what serves, with the environment that it has by now."""
        from deployments.desk.releasing import release_again

        return await release_again(project, why, Origin(channel="cli", person=who), None, self.registry)

    async def confirm(self, project: str, number: int | None, origin: Origin) -> Run:
        """Start the one run by which the preview goes live; raise BadInput, with the next thing to do, when it cannot."""
        from deployments.desk.previewing import confirm_preview

        return await confirm_preview(project, number, origin, self.registry, self.blocks.git)

    async def drop(self, project: str, number: int | None, who: str) -> Preview:
        """Take the preview away; return what it is then."""
        from deployments.desk.previewing import take_away

        at = self.blocks
        return await take_away(project, number, who, self.registry, at.engine, at.proxy, self.wakeups, at.git)

    async def take_down(self, project: str, who: str) -> None:
        """End all that works on the project, and remove it with all that it has."""
        from deployments.desk.takedown import take_down

        await take_down(project, who, self)

    async def resume_waiting(self, project: str) -> list[str]:
        """Resume the project's runs whose missing secrets are all there now; return their ids."""
        from tasks.missing_secrets import resume_provided
        from tasks.resuming import resume

        return await resume_provided(project, OPERATOR, self.registry, self.wakeups, self.vault, resume, TRIES)

    async def answer(self, run: str, choice: str, text: str, by: str, door: Door, number: int | None = None) -> Escalation:
        """Let this answer count and the run go on; return the question with its answer.

        Raises BadInput, with what counts already, when the answer is late, not possible, or nothing was asked.
        """
        from tasks.resuming import resume

        return await answer_run(run, choice, text, by, door, number, self.registry, self.wakeups, self.vault, resume)

    async def own_bot(self) -> str:
        """Return the token of the bot that this installation answers with; empty without one."""
        from deployments.pool import own_bot

        return await own_bot()

    async def tell(self, whom: str, text: str, person: str) -> Remark:
        """Say something to a run, or to the one open run of a project; its agent reads it at its next step."""
        return await tell_run(whom, text, person, self.registry, self.wakeups, self.vault)

    async def question(self, run: str) -> Escalation:
        """Return what the run asks, or asked last; raise BadInput when it asks nothing."""
        return (await asked(run, None, self.registry))[1]

    async def _known(self, project: str) -> None:
        if await self.registry.project(project) is None:
            raise BadInput(f"there is no project {project!r}: `slipway status` lists what there is")
