"""The outbox of issues at GitHub: brings the news of runs that began there to their issue, each once, in order."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic

from deployments.bells import keep_up
from deployments.bot.letters import asks_for_secrets
from deployments.github.place import Place
from deployments.wording.cards import Wanted, cause_of, cut
from deployments.wording.goals import goal_of
from deployments.wording.notices import complaint, left_over, rollback_in
from deployments.wording.reasons import why_failed, why_taken_back
from deployments.wording.texts import say
from domain.errors import Broken, NeedsPerson, TryAgain
from domain.escalations import Escalation
from domain.github_errors import GitHubShut
from domain.issue_requests import issue_in
from domain.pushes import DIGEST_SHOWN
from domain.releases import Release, ReleaseState
from domain.runs import Notification, Progress, Run, RunState
from domain.trimming import fenced
from domain.webhooks import is_late
from tasks.notify import OUTBOX

logger = logging.getLogger(__name__)

CHANNEL = "github"
SWEEP = 5.0
"""Seconds between two looks at the outbox when no hint comes."""
SHUT = 600.0
"""Seconds until an issue is tried again where GitHub lets us in only once a person does something."""


class IssueOutbox:
    """Says what waits for people at issues. A comment has its notification's key as a mark: it is not said twice."""

    def __init__(self, place: Place, sweep: float = SWEEP, clock: Callable[[], float] = monotonic) -> None:
        self._place = place
        self._sweep = sweep
        self._clock = clock
        self._not_before: dict[str, float] = {}
        self._bell = asyncio.Event()
        self._aside: set[str] = set()
        """What raised something unforeseen: left for the next process, which may know better."""

    async def run(self) -> None:
        """Say it at each hint and each sweep, until cancelled."""
        await keep_up(self.send_waiting, self._bell, self._sweep, self._place.wakeups, OUTBOX, "telling issues")

    async def send_waiting(self) -> None:
        """Say each once, oldest first; what GitHub refuses for good must not stop the others."""
        # issues that cannot be told now: what comes after keeps its order, the others are told
        later = {chat for chat, moment in self._not_before.items() if moment > self._clock()}
        for notification in await self._place.registry.unsent(CHANNEL):
            if notification.key in self._aside or notification.chat in later:
                continue
            try:
                await self._send(notification)
            except (TryAgain, GitHubShut) as error:
                if not is_late(notification.created, self._place.clock()):
                    logger.warning("%s is told later: %s", notification.chat, error)
                    later.add(notification.chat)
                    self._not_before[notification.chat] = self._clock() + (SHUT if isinstance(error, GitHubShut) else 0.0)
                    continue
                logger.warning("notification %s could not be said for days and is given up: %s", notification.key, error)
            except (NeedsPerson, Broken) as error:
                logger.warning("notification %s cannot be said at its issue and is given up: %s", notification.key, error)
            except Exception:
                logger.exception("notification %s is set aside", notification.key)
                self._aside.add(notification.key)
                continue
            self._not_before.pop(notification.chat, None)
            await self._place.registry.mark_sent(notification.key, self._place.clock())

    async def _send(self, notification: Notification) -> None:
        issue = issue_in(notification.chat)
        if issue is None:
            raise Broken(f"{notification.chat!r} is no issue")
        run = await self._place.registry.run(notification.run) if notification.run else None
        text = notification.text if run is None else await self._words(notification, run)
        if text:
            await self._place.say(*issue, notification.key, text)

    async def _words(self, notification: Notification, run: Run) -> str:
        """Return the news in the language of the project; nothing of what was answered meanwhile."""
        registry = self._place.registry
        progress = await registry.progress(run.id)
        goal = await goal_of(run, progress, registry)
        if notification.key == f"{run.id}:end" and run.state.ended:
            return end_text(run, progress, goal, self._place.label)
        if notification.key.startswith(f"{run.id}:secrets-"):
            return secrets_text(run, progress, goal) if asks_for_secrets(notification.key, run) else ""
        number = notification.key.removeprefix(f"{run.id}:question-")
        question = next((each for each in await registry.escalations(run.id) if str(each.number) == number), None)
        if question is None:
            return rollback_text(notification.key, await registry.releases(run.project), run.project, goal) or notification.text
        return "" if question.answer is not None else question_text(run, question, goal.title, goal.language)


def end_text(run: Run, progress: Sequence[Progress], goal: Wanted, label: str) -> str:
    """Return how the run ended; what is wanted next is said where this was: in an issue, by the label."""
    why = cut(why_failed(run, cause_of(progress), goal.language), 600)
    address = f"\n{run.address}" if run.state is RunState.DELIVERED else ""
    said = say(goal.language, f"github_ended_{run.state.value}", title=goal.title, why=why, label=label)
    return f"{said}{address}{left_over(progress)}"


def rollback_text(key: str, releases: Sequence[Release], project: str, goal: Wanted) -> str:
    """Return what a rollback that Slipway began by itself came to; empty when the key is of none."""
    if (parts := rollback_in(key, project)) is None:
        return ""
    _, bad, good = parts
    taken = next((each for each in releases if str(each.number) == bad), None)
    if taken is None or taken.state is not ReleaseState.ROLLED_BACK:
        return say(goal.language, "github_unwell", title=goal.title, bad=bad, project=project)
    why = why_taken_back(taken.reason, goal.language)
    return say(goal.language, "github_taken_back", title=goal.title, bad=bad, good=good, why=why)


def secrets_text(run: Run, progress: Sequence[Progress], goal: Wanted) -> str:
    """Return which secrets the run waits for, and why one that was given is none; a value is never asked for at an issue."""
    fields = {"title": goal.title, "names": ", ".join(run.waits_for), "project": run.project, "first": run.waits_for[0]}
    return complaint(run, progress, goal.language) + say(goal.language, "github_secrets", **fields)


def question_text(run: Run, question: Escalation, title: str, language: str) -> str:
    """Return what a run asks, with the command for each answer that is a person's to give at an issue."""
    found = question.diagnosis
    asks = say(language, "told_asks", title=title, why=why_failed(run, found.cause, language))
    evidence = f"\n\n{fenced(found.evidence)}" if found.evidence else ""
    choices = [choice for choice in found.choices if choice != "more_budget"]
    digest = f" {found.digest[:DIGEST_SHOWN]}" if found.digest else ""
    lines = "\n".join(
        f"- `/slipway answer {choice}{digest * (choice == 'approve')}`: {say(language, f'choose_{choice}')}"
        for choice in choices
    )
    return f"{asks}{evidence}\n\n{say(language, 'github_answers', choices=lines)}"
