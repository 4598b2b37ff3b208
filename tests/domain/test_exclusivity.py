"""Which copies may not run side by side, and whose turn it is to rest."""

import pytest

from domain.environment import EnvironmentVersion
from domain.exclusivity import Exclusivity, is_judged
from domain.releases import RESTS, Release, ReleaseState
from tests.tasks.conftest import COMMIT, NOW

POLLING = EnvironmentVersion(project="notes", number=1, plain={"PORT": "8000"})
EMPTY = EnvironmentVersion(project="notes", number=1, plain={"HOOK_URL": ""})
DEFAULT = EnvironmentVersion(project="notes", number=1, plain={"HOOK_URL": "https://bot.example/hook"})
GIVEN = EnvironmentVersion(project="notes", number=1, secrets={"HOOK_URL": "slipway-notes-hook-url"})
ONE, UNLESS, ANY = Exclusivity(exclusive=True), Exclusivity(exclusive=True, unless="HOOK_URL"), Exclusivity()


@pytest.mark.parametrize(
    ("kind", "version", "alone"),
    [
        (ANY, POLLING, False),
        (ANY, None, False),
        (ONE, POLLING, True),
        (ONE, GIVEN, True),
        (UNLESS, POLLING, True),
        (UNLESS, EMPTY, True),
        (UNLESS, None, True),
        (UNLESS, DEFAULT, False),
        (UNLESS, GIVEN, False),
    ],
)
def test_copy_is_alone_by_its_kind_and_environment(kind: Exclusivity, version: EnvironmentVersion | None, alone: bool) -> None:
    assert kind.is_alone(version) is alone


def release(state: ReleaseState, address: str = "", run: str = "r-000001") -> Release:
    return Release(
        project="notes", number=1, run=run, commit=COMMIT, candidate="c", environment_version=1, state=state, address=address,
        created=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", list(ReleaseState))
def test_only_what_has_not_been_judged_needs_room(state: ReleaseState) -> None:
    assert is_judged([release(state)], "r-000001") is (state is not ReleaseState.STARTING)
    assert not is_judged([release(state)], "r-000002")


@pytest.mark.parametrize(
    ("state", "address", "rests"),
    [
        (ReleaseState.LIVE, RESTS, True),
        (ReleaseState.LIVE, "172.18.0.2:8000", False),
        (ReleaseState.LIVE, "", False),
        (ReleaseState.ROLLED_BACK, RESTS, False),
        (ReleaseState.DRAINING, RESTS, False),
    ],
)
def test_only_a_live_release_rests(state: ReleaseState, address: str, rests: bool) -> None:
    assert release(state, address).rests is rests
