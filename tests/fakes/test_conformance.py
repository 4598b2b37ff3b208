"""The fakes pass the suites of what they stand for: the same tests, with the fake in the fixture's place.

Only those tests are here that need no process, page or database behind the Protocol; the vault's suite runs on its fake itself.
"""

from pathlib import Path

import pytest

from domain.candidates import Built
from tests.blocks.engine_bench import Bench
from tests.blocks.ledger_process import BUDGET
from tests.blocks.test_caddy import (  # noqa: F401
    test_routes_are_told_as_they_were_set_last_and_by_the_highest_fence,
)
from tests.blocks.test_engines import (  # noqa: F401
    test_a_removed_app_is_gone,
    test_a_removed_worker_takes_no_command,
    test_a_stopped_app_has_no_address_until_it_is_resumed,
    test_an_unknown_app_is_gone_and_can_be_removed_and_has_no_logs,
    test_apps_are_found_by_another_engine_object,
    test_candidates_of_a_project_are_known_until_they_are_removed,
    test_spawning_one_identity_twice_at_once_gives_one_worker,
    test_starting_an_app_again_adopts_it,
)
from tests.blocks.test_registry import test_transcript_grows_by_one_and_never_changes  # noqa: F401
from tests.blocks.test_registry_ledger import (  # noqa: F401
    test_call_that_was_never_reserved_cannot_be_settled,
    test_released_call_gives_its_money_back_and_can_be_reserved_again,
    test_reservation_that_would_pass_the_budget_is_refused_with_the_figures,
    test_settling_and_reserving_again_change_nothing,
)
from tests.blocks.test_wakeups import (  # noqa: F401
    test_lock_of_another_name_is_free,
    test_of_many_at_once_one_gets_the_lock,
    test_second_owner_waits_until_the_first_gives_the_lock_back,
)
from tests.fakes.conversations import MemoryLedger, MemoryTranscripts
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(FakeEngine(builds=[Built(candidate=f"sha256:{number}") for number in range(2)]), tmp_path)


@pytest.fixture
def caddy() -> MemoryProxy:
    return MemoryProxy()


@pytest.fixture
def wakeups() -> MemoryWakeups:
    return MemoryWakeups()


class Books(MemoryLedger, MemoryTranscripts):
    """Both parts of the registry that have a fake."""

    def __init__(self) -> None:
        MemoryLedger.__init__(self, BUDGET)
        MemoryTranscripts.__init__(self)


@pytest.fixture
def registry() -> Books:
    return Books()
