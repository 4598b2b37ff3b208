"""Buttons of proposals: Build starts the run that the proposal is, Not yet leaves it as it is."""

from collections.abc import Sequence

from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said
from deployments.bot.speech import Speech
from deployments.bot.talk_cards import BUILD, LATER
from deployments.desk.deeds import Acting
from domain.conversations import Message
from domain.deeds import Deeds
from domain.proposals import proposal_run, proposals
from domain.talks import Talks


class ProposalButtons:
    """Takes pressed buttons of proposals; only its own person's session is looked into."""

    def __init__(self, desk: Acting, deeds: Deeds, speech: Speech, cards: LiveCards, talks: Talks) -> None:
        self._desk = desk
        self._deeds = deeds
        self._speech = speech
        self._cards = cards
        self._talks = talks

    async def take(self, said: Said) -> bool:
        """Deal with a button of a proposal; False when it is none."""
        verb, _, run = said.text.partition(":")
        if not said.press or verb not in (BUILD, LATER):
            return False
        key, project = await self._pressed(said, verb, run)
        await self._speech.pop(said, key, **({"project": project} if project else {}))
        return True

    async def _pressed(self, said: Said, verb: str, run: str) -> tuple[str, str]:
        """Return the key of what the button answers, and a project's name; agreed to twice, it is one run."""
        from tasks.talk_proposals import proposal_of

        session, messages = await self._session(said)
        made = tuple(each for each in proposals(messages) if each.shown)  # what a turn that broke off proposed replaces nothing
        number = next((each.number for each in made if proposal_run(session, each.number) == run), None)
        if number is None:
            return "dead_button", ""
        begun = await self._desk.registry.run(run)
        if begun is not None and (begun.flow_run or begun.state.ended):
            return "proposal_begun", ""
        if number != made[-1].number:
            return "proposal_replaced", ""
        if verb == LATER:
            return "proposal_kept", ""
        proposal = await proposal_of(made[-1], run, said.origin, self._desk.registry, messages)
        started = await self._deeds.start(proposal)
        self._cards.follow(started.id)
        return "building", started.project

    async def _session(self, said: Said) -> tuple[str, Sequence[Message]]:
        """Return the person's session and all that was said in it."""
        from tasks.dialogue import conversation_of

        talk = await self._talks.look(said.person)
        if talk is None:
            return "", ()
        return talk.session, await self._desk.registry.load(conversation_of(talk.session))
