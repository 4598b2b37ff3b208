"""Escalations: what runs ask their people."""

from fastapi import APIRouter
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheRun
from deployments.api.once import Done, OneCall
from deployments.api.problems import Refusal
from deployments.api.shapes import QuestionShown
from deployments.api.wishes import Reply
from deployments.desk.documents import question_of
from deployments.question_view import question_document
from domain.admission import CHAT
from domain.keys import ApiKey

router = APIRouter(prefix="/v1", tags=["escalations"])

LOOKED_AT = 500
"""So many of the newest runs are looked at for open questions: a run waits for a day or a week, not for a year."""


@router.get("/escalations")
async def list_questions(house: TheHouse, theirs: Owned) -> list[QuestionShown]:
    """List what your runs ask now, newest run first."""
    runs = await house.registry.run_page(theirs.person, None, None, LOOKED_AT)
    asked = [await question_of(house.desk, run) for run in runs]
    return [QuestionShown.model_validate(each) for each in asked if each is not None]


@router.get("/runs/{run}/escalations")
async def list_questions_of_run(house: TheHouse, run: TheRun) -> list[QuestionShown]:
    """List everything that the run has asked, with its answers, oldest first."""
    return [QuestionShown.model_validate(question_document(each)) for each in await house.registry.escalations(run.id)]


@router.post("/runs/{run}/answer", response_model=QuestionShown)
async def answer_question(house: TheHouse, theirs: Owned, run: TheRun, call: OneCall, reply: Reply) -> Response:
    """Answer what the run asks; the first answer counts, a later one is a 409 that says so."""

    if reply.choice == "more_budget" and not may_give_money(theirs.caller):
        raise Refusal(403, "money is the operator's to give")

    async def work(_: str | None) -> Done:
        said = await house.desk.answer(run.id, reply.choice, reply.text, theirs.caller.owner, "api", reply.number)
        return Done(status=200, shown=QuestionShown.model_validate(question_document(said)))

    return await call.answer(work)


def may_give_money(caller: ApiKey) -> bool:
    """Tell whether the caller may let a project spend more: whom the messenger named has only what the operator gave."""
    return caller.is_operator or not caller.owner.startswith(CHAT)
