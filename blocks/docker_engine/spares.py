"""Spare workers: containers that nothing runs in yet and that are claimed once.

Taking one is to write the claim, then to give the container the name of its worker. Whoever is killed in between leaves a claim
from which the same worker goes on, or which is removed with its run: `claimed` tells of it. A spare is not paused: it sleeps,
which costs as little, takes no time to end, and ends by itself when nobody is left.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from blocks.docker_engine.connection import DockerConnection, is_conflict
from blocks.docker_engine.containers import LEAVING, Container, container_name
from blocks.spare_claims import Claim, SpareClaims
from domain.workers import WorkerInfo, WorkerSpec

SPARE_SECONDS = 30 * 60
"""A spare is replaced at this age, so that whoever claims it has the rest of its life."""
MARK = "slipway.spare"
PREFIX = "spare."
"""Begins the name of one that has no worker's; no identity has a dot."""


class DockerSpares:
    """Keeps, gives and removes the spare workers of one installation."""

    def __init__(self, connection: DockerConnection, installation: str, data_folder: Path) -> None:
        self._connection = connection
        self._installation = installation
        self._claims = SpareClaims(data_folder)

    async def claim(self, spec: WorkerSpec, settings: Mapping[str, Any]) -> bool:
        """Make a spare with exactly these settings the spec's worker; tell whether there was one."""
        return await self._connection.ask("claiming a spare worker", lambda api: self._claim(api, spec, _mark(settings)))

    async def refill(self, settings: Mapping[str, Any], size: int) -> None:
        """Have `size` spares with these settings, and no others."""
        await self._connection.ask("making spare workers", lambda api: self._refill(api, settings, size))

    async def claimed(self, run: str | None) -> Sequence[WorkerInfo]:
        """Return the workers that were spares, those whose claimer was killed on the way included."""
        found = await self._connection.ask("listing the spare workers", self._claimed)
        return [info for info in found if run in (None, info.run)]

    async def forget(self, identity: str) -> None:
        """Delete what was claimed for this identity, and the claims."""
        await self._connection.ask(f"forgetting {identity}", lambda api: self._forget(api, identity))

    def project_of(self, container: Container) -> str:
        claim = self._claims.of(container["Id"])
        return claim.project if claim else ""

    def _claim(self, api: Any, spec: WorkerSpec, mark: str) -> bool:
        for spare in self._listed(api):
            wanted = Claim(container=spare["Id"], identity=spec.identity, project=spec.project, run=spec.run, role=spec.role)
            if self._is_spare(spare) and _is_fit(spare, mark) and self._claims.take(wanted):
                return self._named(api, wanted)
        return False

    def _named(self, api: Any, claim: Claim) -> bool:
        """Give the container its worker's name; where that is taken, remove what turned out to be one too many."""
        try:
            api.rename(claim.container, container_name(self._installation, claim.identity))
        except APIError as error:
            # Another process that spawns the same worker may have named the same spare.
            if self._name_of(api, claim.container) != self._name(claim.identity):
                self._remove(api, claim.container)
                if is_conflict(error) or isinstance(error, NotFound):
                    return False
                raise
        return True

    def _refill(self, api: Any, settings: Mapping[str, Any], size: int) -> None:
        claims = self._claims.all()  # read first: what is claimed and not listed is gone
        listed, ready, mark = self._listed(api), 0, _mark(settings)
        for spare in filter(self._is_spare, listed):
            claim = claims.get(spare["Id"])
            if claim is None and _is_fit(spare, mark) and ready < size:
                ready += 1
            elif claim is None or not claim.identity:
                self._retire(api, spare["Id"])
        for container in claims.keys() - {spare["Id"] for spare in listed}:
            self._claims.drop(container)
        for _ in range(size - ready):
            self._make(api, settings, mark)

    def _make(self, api: Any, settings: Mapping[str, Any], mark: str) -> None:
        """Make one. What a killed process leaves before the start is fit for nobody and removed at the next refill."""
        marks = {"slipway.installation": self._installation, "slipway.kind": "spare", MARK: mark}
        name = self._name(f"{PREFIX}{uuid.uuid4().hex[:12]}")
        made = api.create_container(name=name, **{**settings, "labels": marks})
        api.start(made["Id"])

    def _retire(self, api: Any, container: str) -> None:
        """Remove a spare, unless somebody claims it first."""
        if self._claims.take(Claim(container=container)):
            self._remove(api, container)

    def _claimed(self, api: Any) -> list[WorkerInfo]:
        listed, claims = self._listed(api), self._claims.all()  # in this order: a container has its claim before its name
        found: dict[str, WorkerInfo] = {}
        for spare in listed:
            claim = claims.get(spare["Id"]) or self._unclaimed(api, spare)
            if claim is not None and claim.identity and (claim.identity not in found or spare["State"] == "running"):
                found[claim.identity] = WorkerInfo(
                    running=spare["State"] == "running", **claim.model_dump(exclude={"container"})
                )
        return list(found.values())

    def _unclaimed(self, api: Any, spare: Container) -> Claim | None:
        """Return a claim without a run for a worker whose own was lost, so that it is reaped; None for a spare or no more."""
        if self._is_spare(spare) or spare["State"] in LEAVING or self._name_of(api, spare["Id"]) is None:
            return None
        return Claim(container=spare["Id"], identity=spare["Names"][0].removeprefix(f"/{self._name('')}"))

    def _forget(self, api: Any, identity: str) -> None:
        for container, claim in self._claims.all().items():
            if claim.identity == identity:
                self._remove(api, container)

    def _remove(self, api: Any, container: str) -> None:
        """Delete the container, then its claim: in this order no moment makes it somebody else's."""
        try:
            api.remove_container(container, force=True, v=True)
        except APIError as error:
            if not is_conflict(error) and not isinstance(error, NotFound):  # 409: somebody else is removing it now
                raise
        self._claims.drop(container)

    def _listed(self, api: Any) -> list[Container]:
        labels = [f"slipway.installation={self._installation}", "slipway.kind=spare"]
        found: list[Container] = api.containers(all=True, filters={"label": labels})
        return found

    def _is_spare(self, container: Container) -> bool:
        return any(name.startswith(f"/{self._name(PREFIX)}") for name in container["Names"])

    def _name_of(self, api: Any, container: str) -> str | None:
        try:
            return str(api.inspect_container(container)["Name"]).removeprefix("/")
        except NotFound:
            return None

    def _name(self, identity: str) -> str:
        return container_name(self._installation, identity)


def _mark(settings: Mapping[str, Any]) -> str:
    """Return a short word for all that a container keeps from its creation: image, bounds, network and first process."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _is_fit(spare: Container, mark: str) -> bool:
    is_young = time.time() - float(spare["Created"]) < SPARE_SECONDS
    return is_young and (spare["State"], spare["Labels"][MARK]) == ("running", mark)
