"""Slipway's own images: an interrupted build ends at once and leaves nothing that the next one would take for an image."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from deployments.base_image import Extras, Order, ensure_images, look


@pytest.mark.docker
async def test_build_that_is_interrupted_ends_and_its_image_is_not_there(tmp_path: Path) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(f"# {uuid4()}\n")  # other authorities, another base image
    said: asyncio.Queue[str] = asyncio.Queue()
    work = asyncio.create_task(ensure_images(None, authorities, said.put_nowait))
    while await said.get() != "Building slipway-base":
        pass
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert look(None, Order(authorities.read_bytes(), None, Extras())) is None
