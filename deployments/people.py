"""Who asks at this machine's terminal."""

import getpass
import os
from typing import TYPE_CHECKING

from domain.errors import BadInput

if TYPE_CHECKING:
    from domain.doors import DoorRegistry


def person() -> str:
    """Return who asks, as the registry names people of this machine."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        name = f"uid-{os.getuid()}"
    return f"local:{name}"


async def checked_person(name: str, registry: "DoorRegistry") -> str:
    """Return the name if somebody of this installation is called so; raise BadInput."""
    owners = [project.owner for project in await registry.projects()]
    members = [member.name for member in await registry.members()]
    if name not in (person(), *owners, *members, *(key.owner for key in await registry.api_keys())):
        raise BadInput(f"nobody here is called {name[:60]!r}: `slipway people list` and `slipway keys list` show who there is")
    return name
