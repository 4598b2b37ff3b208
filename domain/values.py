"""The base of every value that crosses a boundary."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Be immutable, keyword-only and closed: an unknown key is an error, not a silent extra."""

    model_config = ConfigDict(frozen=True, extra="forbid")
