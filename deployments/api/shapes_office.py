"""What the API shows of whom and what it lets in: keys, bots, invitations, people."""

from datetime import datetime

from pydantic import Field

from deployments.api.shapes import Said, Shown


class Me(Shown):
    """The key with which this was asked."""

    prefix: str = Field(examples=["slipway_0123456789ab_"])
    name: str
    owner: str
    scopes: tuple[str, ...]
    expires: datetime | None = None


class KeyShown(Shown):
    """A key, without what would open anything."""

    id: str
    prefix: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    state: str = Field(description="`active`, `expired` or `revoked`")
    created: datetime
    expires: datetime | None = None
    used: datetime | None = Field(default=None, description="Last use, five minutes late at most")
    revoked: datetime | None = None
    maker: str = Field(default="", description="Id of the key that made it; empty: a person did")


class KeyRevoked(KeyShown):
    """A key that opens nothing any more."""

    made: tuple[KeyShown, ...] = Field(description="Those that were made by it, which open nothing any more either")


class NewKeyShown(KeyShown):
    """A key that was just made, with all that it is."""

    key: str = Field(description="Shown this once")


class BotShown(Shown):
    """A bot of the pool; its token is never shown."""

    id: str = Field(description="Telegram's number of it")
    username: str
    state: str
    project: str = Field(description="Who has it, or had it last")
    since: datetime


class BotGone(Said):
    """A bot that was taken out of the pool."""

    username: str


class InvitationShown(Shown):
    """An invitation, without its code."""

    number: int
    note: str
    uses: int
    used: int
    by: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    state: str


class NewInvitationShown(InvitationShown):
    """An invitation that was just made."""

    code: str = Field(description="Shown this once")
    link: str = Field(description="Opens the bot with the code; empty when the bot's name is not known")
    warning: str = Field(description="Empty, or why codes do not count yet")


class PersonShown(Shown):
    """Somebody who uses the bot."""

    person: str
    access: str
    invitation: int | None
    by: str
    since: datetime | None
    projects: int
    open_runs: int
    month_usd: float
    own: dict[str, int | float | None] = Field(description="Their own limits")
