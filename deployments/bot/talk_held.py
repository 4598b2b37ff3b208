"""Updates whose messages wait for an answer of the dialogue: the inbox keeps them until a turn has given it."""

from deployments.bot.inbox import Inbox


class Held:
    """The updates of all people's waiting messages, as far as this process has heard them."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._updates: dict[str, dict[int, int]] = {}
        """By person, and by the message's sequence in their session."""

    def keep(self, person: str, sequence: int, update: int) -> None:
        """Keep the update in the inbox beyond the end of its handler."""
        self._inbox.keep(update)
        self._updates.setdefault(person, {})[sequence] = update

    async def release(self, person: str, upto: int) -> None:
        """Let the inbox forget the updates of what was answered, up to this sequence."""
        held = self._updates.get(person, {})
        for sequence in [each for each in held if each <= upto]:
            await self._inbox.release(held.pop(sequence))
