"""Bots: the pool of Telegram bots that projects lease; for operators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from deployments.api.operators import TheOffice, operators_only
from deployments.api.problems import Refusal
from deployments.api.shapes_office import BotGone, BotShown
from deployments.api.wishes import NewBot
from domain.errors import ChatTokenRefused

router = APIRouter(prefix="/v1/bots", tags=["bots"], dependencies=[Depends(operators_only)])

BotInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{5,32}$", description="Username.", examples=["shop_bot"])]


@router.get("")
async def list_bots(office: TheOffice) -> list[BotShown]:
    """List the bots of the pool: who has them, and since when."""
    return [BotShown.model_validate(bot) for bot in await office.bots()]


@router.post("", status_code=201)
async def take_bot(office: TheOffice, wish: NewBot) -> BotShown:
    """Take a bot into the pool; its token cannot be read again. The same token again is the same bot."""
    try:
        return BotShown.model_validate(await office.add_bot(wish.token))
    except ChatTokenRefused:
        raise Refusal(422, "Telegram knows no bot by this token") from None


@router.delete("/{username}")
async def give_up_bot(office: TheOffice, username: BotInPath) -> BotGone:
    """Take a bot that no project has out of the pool, and forget its token."""
    gone = await office.retire_bot(username)
    return BotGone(message=f"@{gone} is retired, and its token forgotten", username=gone)
