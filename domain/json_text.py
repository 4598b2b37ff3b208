"""JSON that strangers wrote: an app, a worker, a person's repository."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def read_json(text: str | bytes) -> Any:
    """Return the value; raise ValueError for what is no JSON, nests too deeply, or holds half a character.

    The standard library's reader lets the last two pass, or raises RecursionError, which nobody expects of a text.
    """
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Invalid JSON: ")) from None
