"""The key is refused in the middle of the work: the run waits with one sentence, and goes on when that is mended."""

import pytest

from tests.fakes.messages_api import Fault
from tests.story import tales
from tests.story.installation import Installation, Spoken, until

APP = "bell"
IN_CODE = (tales.BELL.request, "developer", 1)

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def refused(on_processes: Installation) -> Spoken:
    on_processes.player.faults[IN_CODE] = Fault(401, "authentication_error", message="invalid x-api-key")
    return on_processes.say("new", tales.BELL.request, "--yes", "--json")


def test_the_command_ends_with_the_sentence_and_its_cure(on_processes: Installation, refused: Spoken) -> None:
    run = refused.document
    assert (refused.code, run["state"], on_processes.player.faults) == (3, "waiting", {}), refused
    sentence = "the model service refused the API key: set a valid ANTHROPIC_API_KEY and run `slipway up` again"
    assert sentence in run["message"]
    assert f"slipway answer {run['run']}" in run["message"]
    assert "Traceback" not in refused.err
    assert not on_processes.releases(APP)


def test_retry_takes_it_on_where_it_stopped_and_nothing_is_asked_twice(on_processes: Installation, refused: Spoken) -> None:
    run = refused.document["run"]
    said = on_processes.say("answer", run, "retry")
    assert said.code == 0, said
    until(lambda: on_processes.has_ended(APP), "the run has ended", 800)
    found = on_processes.runs(APP)[0]
    assert (found["run"], found["state"], found["rounds"]) == (run, "delivered", 1), found
    assert on_processes.get(APP, "/ring").json() == {"rings": True}
    answered = {asked: times for asked, times in on_processes.player.answered.items() if asked[0] == tales.BELL.request}
    assert set(answered.values()) == {1}, answered
