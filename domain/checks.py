"""Acceptance checks in their executable form: what is asked of a running app, and what must come back."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from domain.values import Value

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
    save: dict[str, str] = Field(
        default_factory=dict, description="Name to keep, and where it is: `json:a.0.b`, `header:location` or `status`"
    )


class HttpCheck(Value):
    """A short conversation over HTTP: steps in order on one running app, redirects not followed."""

    type: Literal["http"] = "http"
    id: CheckId
    covers: CheckId = Field(description="Id of the Brief's acceptance check that this one proves")
    title: str = Field(min_length=1, max_length=200)
    steps: tuple[HttpStep, ...] = Field(min_length=1, max_length=20)


class CommandCheck(Value):
    """A command run inside a fresh copy of the app's image."""

    type: Literal["command"] = "command"
    id: CheckId
    covers: CheckId = Field(description="Id of the Brief's acceptance check that this one proves")
    title: str = Field(min_length=1, max_length=200)
    command: str = Field(min_length=1, max_length=2000)
    expect_exit: int = 0
    expect_contains: tuple[str, ...] = ()


Check = Annotated[HttpCheck | CommandCheck, Field(discriminator="type")]
