"""Files at the terminal: `slipway new TEXT --attach FILE` takes them the way of the chat."""

from pathlib import Path
from typing import Any

import pytest

from deployments.here.wishes import taken_in
from domain.attachments import AttachmentRefused
from domain.errors import BadInput
from tests.fakes.desk import FakeDesk

pytestmark = pytest.mark.usefixtures("no_settings")


async def test_files_are_kept_for_their_person(desk: FakeDesk, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(b"tea;3")
    door: Any = desk
    [taken] = await taken_in((tmp_path / "prices.csv",), "local:me", door)
    assert (taken.name, await desk.attachments.content(taken)) == ("prices.csv", b"tea;3")
    assert await taken_in((), "local:me", door) == ()


async def test_what_cannot_be_used_is_refused_before_anything_starts(
    desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door: Any = desk
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        await taken_in((tmp_path / "none.csv",), "local:me", door)
    monkeypatch.setenv("SLIPWAY_ATTACHMENT_COUNT", "1")
    with pytest.raises(AttachmentRefused, match="too many files"):
        await taken_in((tmp_path / "a.csv", tmp_path / "b.csv"), "local:me", door)
    monkeypatch.setenv("SLIPWAY_ATTACHMENT_MB", "0.000004")
    with pytest.raises(AttachmentRefused, match="too large"):
        await taken_in((tmp_path / "a.csv",), "local:me", door)
