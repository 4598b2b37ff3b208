"""Acceptance checks in their executable form: what is asked of a running app, and what must come back."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from domain.values import Value

Unseen = Annotated[
    bool,
    Field(
        description="True: the developer is not shown this check. The same behaviour as in one that it sees, asked with other "
        "values, so that answers cannot be written down in place of the behaviour"
    ),
]
CheckId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Short id, unique in the project")]


class HttpStep(Value):
    """One request to the app and what must come back. `${name}` in path, headers and bodies is replaced by a saved value."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    path: str = Field(pattern=r"^(/|\$\{)", description="Path and query, like /items?limit=2; or a saved ${location}")
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: JsonValue | None = Field(default=None, description="Sent as JSON when given")
    form: dict[str, str] | None = Field(default=None, description="Sent as a URL-encoded form when given")
    body: str | None = Field(default=None, description="Sent as it is when given")
    expect_status: int = Field(default=200, ge=100, le=599)
    expect_contains: tuple[str, ...] = Field(default=(), description="Texts that the answer's body must hold")
    expect_json: JsonValue | None = Field(
        default=None, description="Must be a part of the JSON answer: objects by key, lists by position, scalars equal"
    )
    expect_headers: dict[str, str] = Field(default_factory=dict, description="Header names and texts they must hold")
    within_seconds: float | None = Field(
        default=None, ge=0.1, le=15, description="The whole answer must be there by then; only where the Brief speaks of speed"
    )
    save: dict[str, str] = Field(
        default_factory=dict, description="Name to keep, and where it is: `json:a.0.b`, `header:location` or `status`"
    )

    @property
    def carries_values(self) -> bool:
        """Tell whether the request has values in it whose answer could be written down."""
        sent = (self.json_body, self.form, self.body)
        return any(value is not None for value in sent) or "?" in self.path


class HttpCheck(Value):
    """A short conversation over HTTP: steps in order on one running app, redirects not followed."""

    type: Literal["http"] = "http"
    id: CheckId
    covers: CheckId = Field(description="Id of the Brief's acceptance check that this one proves")
    title: str = Field(min_length=1, max_length=200)
    unseen: Unseen = False
    steps: tuple[HttpStep, ...] = Field(min_length=1, max_length=20)


class CommandCheck(Value):
    """A command run inside a fresh copy of the app's image."""

    type: Literal["command"] = "command"
    id: CheckId
    covers: CheckId = Field(description="Id of the Brief's acceptance check that this one proves")
    title: str = Field(min_length=1, max_length=200)
    unseen: Unseen = False
    command: str = Field(min_length=1, max_length=2000)
    expect_exit: int = 0
    expect_contains: tuple[str, ...] = ()


class ChatTurn(Value):
    """One thing that a person does in a private chat with the bot, and what the bot must answer before the next turn."""

    says: str = Field(default="", max_length=4096, description="Text that the person sends, like /start")
    presses: str = Field(
        default="", max_length=64, description="Label of a button below the bot's last messages, in place of a text"
    )
    expect_contains: tuple[str, ...] = Field(default=(), description="Texts that the bot's answers must hold")
    expect_buttons: tuple[str, ...] = Field(default=(), description="Labels of buttons that must be offered")
    expect_nothing: bool = Field(default=False, description="The bot must not answer at all")
    within_seconds: float = Field(default=10, ge=0.1, le=30)

    @model_validator(mode="after")
    def _has_one_act(self) -> Self:
        if bool(self.says) == bool(self.presses):
            raise ValueError("a turn either says something or presses a button")
        return self


class ChatCheck(Value):
    """A dialogue with the bot, in a chat of its own that begins with the first turn."""

    type: Literal["chat"] = "chat"
    id: CheckId
    covers: CheckId = Field(description="Id of the Brief's acceptance check that this one proves")
    title: str = Field(min_length=1, max_length=200)
    unseen: Unseen = False
    turns: tuple[ChatTurn, ...] = Field(min_length=1, max_length=20)


Check = Annotated[HttpCheck | CommandCheck | ChatCheck, Field(discriminator="type")]
