"""Forms by which work is asked for, followed and stopped."""

from fastapi import APIRouter
from fastapi.responses import Response

from deployments.api import escalations, projects, runs
from deployments.api.access import TheProject, TheRun
from deployments.api.doors import LANGUAGE
from deployments.api.once import Done
from deployments.api.problems import Refusal
from deployments.api.wishes import Change, NewProject, Remark, Reply
from deployments.bot.preferences import LANGUAGES
from deployments.web.acting import OfHome, OfProject, OfRun, run_page
from deployments.web.errors import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/projects")
async def begin_project(form: OfHome) -> Response:
    """Have something new built, and show its run."""

    async def act() -> str:
        wish = NewProject(text=form.text("text"), name=form.text("name") or None)
        return run_page(await projects.begun(form.house, form.theirs, form.once, wish, form.files))

    return await form.answer(act, otherwise="page_not_begun")


@router.post("/projects/{project}/changes")
async def change_project(form: OfProject, project: TheProject) -> Response:
    """Have a project changed, and show the run."""

    async def act() -> str:
        wish = Change(text=form.text("text"), preview=True if form.ticked("preview") else None)
        return run_page(await projects.changed(form.house, form.theirs, project, form.once, wish, form.files))

    return await form.answer(act, otherwise="page_not_begun")


@router.post("/runs/{run}/answer")
async def answer_question(form: OfRun, run: TheRun) -> Response:
    """Answer what the run asks; the first answer counts."""

    async def act() -> str:
        wish = Reply(choice=form.text("choice"), text=form.text("text"), number=form.number("number"))
        await escalations.answer_question(form.house, form.theirs, run, form.once, wish)
        return form.done("answer")

    return await form.answer(act, otherwise="page_not_answered")


@router.post("/runs/{run}/tell")
async def tell_run(form: OfRun, run: TheRun) -> Response:
    """Say something to a run at work."""

    async def work(_: str | None) -> Done:
        said = await runs.tell_run(form.house, form.theirs, run, Remark(text=form.text("remark")))
        return Done(status=200, shown=said)

    async def act() -> str:
        await form.once.answer(work)
        return form.done("tell")

    return await form.answer(act, otherwise="page_not_told")


@router.post("/runs/{run}/cancel")
async def cancel_run(form: OfRun, run: TheRun) -> Response:
    """Stop a run."""

    async def act() -> str:
        await runs.cancel_run(form.house, form.theirs, run)
        return form.done("cancel")

    return await form.answer(act)


@router.post(LANGUAGE)
async def choose_language(form: OfHome) -> Response:
    """Speak this language to this person from now on, here and in the bot."""

    async def act() -> str:
        chosen = form.text("language")
        if chosen not in LANGUAGES:
            raise Refusal(422, "that is no language of this page")
        person = await form.house.registry.person(form.theirs.caller.owner)
        await form.house.registry.keep_person(person.model_copy(update={"language": chosen}))
        return form.done("language")

    return await form.answer(act)
