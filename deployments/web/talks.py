"""What a run has asked, was answered and was told, as one talk."""

from collections.abc import Sequence
from datetime import datetime

from deployments.wording.journal import Told, told_question
from deployments.wording.texts import say
from domain.doors import DoorRegistry
from domain.escalations import Answer, Escalation
from domain.runs import Run
from domain.values import Value


class Words(Value):
    """Something that was said, by whom and when."""

    at: datetime
    by: str = ""
    """Empty: Slipway asks."""
    told: Told


async def words_of(registry: DoorRegistry, run: Run, language: str) -> Sequence[Words]:
    """Return what a run asked, was answered and was told, in order."""
    said = [words for each in await registry.escalations(run.id) for words in _asked(each, run, language)]
    told = [Words(at=each.at, by=each.person, told=Told(written=each.text)) for each in await registry.remarks(run.id)]
    return sorted([*said, *told], key=lambda each: each.at)


def _asked(question: Escalation, run: Run, language: str) -> Sequence[Words]:
    asked = Words(at=question.asked, told=told_question(question.diagnosis, run, language))
    if question.answer is None or question.answered is None:
        return [asked]
    return [asked, Words(at=question.answered, by=question.answer.by, told=_answer(question.answer, language))]


def _answer(answer: Answer, language: str) -> Told:
    amount = f" {answer.rounds}" if answer.rounds else f" ${answer.usd:g}" if answer.usd else ""
    if answer.door == "default":
        return Told(words=say(language, "page_nobody_answered"))
    return Told(words=f"{say(language, f'choose_{answer.choice}')}{amount}", quoted=answer.text)
