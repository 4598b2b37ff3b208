"""What interrupts a delivery is asked about when somebody can mend it: a full disk above all."""

from errno import EDQUOT, EIO, ENOSPC

import pytest

from domain.diagnoses import diagnose
from domain.errors import Broken, EngineUnreachable, ModelKeyRefused, RunCancelled
from domain.outcomes import Escalated
from flows.interruption import unless_interrupted


async def failing(error: BaseException) -> int:
    raise error


async def done() -> int:
    return 7


async def test_work_that_ends_is_its_own_value() -> None:
    assert await unless_interrupted(done()) == 7


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT])
async def test_full_disk_asks_its_person_to_free_some_and_try_again(number: int) -> None:
    end = await unless_interrupted(failing(OSError(number, "No space left on device", "/data/git/notes.git")))
    assert isinstance(end, Escalated)
    assert end.reason.startswith("the disk of /data/git/notes.git is full: free some space on it")
    diagnosis = diagnose(end)
    assert diagnosis is not None
    assert (diagnosis.kind, diagnosis.choices) == ("environment", ("retry", "stop"))


@pytest.mark.parametrize(
    ("error", "cause"), [(EngineUnreachable("Docker", "building"), "try_again"), (ModelKeyRefused(), "model_key")]
)
async def test_outage_and_refused_key_are_values_too(error: Exception, cause: str) -> None:
    end = await unless_interrupted(failing(error))
    assert isinstance(end, Escalated)
    assert end.cause == cause


@pytest.mark.parametrize(
    "error", [RunCancelled("r-000001"), Broken("ours"), OSError(EIO, "Input/output error"), ValueError("x")]
)
async def test_stop_and_faults_are_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        await unless_interrupted(failing(error))
