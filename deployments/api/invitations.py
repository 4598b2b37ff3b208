"""Invitations: codes that let people in to the bot; for operators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from deployments.api.operators import TheOffice, operators_only
from deployments.api.problems import Refusal
from deployments.api.shapes_office import InvitationShown, NewInvitationShown
from deployments.api.wishes import NewInvitation
from domain.errors import BadInput

router = APIRouter(prefix="/v1/invitations", tags=["people"], dependencies=[Depends(operators_only)])

Number = Annotated[int, Path(ge=1, le=1_000_000_000, description="Number of the invitation.")]


@router.get("")
async def list_invitations(office: TheOffice) -> list[InvitationShown]:
    """List the invitations: how they stand, and how often they were used."""
    return [InvitationShown.model_validate(row) for row in await office.invitations()]


@router.post("", status_code=201)
async def invite(office: TheOffice, wish: NewInvitation) -> NewInvitationShown:
    """Make a code by which somebody may use the bot; it is shown in this answer alone, which is kept nowhere."""
    return NewInvitationShown.model_validate(await office.invite(wish.uses, wish.days, wish.note))


@router.delete("/{number}")
async def revoke_invitation(office: TheOffice, number: Number) -> InvitationShown:
    """Let nobody in by this invitation any more; who came in by it stays."""
    try:
        return InvitationShown.model_validate(await office.revoke_invitation(number))
    except BadInput as unknown:
        raise Refusal(404, str(unknown)) from None
