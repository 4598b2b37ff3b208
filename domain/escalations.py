"""Escalations: what a run asks its person, what may be answered, and what then counts.

A diagnosis names only answers that make sense for it, the recommended one first; `domain.diagnoses` makes it.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from domain.credentials import credential_in
from domain.errors import BadInput
from domain.outcomes import Cause
from domain.pushes import DIGEST_SHOWN, names_digest
from domain.trimming import fenced, plain
from domain.values import Value

Kind = Literal[
    "environment",
    "contradictory wish",
    "missing secret",
    "no progress",
    "budget",
    "flaky",
    "gave up",
    "refused",
    "model key",
    "release",
    "platform files",
]
Choice = Literal["guidance", "more_rounds", "more_budget", "change_wish", "retry", "provide_secret", "approve", "stop"]
Door = Literal["cli", "ui", "telegram", "api", "github", "default"]

TEXT_LIMIT = 4_000
"""Characters of an answer in words."""
MORE_ROUNDS, MOST_ROUNDS = 3, 20
MORE_USD, MOST_USD = 1.0, 1_000.0

MEANINGS: dict[Choice, str] = {
    "guidance": "say in words what the developer should do; it goes on in the same conversation",
    "more_rounds": f"let the developer try again, that many rounds more ({MORE_ROUNDS} when no number is said)",
    "more_budget": "let the project spend that many US dollars more on models, and go on",
    "change_wish": "say what is wanted instead; Brief and plan are written again",
    "retry": "it is mended: do the same step again",
    "provide_secret": "the secret is in the vault now: go on",
    "approve": "let this push change the platform's files exactly as it does, and go on",
    "stop": "end the run; nothing that was online changes",
}
"""What each answer does, for people."""

IN_WORDS: frozenset[Choice] = frozenset({"guidance", "change_wish"})
"""Answers that need the person's own words."""

CHOICES: dict[Kind, tuple[Choice, ...]] = {
    "environment": ("retry", "guidance", "stop"),
    "contradictory wish": ("change_wish", "guidance", "stop"),
    "missing secret": ("provide_secret", "guidance", "change_wish", "stop"),
    "no progress": ("guidance", "more_rounds", "change_wish", "stop"),
    "budget": ("more_budget", "stop"),
    "flaky": ("guidance", "more_rounds", "stop"),
    "gave up": ("guidance", "change_wish", "stop"),
    "refused": ("change_wish", "stop"),
    "model key": ("retry", "stop"),
    "release": ("guidance", "retry", "change_wish", "stop"),
    "platform files": ("approve", "stop"),
}


class Diagnosis(Value):
    """Why a run waits for a person: typed, with evidence that is short and holds no secret."""

    kind: Kind
    cause: Cause
    reason: str = Field(description="One sentence")
    evidence: str = ""
    tried: str = ""
    choices: tuple[Choice, ...] = Field(min_length=1, description="Possible answers, the recommended one first")
    secrets: tuple[str, ...] = Field(default=(), description="Names of the secrets that would help")
    digest: str = Field(default="", description="What `approve` approves, and nothing else")


class Answer(Value):
    """What a person, or the time limit, decided."""

    choice: Choice
    text: str = Field(default="", max_length=TEXT_LIMIT)
    rounds: int | None = Field(default=None, ge=1, le=MOST_ROUNDS)
    usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    by: str
    door: Door


class Escalation(Value):
    """One row of the registry: the question number `number` of a run, and the one answer that counts."""

    run: str
    number: int
    diagnosis: Diagnosis
    asked: datetime
    deadline: datetime
    answer: Answer | None = None
    answered: datetime | None = None


def checked_answer(diagnosis: Diagnosis, choice: str, text: str, by: str, door: Door) -> Answer:
    """Return the answer if it is one of those possible here; raise BadInput with the cure.

    `text` holds the words, or the number that `more_rounds` and `more_budget` want.
    """
    words = plain(text).strip()
    found = next((each for each in diagnosis.choices if each == choice), None)
    if found is None:
        raise BadInput(f"{choice[:40]!r} is no answer here: choose one of {', '.join(diagnosis.choices)}")
    if len(words) > TEXT_LIMIT:
        raise BadInput(f"the answer has {len(words):,} characters and at most {TEXT_LIMIT:,} are read: say it shorter")
    if kind := credential_in(words):
        raise BadInput(f"that looks like a secret ({kind}): models would read it. Give secrets by `slipway secret set` only")
    match found:
        case "more_rounds":
            return Answer(
                choice=found, rounds=_number(words or str(MORE_ROUNDS), "rounds", MOST_ROUNDS, whole=True), by=by, door=door
            )
        case "more_budget":
            return Answer(choice=found, usd=_number(words, "US dollars", MOST_USD), by=by, door=door)
        case "approve" if words and not names_digest(diagnosis.digest, words):
            raise BadInput(f"{words[:40]!r} is another change: this one is {diagnosis.digest[:DIGEST_SHOWN]}")
        case "approve":
            return Answer(choice=found, text=diagnosis.digest, by=by, door=door)
        case _ if found in IN_WORDS and not words:
            raise BadInput(f'{found} needs words: say what to do, like `slipway answer RUN {found} "..."`')
        case _:
            return Answer(choice=found, text=words, by=by, door=door)


def _number(text: str, what: str, most: float, *, whole: bool = False) -> int | float:
    try:
        number = int(text) if whole else float(text.removeprefix("$").replace(",", "."))
    except ValueError:
        number = 0
    if not 0 < number <= most:
        raise BadInput(f"{text[:20]!r} is no number of {what}: say one above 0 and up to {most:g}, like 3")
    return number


def default_answer(hours: float) -> Answer:
    """Return what counts when nobody answered in time."""
    return Answer(choice="stop", text=f"nobody answered within {hours:g} hours", by="slipway", door="default")


def words_of(answer: Answer) -> str:
    """Return what the agents are told of the answer."""
    match answer.choice:
        case "more_rounds":
            return f"You have {answer.rounds} more rounds. Look at the failure from another side than before."
        case "more_budget":
            return "There is more money for models now. Go on."
        case "retry":
            return f"What stood in the way outside of the code is said to be mended. Go on. {answer.text}".strip()
        case "provide_secret":
            return (
                "The secret was put into the vault: the released app has it in its environment by its name. "
                f"Tests must pass without it. Go on. {answer.text}".strip()
            )
        case _:
            return answer.text


def decided(answer: Answer) -> str:
    """Say in a few words what was decided, for journals and audits."""
    amount = f" {answer.rounds}" if answer.rounds else f" {answer.usd:g} USD" if answer.usd else ""
    return f"{answer.choice}{amount}" + (f": {answer.text}" if answer.text else "")


def added_micro_usd(answer: Answer) -> int:
    """Return what the answer adds to the project's budget."""
    return round((answer.usd or 0) * 1_000_000) if answer.choice == "more_budget" else 0


def as_markdown(diagnosis: Diagnosis) -> str:
    """Render the question for the Prefect UI: its form and its artifact."""
    choices = "\n".join(f"- **{choice}**: {MEANINGS[choice]}" for choice in diagnosis.choices)
    tried = f"\n\nTried: {diagnosis.tried}." if diagnosis.tried else ""
    secrets = f"\n\nIt would need: {', '.join(f'`{name}`' for name in diagnosis.secrets)}." if diagnosis.secrets else ""
    evidence = f"\n\n{fenced(diagnosis.evidence)}" if diagnosis.evidence else ""
    return f"**{diagnosis.kind}**: {diagnosis.reason}.{tried}{secrets}{evidence}\n\n{choices}"
