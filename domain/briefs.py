"""The Brief: what a person wants, in their words, and how they will know that they got it."""

from typing import Annotated

from pydantic import Field

from domain.checks import CheckId
from domain.names import Slug
from domain.values import Value


class AcceptanceCheck(Value):
    """One thing that must be true of the finished app, in the person's language."""

    id: CheckId
    text: str = Field(min_length=3, max_length=400, description="Given, when, then, in one sentence")


class Brief(Value):
    """What will be built; shown to the person before work starts."""

    title: str = Field(min_length=1, max_length=80)
    slug: Slug = Field(description="Lower-case name for address and repository, like url-shortener")
    kind: str = Field(description="One of the kinds offered")
    language: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$", description="BCP 47 tag of the person's language")
    summary: str = Field(min_length=1, max_length=1000)
    stories: tuple[Annotated[str, Field(max_length=400)], ...] = Field(min_length=1, max_length=12)
    checks: tuple[AcceptanceCheck, ...] = Field(min_length=1, max_length=20)
    retires: tuple[CheckId, ...] = Field(
        default=(), description="Earlier checks that the person's new wish contradicts; empty for a new project"
    )


def as_markdown(brief: Brief) -> str:
    """Render the Brief for people: Prefect artifact, terminal and repository."""
    stories = "\n".join(f"- {story}" for story in brief.stories)
    checks = "\n".join(f"- `{check.id}` {check.text}" for check in brief.checks)
    retired = f"\n\n## No longer wanted\n{', '.join(brief.retires)}" if brief.retires else ""
    return (
        f"# {brief.title}\n\n{brief.summary}\n\n- name: `{brief.slug}`\n- kind: `{brief.kind}`\n\n"
        f"## Stories\n{stories}\n\n## It is done when\n{checks}{retired}\n"
    )
