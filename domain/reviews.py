"""A reviewer's findings: only those that point at what the change changed count."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from domain.patches import ChangedLines
from domain.report_tables import cell
from domain.values import Value


class Finding(Value):
    """One thing to say about one line."""

    path: str = Field(min_length=1, max_length=200, description="File, relative to the repository")
    line: int = Field(ge=1, description="A line that the change wrote, as the new file counts it")
    severity: Literal["blocking", "advice"] = Field(
        description="`blocking`: the Brief is broken, data is at risk, or the app can be made to fail; all else is `advice`"
    )
    sentence: str = Field(min_length=1, max_length=400, description="What is wrong, and what would be right, in one sentence")


class Findings(Value):
    """What the reviewer hands in."""

    findings: tuple[Finding, ...] = Field(
        default=(), max_length=20, description="The most important first; none is a good answer"
    )


class Review(Value):
    """What came of a review."""

    commit: str = ""
    findings: tuple[Finding, ...] = ()
    dropped: int = 0
    """Findings that did not point at a changed line."""
    note: str = ""
    """Why there was no review."""
    cut: bool = False
    """The diff that the reviewer was shown was cut; it could view the rest."""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "blocking")

    @property
    def sentence(self) -> str:
        """Say it for people."""
        if self.note:
            return f"no review: {self.note}"
        advice = len(self.findings) - len(self.blocking)
        dropped = f"; {self.dropped} that pointed at no changed line were dropped" if self.dropped else ""
        cut = "; the diff shown was cut" if self.cut else ""
        return f"the reviewer has {len(self.blocking)} blocking finding(s) and {advice} piece(s) of advice{dropped}{cut}"


def review_of(handed_in: Findings, changed: Mapping[str, ChangedLines], commit: str, *, cut: bool = False) -> Review:
    """Keep the findings that point at changed lines, and count the others."""
    kept = tuple(each for each in handed_in.findings if _points_at(each, changed))
    return Review(commit=commit, findings=kept, dropped=len(handed_in.findings) - len(kept), cut=cut)


def as_text(finding: Finding) -> str:
    return f"- {finding.path}:{finding.line}: {finding.sentence}"


def _points_at(finding: Finding, changed: Mapping[str, ChangedLines]) -> bool:
    lines = changed.get(finding.path.removeprefix("./"))
    return lines is not None and finding.line in lines.touched


def as_markdown(review: Review) -> str:
    """Render the review for the Prefect UI."""
    rows = "\n".join(
        f"| {each.severity} | {cell(each.path, 100)}:{each.line} | {cell(each.sentence, 400)} |" for each in review.findings
    )
    table = f"| severity | place | finding |\n|---|---|---|\n{rows}\n" if rows else ""
    return f"# Review\n\n{cell(review.sentence, 400)}\n\n{table}"
