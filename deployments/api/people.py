"""People: who may use the bot, and how much; for operators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from deployments.api.operators import TheOffice, operators_only
from deployments.api.shapes import Said
from deployments.api.shapes_office import PersonShown
from deployments.api.wishes import OwnLimitsWish

router = APIRouter(prefix="/v1/people", tags=["people"], dependencies=[Depends(operators_only)])

PersonInPath = Annotated[
    str, Path(pattern=r"^(telegram:)?[0-9]{1,20}$", description="Numeric Telegram id.", examples=["telegram:1001"])
]


@router.get("")
async def list_people(office: TheOffice) -> list[PersonShown]:
    """List the people whom something was decided of, or who have a project."""
    return [PersonShown.model_validate(row) for row in await office.people()]


@router.post("/{person}/block")
async def block(office: TheOffice, person: PersonInPath) -> Said:
    """Take a person's access back, and their keys; what they have goes on."""
    return Said(message=await office.block(person))


@router.post("/{person}/allow")
async def allow(office: TheOffice, person: PersonInPath) -> Said:
    """Let a person in, whatever the setting is; also one who was blocked."""
    return Said(message=await office.allow(person))


@router.put("/{person}/limits")
async def limit(office: TheOffice, person: PersonInPath, wish: OwnLimitsWish) -> Said:
    """Set limits for one person."""
    given = wish.model_dump(exclude={"usual"})
    return Said(message=await office.limit(person, given, usual=wish.usual))
