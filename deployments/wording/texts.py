"""All texts for people, in every language that ships: keys to templates with named fields.

Plain text: a door that speaks HTML escapes fields and texts itself.
"""

from deployments.wording.commands_en import COMMANDS_ENGLISH
from deployments.wording.commands_ru import COMMANDS_RUSSIAN
from deployments.wording.en import ENGLISH as EN
from deployments.wording.errors_en import ERRORS_ENGLISH
from deployments.wording.errors_ru import ERRORS_RUSSIAN
from deployments.wording.files_en import FILES_ENGLISH
from deployments.wording.files_ru import FILES_RUSSIAN
from deployments.wording.github_en import GITHUB_ENGLISH
from deployments.wording.github_ru import GITHUB_RUSSIAN
from deployments.wording.history_en import HISTORY_ENGLISH
from deployments.wording.history_ru import HISTORY_RUSSIAN
from deployments.wording.page_en import PAGE_ENGLISH
from deployments.wording.page_ru import PAGE_RUSSIAN
from deployments.wording.people_en import PEOPLE_ENGLISH
from deployments.wording.people_ru import PEOPLE_RUSSIAN
from deployments.wording.ru import RUSSIAN as RU
from deployments.wording.upkeep_en import UPKEEP_ENGLISH
from deployments.wording.upkeep_ru import UPKEEP_RUSSIAN

ENGLISH = (
    EN
    | COMMANDS_ENGLISH
    | PEOPLE_ENGLISH
    | ERRORS_ENGLISH
    | FILES_ENGLISH
    | GITHUB_ENGLISH
    | HISTORY_ENGLISH
    | PAGE_ENGLISH
    | UPKEEP_ENGLISH
)
RUSSIAN = (
    RU
    | COMMANDS_RUSSIAN
    | PEOPLE_RUSSIAN
    | ERRORS_RUSSIAN
    | FILES_RUSSIAN
    | GITHUB_RUSSIAN
    | HISTORY_RUSSIAN
    | PAGE_RUSSIAN
    | UPKEEP_RUSSIAN
)
LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}


def spoken(tag: str | None) -> str:
    """Return the language that ships for a BCP 47 tag like ru-RU; English when none does."""
    language = (tag or "").lower().split("-")[0]
    return language if language in LANGUAGES else "en"


def say(language: str, key: str, **fields: object) -> str:
    """Return the text in the person's language, its fields filled in."""
    return LANGUAGES[spoken(language)][key].format(**fields)
