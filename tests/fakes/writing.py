"""Somebody who sees an answer while it is written."""

from domain.writing import Draft


class Seen:
    """Keeps what was written, state by state."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def wrote(self, draft: Draft) -> None:
        self.drafts.append(draft)
