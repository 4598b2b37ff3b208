"""What a model has written of an answer so far, and who sees it."""

from collections.abc import Mapping
from typing import Any, Protocol

import jiter

from domain.values import Value


class DraftCall(Value):
    """A tool that is called, its input as JSON as far as it is written."""

    name: str
    input: str = ""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return what can be read of the input, the last text also in the middle; nothing of what is no JSON object."""
        try:
            read = jiter.from_json(self.input.encode("utf-8", "replace"), partial_mode="trailing-strings")
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


class Draft(Value):
    """One answer of a model in the making."""

    calls: tuple[DraftCall, ...] = ()


class Writing(Protocol):
    """Somebody who sees an answer while it is written."""

    def wrote(self, draft: Draft) -> None:
        """Take what is written so far, in the place of all that was before; returns at once."""
        ...
