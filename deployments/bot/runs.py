"""Commands and buttons about what is being built: its journal, its change, and Stop."""

from collections.abc import Awaitable, Callable
from html import escape

from deployments.bot.handlers import Desk
from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said
from deployments.bot.owned import Owned
from deployments.bot.speech import Speech
from deployments.live import plain
from deployments.wording.cards import STOP
from deployments.wording.texts import say
from domain.runs import Run

JOURNAL = 200
"""Lines of a run's journal that are shown."""


class RunCommands:
    """/cancel /logs /diff, and the Stop button."""

    def __init__(
        self, desk: Desk, owned: Owned, speech: Speech, cards: LiveCards, forget: Callable[[Said], Awaitable[bool]]
    ) -> None:
        self._desk = desk
        self._owned = owned
        self._speech = speech
        self._cards = cards
        self._forget = forget

    async def cancel(self, said: Said) -> None:
        """Stop the run or project named, or the only one that goes on; also a request that is still being read."""
        if not said.words and await self._forget(said):
            return
        going = [run for run in await self._owned.going_on(said) if said.words in ("", run.id, run.project)]
        if not going:
            await self._speech.tell(said, "nothing_to_cancel")
        elif len(going) > 1:
            buttons = tuple((f"⏹ {run.project}: {run.request[:30]}", f"{STOP}:{run.id}") for run in going)
            await self._speech.tell(said, "which_run", buttons=buttons)
        else:
            await self._stop(said, going[0])
            await self._speech.tell(said, "cancelling", project=going[0].project)

    async def stop(self, said: Said, run: Run) -> None:
        """Take a pressed Stop."""
        if run.state.ended:
            await self._speech.pop(said, "dead_button")
            return
        await self._stop(said, run)
        await self._speech.pop(said, "cancelling", project=run.project)

    async def logs(self, said: Said) -> None:
        """Show a run's journal, or a project's: its last run's, and what its app prints."""
        run = await self._named(said)
        if run is not None:
            await self._journal(said, run)
        elif project := await self._owned.chosen(said, "logs"):
            if runs := await self._desk.registry.runs(project.slug, 1):
                await self._journal(said, runs[0])
            if output := await self._desk.look.output(project.slug):
                title = escape(say(said.language, "logs_app", title=project.title), quote=False)
                await self._speech.show(said, f"📜 {title}", output, f"{project.slug}-app.log")
            else:
                await self._speech.tell(said, "logs_none", project=project.slug)

    async def diff(self, said: Said) -> None:
        """Show what a run changed, or a project's last one."""
        run = await self._named(said)
        if run is None and (project := await self._owned.chosen(said, "diff")) is not None:
            run = next(iter(await self._desk.registry.runs(project.slug, 1)), None)
        if run is None:
            return
        change = await self._desk.look.change(run)
        if change is None or not change.files:
            await self._speech.tell(said, "diff_none", project=run.project)
            return
        added, removed = sum(file.added for file in change.files), sum(file.removed for file in change.files)
        title = say(said.language, "diff", project=run.project, files=len(change.files), added=added, removed=removed)
        await self._speech.show(said, f"🧾 {escape(title, quote=False)}", change.diff, f"{run.project}-{run.id}.diff")

    async def _named(self, said: Said) -> Run | None:
        """Return the person's run that is named by its id."""
        run = await self._desk.registry.run(said.words) if said.words.startswith("r-") else None
        return run if run is not None and run.origin.person == said.person else None

    async def _journal(self, said: Said, run: Run) -> None:
        lines = await self._desk.registry.progress(run.id)
        text = "\n".join(plain(line) for line in lines[-JOURNAL:])
        title = say(said.language, "logs_run", project=run.project, run=run.id)
        await self._speech.show(said, f"📜 {escape(title, quote=False)}", text or "…", f"{run.project}-{run.id}.log")

    async def _stop(self, said: Said, run: Run) -> None:
        await self._desk.cancel(run.id, said.person)
        self._cards.follow(run.id)
