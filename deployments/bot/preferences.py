"""Commands about the person: which language, and whether news make a sound."""

from typing import cast, get_args

from deployments.bot.messages import Said
from deployments.bot.speech import Speech
from deployments.wording.texts import say
from domain.people import Language, Person
from domain.registry import Registry

LANGUAGES: tuple[Language, ...] = get_args(Language)


class PersonCommands:
    """/settings /language."""

    def __init__(self, registry: Registry, speech: Speech) -> None:
        self._registry = registry
        self._speech = speech

    async def language(self, said: Said) -> None:
        """Speak the language named from now on, to this person alone; without one, offer all."""
        if said.words.lower() not in LANGUAGES:
            await self._speech.tell(said, "which_language", buttons=languages(said))
            return
        person = await self._registry.person(said.person)
        chosen = person.model_copy(update={"language": cast(Language, said.words.lower())})
        await self._registry.keep_person(chosen)
        spoken = said.model_copy(update={"language": chosen.speaks(said.usual)})
        await self._speech.tell(spoken, "language_kept", chosen=say(spoken.language, f"language_{chosen.language}"))

    async def settings(self, said: Said) -> None:
        """Show how the person wants it, a button for each thing that can be changed."""
        person = await self._registry.person(said.person)
        if said.words in ("quiet", "loud"):
            person = person.model_copy(update={"quiet": said.words == "quiet"})
            await self._registry.keep_person(person)
        change = "loud" if person.quiet else "quiet"
        buttons = (*languages(said), (say(said.language, f"settings_{change}"), f"/settings {change}"))
        await self._speech.tell(said, "settings", buttons=buttons, **described(said, person))


def languages(said: Said) -> tuple[tuple[str, str], ...]:
    return tuple((say(said.language, f"language_{each}"), f"/language {each}") for each in LANGUAGES)


def described(said: Said, person: Person) -> dict[str, str]:
    """Return the words for how the person wants it."""
    return {
        "speaks": say(said.language, f"language_{person.language}"),
        "sound": say(said.language, "sound_off" if person.quiet else "sound_on"),
    }
