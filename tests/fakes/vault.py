"""The vault in memory. It keeps the rules of the real one: tests/blocks/test_vault.py runs on both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from domain.complaints import Complaint
from domain.errors import ServiceUnreachable, UnknownObject
from domain.names import secret_block_name
from domain.vault import SecretInfo, newest, usable


@dataclass
class MemoryVault:
    """`values` is what lies in the blocks, `owners` whose each is; `away` makes every call fail as a dead Prefect does."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    values: dict[str, str] = field(default_factory=dict)
    owners: dict[str, tuple[str, SecretInfo]] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    away: bool = False

    async def put(self, project: str, key: str, value: str, *, generated: bool = False, unchecked: bool = False) -> str:
        self._check("storing a secret")
        return self.hold(project, key, value, generated=generated, unchecked=unchecked)

    def hold(self, project: str, key: str, value: str, *, generated: bool = False, unchecked: bool = False) -> str:
        """Do what `put` does, for tests that make their world before any loop runs."""
        last = newest(self._infos(project)).get(key)
        if last is not None and self.values[last.reference] == value:
            if unchecked:
                self._own(project, last.model_copy(update={"unchecked": True, "complaint": None, "generated": generated}))
            return last.reference
        first = (
            max((info.version for owner, info in self.owners.values() if (owner, info.key) == (project, key)), default=0) + 1
        )
        version = next(n for n in count(first) if secret_block_name(project, key, n) not in self.owners)
        reference = secret_block_name(project, key, version)
        info = SecretInfo(
            key=key,
            version=version,
            reference=reference,
            made=self.clock(),
            length=len(value),
            generated=generated,
            unchecked=unchecked,
        )
        self._own(project, info)
        self.values[reference] = value
        return reference

    def held(self, project: str) -> dict[str, str]:
        """Return the newest value of each key."""
        return {key: self.values[info.reference] for key, info in newest(self._infos(project)).items()}

    async def get(self, reference: str) -> str:
        self._check("reading a secret")
        if reference not in self.values:
            raise UnknownObject("secret", reference)
        return self.values[reference]

    async def listed(self, project: str) -> Sequence[SecretInfo]:
        self._check("listing secrets")
        return self._infos(project)

    async def names(self, project: str) -> Sequence[str]:
        return usable(await self.listed(project))

    async def complain(self, reference: str, complaint: Complaint) -> None:
        self._check("marking a secret")
        if reference in self.owners:
            project, info = self.owners[reference]
            self._own(project, info.model_copy(update={"complaint": complaint}))

    async def adopt(self, project: str, key: str) -> None:
        self._check("looking for a secret")
        claimed = [info for owner, info in self.owners.values() if (owner, info.key) == (project, key)]
        last = max(claimed, key=lambda info: info.version, default=None)
        reference = last.reference if last else secret_block_name(project, key)
        if reference not in self.values:
            return
        length = len(self.values[reference])
        if last is None and reference not in self.owners:
            info = SecretInfo(key=key, version=1, reference=reference, made=self.clock(), length=length)
            self._own(project, info)
        elif last is not None and last.complaint is not None and reference in self.changed:
            self._own(project, last.model_copy(update={"complaint": None, "length": length}))

    def edit(self, reference: str, value: str) -> None:
        """Change or make a block as a person does in Prefect's UI."""
        self.values[reference] = value
        self.changed[reference] = self.clock()

    async def forget(self, project: str, references: Sequence[str]) -> None:
        self._check("forgetting secrets")
        self._drop(project, lambda info: info.reference in references)

    async def delete(self, project: str, key: str) -> None:
        self._check("deleting a secret")
        self._drop(project, lambda info: info.key == key)

    async def clear(self, project: str) -> None:
        self._check("deleting secrets")
        self._drop(project, lambda info: True)

    def _infos(self, project: str) -> list[SecretInfo]:
        mine = [info for owner, info in self.owners.values() if owner == project and info.reference in self.values]
        return sorted(mine, key=lambda info: (info.key, info.version))

    def _own(self, project: str, info: SecretInfo) -> None:
        self.owners[info.reference] = (project, info)
        self.changed.pop(info.reference, None)

    def _drop(self, project: str, goes: Callable[[SecretInfo], bool]) -> None:
        for reference, (owner, info) in list(self.owners.items()):
            if owner == project and goes(info):
                self.values.pop(reference, None)
                del self.owners[reference]

    def _check(self, attempted: str) -> None:
        if self.away:
            raise ServiceUnreachable("Prefect", attempted)
