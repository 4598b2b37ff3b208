"""What only operators may: whom the installation lets in, and in whose name that is changed."""

from typing import Annotated

from fastapi import Depends

from deployments.api.access import Owned, TheHouse, Theirs, theirs_of
from deployments.api.problems import Refusal
from deployments.here.office import OwnOffice


async def operators_only(theirs: Annotated[Theirs, Depends(theirs_of)]) -> None:
    """Let operators' keys through."""
    if not theirs.caller.is_operator:
        raise Refusal(403, "this needs a key with the scope `operator`")


async def office_of(house: TheHouse, theirs: Owned) -> OwnOffice:
    """Return the office, in the caller's name."""
    caller = theirs.caller
    return OwnOffice(house.desk, house.registry, caller.owner, lambda: house.pepper, caller.id)


TheOffice = Annotated[OwnOffice, Depends(office_of)]
