"""Commands about what a project has been and may become: its releases, its previews, its end."""

from html import escape

from deployments.bot.handlers import Desk
from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said, rest_of
from deployments.bot.owned import Owned
from deployments.bot.releases import version
from deployments.bot.speech import Speech
from deployments.wording.cards import link
from deployments.wording.texts import say
from domain.errors import BadInput
from domain.previews import OPEN, Preview
from domain.releases import startable
from domain.runs import Project, Run

RELEASES = 10
"""Newest releases that are shown."""


class UpkeepCommands:
    """/history /preview /down, and the button that puts a preview online."""

    def __init__(self, desk: Desk, owned: Owned, speech: Speech, cards: LiveCards) -> None:
        self._desk = desk
        self._owned = owned
        self._speech = speech
        self._cards = cards

    async def history(self, said: Said) -> None:
        """List a project's releases with their dates, a button for each that can come back."""
        if (project := await self._owned.chosen(said, "history")) is None:
            return
        releases = sorted(await self._desk.registry.releases(project.slug), key=lambda release: -release.number)[:RELEASES]
        lines = [f"{version(said, each)}: {say(said.language, f'page_release_{each.state.name.lower()}')}" for each in releases]
        buttons = tuple(
            (f"↩️ {version(said, each)}", f"/rollback {project.slug} {each.number}")
            for each in releases
            if startable(releases, each.number)
        )
        title = say(said.language, "history" if lines else "history_none", title=project.title)
        await self._speech.say(said, "\n".join([title, *lines]), buttons)

    async def preview(self, said: Said) -> None:
        """Show what is up to be looked at; `live NUMBER` puts one online, `drop NUMBER` takes one away."""
        if (project := await self._owned.chosen(said, "preview")) is None:
            return
        match rest_of(said.words).split():
            case ["live", number] if number.isdecimal():
                if await self._went_online(said, project.slug, int(number)):
                    await self._speech.tell(said, "going_online", project=project.slug)
            case ["drop", number] if number.isdecimal():
                await self._drop(said, project, int(number))
            case _:
                await self._previews(said, project)

    async def confirm(self, said: Said, run: Run) -> None:
        """Put the preview that the run made online; pressed twice, it is one release."""
        previews = await self._desk.registry.previews(run.project)
        number = next((preview.number for preview in previews if preview.run == run.id), 0)
        if await self._went_online(said, run.project, number):
            await self._speech.pop(said, "going_online", project=run.project)

    async def down(self, said: Said) -> None:
        """Ask first; the button that is pressed then names the very project, not another of its name that comes later."""
        if (project := await self._owned.chosen(said, "down")) is None:
            return
        sure = f"{project.created.timestamp():.0f}"
        if rest_of(said.words) != sure:
            buttons = ((f"🗑 {say(said.language, 'down_yes', project=project.slug)}", f"/down {project.slug} {sure}"),)
            await self._speech.tell(said, "down_sure", title=project.title, project=project.slug, buttons=buttons)
            return
        await self._speech.tell(said, "down_begins", project=project.slug)
        await self._desk.take_down(project.slug, said.person)
        await self._speech.tell(said, "down_done", title=project.title)

    async def _went_online(self, said: Said, project: str, number: int) -> bool:
        """Let the preview go live; False, and its person told, when it cannot any more."""
        try:
            begun = await self._desk.confirm(project, number, said.origin)
        except BadInput:
            await self._speech.heard(said)
            await self._speech.tell(said, "preview_late", project=project)
            return False
        self._cards.follow(begun.id)
        return True

    async def _drop(self, said: Said, project: Project, number: int) -> None:
        try:
            await self._desk.drop(project.slug, number, said.person)
        except BadInput:
            await self._speech.tell(said, "preview_stays", title=project.title)
        else:
            await self._speech.tell(said, "preview_dropped", title=project.title, number=number)

    async def _previews(self, said: Said, project: Project) -> None:
        previews = await self._desk.registry.previews(project.slug, states=OPEN)
        if not previews:
            await self._speech.tell(said, "preview_none", title=project.title, project=project.slug)
        for each in previews:
            buttons = preview_buttons(each, said.language) if each.address else ()
            until = f"{each.expires:%Y-%m-%d %H:%M} UTC"
            text = say(said.language, "preview_up", title=project.title, number=each.number, until=until)
            shown = link(each.address) if each.address else escape(say(said.language, "preview_starting"), quote=False)
            await self._speech.answer(said, f"🔎 {escape(text, quote=False)}\n{shown}", buttons)


def preview_buttons(preview: Preview, language: str) -> tuple[tuple[str, str], ...]:
    """Return what can be done with a preview that is up."""
    project, number = preview.project, preview.number
    return (
        (f"🌐 {say(language, 'put_online')}", f"/preview {project} live {number}"),
        (f"🗑 {say(language, 'preview_drop')}", f"/preview {project} drop {number}"),
    )
