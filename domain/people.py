"""What is kept of a person who talks to Slipway in a chat: how they want to be spoken to."""

from typing import Literal, Protocol

from domain.values import Value

Language = Literal["auto", "en", "ru"]
"""`auto`: that of the person's messenger, and of what they write."""


class Person(Value):
    """One person, by the registry's name for them, like `telegram:1001`."""

    name: str
    language: Language = "auto"
    quiet: bool = False
    """News come without a sound; what needs an answer comes with one."""

    def speaks(self, usual: str) -> str:
        """Return the language chosen, else the usual one."""
        return usual if self.language == "auto" else self.language


class People(Protocol):
    """The registry's part that knows them."""

    async def person(self, name: str) -> Person:
        """Return the person; one who never chose anything has the defaults."""
        ...

    async def keep_person(self, person: Person) -> None:
        """Store how the person wants it, in the place of what was stored."""
        ...
