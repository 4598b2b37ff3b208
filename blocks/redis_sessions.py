"""Conversations in Redis, beside the registry: to look at while a run is at work, and free to be lost.

A session is a list of messages as JSON under `slipway:session:<project>:<role>:<run>`, kept for a week after its last step.
Nothing reads it to decide anything: the registry's rows are the conversation.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redis.exceptions import RedisError

from blocks.redis_client import redis_client
from domain.conversations import Message

log = logging.getLogger("slipway.sessions")

KEPT_SECONDS = 7 * 24 * 3600
PATIENCE = 1.0
"""Seconds that a step waits for Redis at most."""


def session_key(project: str, conversation: str) -> str:
    """Return the key of a conversation, which is named `<run>/<role>`; `-` stands for a project that is not known yet."""
    run, _, role = conversation.partition("/")
    return f"slipway:session:{project or '-'}:{role or '-'}:{run}"


class RedisSessions:
    """The sessions of one Redis."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def show(self, key: str, position: int, message: Message, whole: Callable[[], Awaitable[Sequence[Message]]]) -> None:
        """Append the message that is stored at `position`; a session that does not reach up to there is written anew.

        A Redis that does not answer is done without: the message is in the registry.
        """
        try:
            async with redis_client(self._url, PATIENCE) as redis:
                lines = [message.model_dump_json()]
                length = await cast(Any, redis.llen(key))
                if length != position:
                    lines = [each.model_dump_json() for each in await whole()]
                async with redis.pipeline(transaction=True) as pipe:
                    if length != position:
                        pipe.delete(key)
                    pipe.rpush(key, *lines)
                    pipe.expire(key, KEPT_SECONDS)
                    await pipe.execute()
        except (RedisError, OSError) as error:
            log.info("%s is not shown in Redis: %s", key, error)
