"""All texts for people, in every language that ships: keys to templates with named fields.

Plain text: a door that speaks HTML escapes fields and texts itself.
"""

from deployments.wording_commands_en import COMMANDS_ENGLISH
from deployments.wording_commands_ru import COMMANDS_RUSSIAN
from deployments.wording_en import ENGLISH as EN
from deployments.wording_files_en import FILES_ENGLISH
from deployments.wording_files_ru import FILES_RUSSIAN
from deployments.wording_ru import RUSSIAN as RU
from domain.attachments import AttachmentRefused
from domain.errors import (
    BudgetSpent,
    ModelKeyRefused,
    ModelOverloaded,
    NeedsPerson,
    NoBrief,
    NoReply,
    NothingToRollBackTo,
    SlipwayError,
    TryAgain,
)

ENGLISH = EN | COMMANDS_ENGLISH | FILES_ENGLISH
RUSSIAN = RU | COMMANDS_RUSSIAN | FILES_RUSSIAN
LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}


def spoken(tag: str | None) -> str:
    """Return the language that ships for a BCP 47 tag like ru-RU; English when none does."""
    language = (tag or "").lower().split("-")[0]
    return language if language in LANGUAGES else "en"


def say(language: str, key: str, **fields: object) -> str:
    """Return the text in the person's language, its fields filled in."""
    return LANGUAGES[spoken(language)][key].format(**fields)


def explain(language: str, error: SlipwayError) -> str:
    """Return one clear sentence on the error, with the next thing to do, by who must act."""
    match error:
        case BudgetSpent():
            project, limit, used = error.args
            return say(language, "error_budget", project=project, limit=f"{limit:.2f}", used=f"{used:.2f}")
        case ModelKeyRefused() | ModelOverloaded():
            return say(language, "error_model_key" if isinstance(error, ModelKeyRefused) else "error_model_busy")
        case NothingToRollBackTo():
            return say(language, "error_no_earlier", project=error.args[0])
        case NoReply() | NoBrief():
            return say(language, _without_result(error))
        case AttachmentRefused():
            return say(language, f"file_{error.why}", name=error.args[0], detail=error.args[2])
        case _:
            family = next((key for kind, key in FAMILIES.items() if isinstance(error, kind)), "error_broken")
            return say(language, family, what=str(error))


def _without_result(error: NoReply | NoBrief) -> str:
    if isinstance(error, NoBrief):
        return "error_no_brief"
    return "error_talk_budget" if error.reason == "out of budget" else "error_no_reply"


FAMILIES: dict[type[SlipwayError], str] = {TryAgain: "error_try_again", NeedsPerson: "error_needs_person"}
