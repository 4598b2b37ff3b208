"""Speech as text, by whatever program the operator has."""

from typing import Protocol

from domain.errors import TryAgain

HEARD_LIMIT = 8_000
"""Characters of one voice message that are used."""


class NotTranscribed(TryAgain):
    """A voice message could not be made into text: (why)."""

    def __str__(self) -> str:
        return f"a voice message could not be made into text: {self.args[0]}"


class Transcriber(Protocol):
    async def transcribe(self, sound: bytes, ending: str) -> str:
        """Return what is said in the sound, empty when nothing is; `ending` is its file's, like `.ogg`.

        Raises NotTranscribed.
        """
        ...
