"""What commands must know of Slipway's own bot to keep it out of the pool."""

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from blocks.telegram import TelegramChat
from flows.opening import DOCUMENT


async def own_bot() -> str:
    """Return the token of the bot that this installation answers with; empty without one."""
    async with get_client() as client:
        try:
            found = await client.read_block_document_by_name(DOCUMENT, TelegramChat.get_block_type_slug())
        except ObjectNotFound:
            return ""
    return str(found.data.get("token", ""))
