"""What `slipway doctor` says of one thing."""

from domain.values import Value


class Finding(Value):
    """One line of the doctor: fine, not needed or worth knowing (None), or broken with its cure."""

    name: str
    ok: bool | None
    found: str
    cure: str = ""
