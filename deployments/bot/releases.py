"""Commands and buttons about what is online: going back, addresses, the proof, the code."""

import json
from html import escape

from deployments.bot.handlers import Desk
from deployments.bot.messages import Said, rest_of
from deployments.bot.owned import Owned
from deployments.bot.speech import Speech
from deployments.desk.looking import size_of
from deployments.wording.texts import say
from domain.errors import NothingToRollBackTo
from domain.proofs import passed_in
from domain.releases import Release, startable
from domain.runs import Project
from tasks.hosts import project_hosts

DATA = ("keep", "restore")
FILE_BYTES = 50_000_000
"""What a bot may send as one file (https://core.telegram.org/bots/api#senddocument)."""
REMOVE = "-"
"""`/domain PROJECT - HOST` takes the host away."""


class ReleaseCommands:
    """/rollback /domain /proof /archive."""

    def __init__(self, desk: Desk, owned: Owned, speech: Speech) -> None:
        self._desk = desk
        self._owned = owned
        self._speech = speech

    async def rollback(self, said: Said) -> None:
        """Go back to the version named, or to the only one that there is; among several the person chooses."""
        project = await self._owned.chosen(said, "rollback")
        if project is None:
            return
        words = said.words.split()[1:]
        releases = await self._desk.registry.releases(project.slug)
        earlier = [release for release in releases if startable(releases, release.number)]
        if not earlier:
            raise NothingToRollBackTo(project.slug)
        if not words and len(earlier) > 1:
            buttons = tuple((version(said, release), f"/rollback {project.slug} {release.number}") for release in earlier)
            await self._speech.tell(said, "which_version", project=project.slug, buttons=buttons)
        elif len(words) > 2 or not all(word.isdecimal() for word in words[:1]) or not set(words[1:]) <= {*DATA}:
            await self._speech.tell(said, "rollback_usage", project=project.slug)
        else:
            to = int(words[0]) if words else None
            why, data = "asked for in Telegram", next(iter(words[1:]), "")
            await self._desk.rollback(project.slug, why, said.person, to, data, key=said.key)
            await self._speech.tell(said, "rollback_started" if to is None else "rollback_to", project=project.slug, number=to)

    async def domain(self, said: Said) -> None:
        """Show a project's addresses; with a host name, let that lead to it; with `- host`, no more."""
        project = await self._owned.chosen(said, "domain")
        wish = rest_of(said.words)
        if project is None:
            return
        if wish.startswith(f"{REMOVE} "):
            gone = await self._desk.look.remove_host(project.slug, rest_of(wish), said.person)
            await self._speech.tell(said, "domain_removed", host=gone, project=project.slug)
        elif wish:
            host = await self._desk.look.add_host(project.slug, wish, said.person)
            await self._speech.tell(said, "domain_added", host=host, project=project.slug)
        else:
            await self._hosts(said, project)

    async def proof(self, said: Said) -> None:
        """Send the newest proof as a file, its main facts beside it."""
        project = await self._owned.chosen(said, "proof")
        if project is None:
            return
        shown = await self._desk.look.proof(project.slug)
        if shown is None:
            await self._speech.tell(said, "proof_none", project=project.slug)
            return
        body = shown.document["proof"]
        word = say(said.language, "proof_genuine" if shown.genuine else "proof_false")
        tests, checks = body["tests"], body["checks"]
        told = say(
            said.language,
            "proof",
            title=project.title,
            passed=passed_in(tests),
            tests=len(tests),
            held=passed_in(checks),
            checks=len(checks),
            commit=body["commit"],
        )
        title = escape(f"{told} {word}", quote=False)
        document = json.dumps(shown.document, indent=1, ensure_ascii=False)
        await self._speech.send_file(said, title, document, f"{project.slug}-proof.json")

    async def archive(self, said: Said) -> None:
        """Send the code and its history as a zip, where Telegram takes one so large."""
        project = await self._owned.chosen(said, "archive")
        if project is None:
            return
        slug, zipped = project.slug, await self._desk.look.archive(project.slug)
        if zipped is None:
            await self._speech.tell(said, "archive_none", project=slug)
            return
        with zipped:
            size, limit = size_of(zipped) // 1_000_000, FILE_BYTES // 1_000_000
            if size_of(zipped) > FILE_BYTES:
                await self._speech.tell(said, "archive_large", project=slug, size=size, limit=limit)
                return
            title = escape(say(said.language, "archive", title=project.title, project=slug), quote=False)
            await self._speech.send_bytes(said, title, zipped, f"{slug}.zip")

    async def _hosts(self, said: Said, project: Project) -> None:
        hosts = await project_hosts(project.slug, self._desk.registry)
        label = say(said.language, "domain_remove")
        buttons = tuple((f"{label} {host}", f"/domain {project.slug} {REMOVE} {host}") for host in hosts[1:])
        fields = {"title": project.title, "hosts": ", ".join(hosts), "project": project.slug}
        await self._speech.tell(said, "domains", buttons=buttons, **fields)


def version(said: Said, release: Release) -> str:
    when = f"{release.went_live or release.created:%Y-%m-%d %H:%M}"
    return say(said.language, "version", number=release.number, when=when)
