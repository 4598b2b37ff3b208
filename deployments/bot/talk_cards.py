"""What a turn of the dialogue says, as messages of a chat: pure, from its end. They lie in the outbox as they are sent."""

from datetime import datetime
from html import escape

from pydantic import ValidationError

from deployments.wording.cards import Card, cut
from deployments.wording.texts import say
from domain.errors import Broken
from domain.people import Person
from domain.proposals import Answered, Proposal, Quote
from domain.roles import in_short
from domain.runs import Notification, Origin
from domain.values import Value

BUILD, LATER = "build", "later"
"""Verbs of a proposal's buttons; their data is `build:<run>`."""

TALK = "talk:"
"""How the keys of the dialogue's notifications begin."""
ASKING = ":asks"
"""How the key of one ends that asks for a secret."""

CHECKS, CHECK, SUMMARY = 10, 240, 700


class Spoken(Value):
    """One message as the outbox holds it."""

    html: str
    language: str = "en"
    """What its person is answered in, for words of the sender's own."""
    person: str = ""
    """Who may press its buttons."""
    buttons: tuple[tuple[str, str], ...] = ()
    secret: str = ""
    """Name of the secret that is asked for; the answer goes to the vault of `project`."""
    project: str = ""


def spoken_in(notification: Notification) -> Spoken | None:
    """Return a notification of the dialogue as it is to be sent; None for any other.

    Raises Broken for one that no version of ours can have written: a person must not read our JSON.
    """
    if not notification.key.startswith(TALK):
        return None
    try:
        return Spoken.model_validate_json(notification.text)
    except ValidationError as error:
        raise Broken(f"the dialogue's message {notification.key} cannot be read: {in_short(error)}") from error


def messages_of(
    answered: Answered, key: str, language: str, person: Person, origin: Origin, at: datetime
) -> list[Notification]:
    """Return the messages of one turn, in order; the same turn gives the same keys."""
    reply = answered.reply
    parts = [reply.text, *(f"❓ {question}" for question in reply.questions)]
    said = [(key, Spoken(html=escape("\n\n".join(parts), quote=False), language=language))]
    if answered.proposal is not None:
        card = proposal_card(answered.proposal, answered.quote, person.speaks(answered.proposal.brief.language))
        said.append((f"{key}:proposal", Spoken(html=card.html, language=language, person=origin.person, buttons=card.buttons)))
    return [written(each_key, each, origin, at) for each_key, each in said]


def written(key: str, spoken: Spoken, origin: Origin, at: datetime) -> Notification:
    """Return a message for the outbox."""
    text = spoken.model_dump_json()
    return Notification(key=key, channel=origin.channel, chat=origin.chat, text=text, created=at)


def secret_question(project: str, name: str, why: str, key: str, language: str, origin: Origin, at: datetime) -> Notification:
    """Return the message that asks for a secret by its name."""
    html = escape(f"🔑 {project}: {why}\n\n{say(language, 'secret_wanted', name=name)}", quote=False)
    spoken = Spoken(html=html, language=language, secret=name, project=project)
    return written(f"{TALK}{key}{ASKING}", spoken, origin, at)


def is_secret_question(notification: Notification) -> bool:
    return notification.key.startswith(TALK) and notification.key.endswith(ASKING)


def proposal_card(proposal: Proposal, quote: Quote | None, language: str) -> Card:
    """Render what would be built, how its person will know that it is right, and what it costs."""
    brief = proposal.brief
    more = len(brief.checks) - CHECKS
    lines = [
        f"📝 <b>{escape(cut(brief.title), quote=False)}</b> · {escape(brief.slug)}",
        escape(cut(brief.summary, SUMMARY), quote=False),
        "",
        say(language, "done_when"),
        *(f"☐ {escape(cut(check.text, CHECK), quote=False)}" for check in brief.checks[:CHECKS]),
        *([f"… {say(language, 'more', number=more)}"] if more > 0 else []),
        *([f"💰 {_quoted(quote, language)}"] if quote else []),
    ]
    buttons = (
        (f"🔨 {say(language, 'proposal_build')}", f"{BUILD}:{proposal.run}"),
        (say(language, "proposal_later"), f"{LATER}:{proposal.run}"),
    )
    return Card(html="\n".join(lines), buttons=buttons)


def _quoted(quote: Quote, language: str) -> str:
    fields = {"usd": f"{quote.usd:.2f}", "minutes": quote.minutes, "runs": quote.runs, "most": f"{quote.most_usd:.2f}"}
    return say(language, "quote_learned" if quote.runs else "quote_most", **fields)
