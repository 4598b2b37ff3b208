from pathlib import Path

from app.bot import GREETING
from tests.talk import Talk


def test_start_is_greeted(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        assert talk.says("/start") == [GREETING]
