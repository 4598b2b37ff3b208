"""The kinds of project: one template folder each, found by looking."""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from domain.capabilities import Capability
from domain.errors import BadInput
from domain.exclusivity import Exclusivity
from domain.values import Value

TEMPLATES = Path(str(files("tasks") / "templates"))


class Kind(Value):
    """What `kind.toml` of a template folder says."""

    folder: Path = Field(description="Where its template lies")
    description: str
    process: str = Field(default="web", description="Entry of the Procfile that is run")
    chat: bool = Field(default=False, description="Whether people talk to it in a messenger, so that chat checks can be asked")
    exclusive: bool = Field(
        default=False, description="Two copies of it disturb one another, so one stops before the next starts"
    )
    exclusive_unless: str = Field(
        default="", description="Variable of its environment with which copies may run side by side all the same"
    )
    guide: str = ""
    capabilities: tuple[Capability, ...] = Field(default=("git", "python"), description="What its developer's worker must have")

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def exclusivity(self) -> Exclusivity:
        return Exclusivity(exclusive=self.exclusive, unless=self.exclusive_unless)


def kinds(templates: Path = TEMPLATES) -> tuple[Kind, ...]:
    """Return all kinds, by name."""
    found = sorted(templates.glob("*/kind.toml"))
    return tuple(Kind(folder=path.parent, **tomllib.loads(path.read_text("utf-8"))) for path in found)


def kind_named(name: str, templates: Path = TEMPLATES) -> Kind:
    """Return the kind; raise BadInput that lists what there is."""
    known = {kind.name: kind for kind in kinds(templates)}
    if name not in known:
        raise BadInput(f"there is no kind {name!r}: choose one of {', '.join(known)}")
    return known[name]
