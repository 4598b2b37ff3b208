"""Small private files: the old content or the new, for this user alone, and nothing beside them."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.private_files import write_private


def test_file_is_replaced_and_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o644)
    write_private(path, "ключ")
    assert (path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("ключ", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_that_make_it_at_once_one_counts_for_all(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def make(number: int) -> str:
        write_private(path, f"{number}", once=True)
        return path.read_text()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(make, range(32)))) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "key", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
