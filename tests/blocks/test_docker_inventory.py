"""What the Docker engine holds for an installation: by label, by name where there is no label, and never another's."""

import os
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.inventory import DockerInventory

OURS = f"inv{os.getpid()}"
THEIRS = f"other{os.getpid()}"

pytestmark = pytest.mark.docker


@pytest.fixture
def api() -> Iterator[Any]:
    """Yield the engine's client; volumes of both installations are gone afterwards."""
    client = docker.from_env()
    try:
        yield client.api
        for volume in client.volumes.list():
            if OURS in volume.name or THEIRS in volume.name:
                volume.remove()
    finally:
        client.close()


async def test_a_volume_without_a_label_is_known_by_its_name_and_others_are_neither_listed_nor_removed(api: Any) -> None:
    implicit, labelled = f"slipway-{OURS}-ghost-data", f"slipway-{OURS}-notes-data"
    disguised, foreign = f"slipway-{OURS}-mask-data", f"slipway-{THEIRS}-ghost-data"
    api.create_volume(implicit)
    api.create_volume(labelled, labels={"slipway.installation": OURS, "slipway.project": "notes"})
    api.create_volume(disguised, labels={"slipway.installation": THEIRS, "slipway.project": "mask"})
    api.create_volume(foreign)
    inventory = DockerInventory(DockerConnection(None), OURS)

    held = {thing.name: thing for thing in await inventory.held()}

    assert {name: thing.projects for name, thing in held.items()} == {implicit: ("ghost",), labelled: ("notes",)}
    assert all(thing.made is not None for thing in held.values())
    assert await inventory.discard(held[implicit].model_copy(update={"name": disguised})) is False
    assert [await inventory.discard(held[implicit]) for _ in range(2)] == [True, False]
    left = {volume["Name"] for volume in api.volumes()["Volumes"]}
    assert {labelled, disguised, foreign} <= left
    assert implicit not in left
