"""Which model answers a worker, by its role and by the name that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Models:
    """Which model each role asks, and which one answers for other names."""

    usual: str
    by_role: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)

    def own(self, role: str) -> str:
        return self.by_role.get(role, self.usual)
