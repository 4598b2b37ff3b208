"""Pages of a list: a cursor says where the next one begins, and is nobody's to read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import Field, ValidationError

from deployments.api.problems import Refusal
from domain.values import Value

T = TypeVar("T")
M = TypeVar("M", bound=Value)

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before; unset: the first page.")]
USUAL = 20


class Page(Value, Generic[T]):
    """One page."""

    items: tuple[T, ...]
    next: str | None = Field(default=None, description="Cursor of the next page; null when there is none.")


class Place(Value):
    """How many things of a list come before the page."""

    passed: int = Field(ge=0, le=1_000_000_000)


def cursor_of(mark: Value) -> str:
    return urlsafe_b64encode(mark.model_dump_json().encode()).decode().rstrip("=")


def mark_in(cursor: str | None, kind: type[M]) -> M | None:
    """Return what a cursor of ours says; None without one. Raise Refusal for what is none of ours."""
    if cursor is None:
        return None
    try:
        return kind.model_validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValidationError, ValueError):
        raise Refusal(422, "this is no cursor of a page: begin without one") from None


def cut(rows: Sequence[T], cursor: str | None, limit: int) -> Page[T]:
    """Return the page of a list that only grows at its end, or is short."""
    mark = mark_in(cursor, Place)
    begin = mark.passed if mark else 0
    end = begin + limit
    return Page(items=tuple(rows[begin:end]), next=cursor_of(Place(passed=end)) if len(rows) > end else None)
