"""A person is asked inside a delivery: the run is suspended, and goes on with the answer that counts."""

from typing import Any

from prefect.context import FlowRunContext
from prefect.flow_runs import asuspend_flow_run
from prefect.input.actions import aread_flow_run_input

from domain.briefs import Brief
from domain.escalations import Answer, Diagnosis, words_of
from domain.outcomes import Escalated, Outcome, cause_of_giving_up
from domain.runs import DeliveryRequest
from flows.engineering import Commission
from flows.home import show_push
from flows.opening import Blocks
from tasks.brief_talk import Desk
from tasks.product_owner import amend_brief
from tasks.questions import ask, form, question_key, take_answer


async def ask_person(
    request: DeliveryRequest, number: int, diagnosis: Diagnosis, outcome: Outcome, blocks: Blocks
) -> Answer | None:
    """Suspend the run until its person answers; None when the answer cannot be used, and must be asked for again.

    The process ends here. The run starts again from the top when it is answered, passes its stored steps, and finds
    the answer in the registry, or in the form of Prefect's UI.
    """
    if question_key(number) not in passed_suspensions():  # else it would look waiting once more
        await show_push(request, outcome, blocks)
        hours = blocks.installation.answer_hours
        question = await ask(request.run, request.project, number, diagnosis, hours, blocks.registry, blocks.wakeups)
        if question.answer is not None:
            return question.answer
    await asuspend_flow_run(wait_for_input=form(diagnosis), key=question_key(number))
    given: dict[str, Any] | None = await aread_flow_run_input(f"suspended-{question_key(number)}-response")
    return await take_answer(request.run, number, given, blocks.registry, blocks.wakeups)


def passed_suspensions() -> set[str]:
    """Return the keys of the suspensions from which this flow run was resumed."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return set(run.empirical_policy.pause_keys or ()) if run else set()


async def take_up(
    commission: Commission, outcome: Outcome, number: int, answer: Answer, blocks: Blocks
) -> Commission | Escalated:
    """Return the commission with which engineering is entered again; Escalated when no Brief came of a changed wish."""
    built = outcome if isinstance(outcome, Escalated) else outcome[0]
    same_step = not isinstance(outcome, Escalated) or built.rounds == 0
    if answer.choice == "approve":
        return commission.model_copy(update={"approved": answer.text})
    wish, request = wish_of(outcome, answer), commission.request
    if answer.choice == "retry" and same_step and not wish:
        return commission
    if wish:
        brief = await amended(request, number, wish, blocks)
        if isinstance(brief, Escalated):
            return brief.model_copy(update={"rounds": built.rounds, "seen": built.seen, "wish": wish})
        request = request.model_copy(update={"brief": brief})
    begun = built.rounds >= commission.first_round
    return commission.model_copy(
        update={
            "request": request,
            "plan": commission.plan + 1 if wish or not begun else commission.plan,
            "first_round": built.rounds + 1 if begun else commission.first_round,
            "rounds": answer.rounds or blocks.installation.rounds,
            "guidance": words_of(answer),
            "seen": built.seen if begun else commission.seen,
        }
    )


def wish_of(outcome: Outcome, answer: Answer) -> str:
    """Return what is wanted instead: by this answer, or by an earlier one of which no Brief has come yet."""
    if answer.choice == "change_wish":
        return answer.text
    wish = outcome.wish if isinstance(outcome, Escalated) else ""
    return f"{wish}\n\n{answer.text}".strip() if wish else ""


async def amended(request: DeliveryRequest, number: int, wish: str, blocks: Blocks) -> Brief | Escalated:
    """Return the Brief of a changed wish; Escalated when none came, and the person is to be asked again."""
    model_name = blocks.installation.model_of("product_owner")
    desk = Desk(blocks.installation.arrangement_of("product_owner"), blocks.engine, blocks.wakeups)
    brief = await amend_brief(request, number, wish, model_name, blocks.model, blocks.registry, desk)
    if isinstance(brief, Brief):
        return brief
    cause = cause_of_giving_up(brief.reason, brief.detail)
    return Escalated(reason=f"no Brief came of the changed wish: {brief.reason}", cause=cause, evidence=brief.detail)
