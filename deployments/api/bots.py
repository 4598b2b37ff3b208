"""Bots: the pool of Telegram bots that projects lease; for operators."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from deployments.api.access import Owned, TheHouse, Theirs, theirs_of
from deployments.api.problems import Refusal
from deployments.api.shapes import BotShown, Said
from deployments.api.wishes import NewBot
from domain.bots import named
from domain.errors import ChatTokenRefused
from tasks.bot_upkeep import add_bot, retire_bot


def operators_only(theirs: Annotated[Theirs, Depends(theirs_of)]) -> None:
    """Let operators' keys through."""
    if not theirs.caller.is_operator:
        raise Refusal(403, "this needs a key with the scope `operator`")


router = APIRouter(prefix="/v1/bots", tags=["bots"], dependencies=[Depends(operators_only)])

BotInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{5,32}$", description="Username.", examples=["shop_bot"])]


@router.get("")
async def list_bots(house: TheHouse) -> list[BotShown]:
    """List the bots of the pool: who has them, and since when."""
    return [BotShown.model_validate(bot.model_dump(mode="json")) for bot in await house.registry.bots()]


@router.post("", status_code=201)
async def take_bot(house: TheHouse, theirs: Owned, wish: NewBot) -> BotShown:
    """Take a bot into the pool; its token cannot be read again. The same token again is the same bot."""
    desk, at = house.desk, house.desk.blocks
    who, own, now = theirs.caller.owner, await house.desk.own_bot(), datetime.now(UTC)
    try:
        added = await add_bot(wish.token, who, own, desk.registry, desk.vault, at.accounts, now)
    except ChatTokenRefused:
        raise Refusal(422, "Telegram knows no bot by this token") from None
    return BotShown.model_validate(added.model_dump(mode="json"))


@router.delete("/{username}")
async def give_up_bot(house: TheHouse, theirs: Owned, username: BotInPath) -> Said:
    """Take a bot that no project has out of the pool, and forget its token."""
    bot = named(await house.registry.bots(), username)
    await retire_bot(bot, theirs.caller.owner, house.desk.registry, house.desk.vault, datetime.now(UTC))
    return Said(message=f"@{bot.username} is retired, and its token forgotten")
