"""One run that asks in the Prefect UI, is green too early, mends what mutants and the reviewer found, and is proved."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.mutants import MutationRun
from domain.releases import Release
from domain.reviews import Review
from tests.story.installation import Installation, until
from tests.story.player import Tale, brief, done, http_check, plan, unseen, wrote
from tests.story.test_escalation import flow_run, questions

APP = "shares"
ADVICE = "A bill is shared by all who ate: ten among four are two and a half."
COMPLAINT = "Nobody at the table makes it fail with 500: refuse that with 422."

pytestmark = pytest.mark.story

HASTY_APP = '''"""What each of us pays."""

from fastapi import FastAPI

app = FastAPI(title="Shares")


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the app is up."""
    return {"status": "ok"}


@app.get("/share")
def share(bill: float, people: int) -> dict[str, float]:
    return {"each": round(bill / people, 2)}
'''
MENDED_APP = HASTY_APP.replace("import FastAPI", "import FastAPI, HTTPException").replace(
    '    return {"each"', '    if people < 1:\n        raise HTTPException(422, "somebody has to pay")\n    return {"each"'
)
TESTS = """from fastapi.testclient import TestClient

from app.main import app


def share(bill: float, people: int):
    return TestClient(app).get("/share", params={"bill": bill, "people": people})


def test_a_bill_is_shared() -> None:
"""
WRONG_TESTS = TESTS + "    assert 10 / 4 == 3\n"
WEAK_TESTS = TESTS + '    assert share(10, 1).json() == {"each": 10}\n'
SHARP_TESTS = (
    WEAK_TESTS
    + """    assert share(10, 3).json() == {"each": 3.33}


def test_somebody_has_to_pay() -> None:
    assert share(10, 0).status_code == 422
"""
)
SHARES = Tale(
    request="When we eat out, tell each of us what to pay.",
    brief=brief("Shares", APP, {"share": "When a bill of 90 is shared by 4, then each pays 22.5"}),
    plan=plan(
        "One route.",
        http_check("share", {"path": "/share?bill=90&people=4", "expect_json": {"each": 22.5}}),
        unseen("share", {"path": "/share?bill=10&people=4", "expect_json": {"each": 2.5}}),
    ),
    steps=[
        [wrote("tests/test_share.py", WRONG_TESTS)],
        done("Bills are shared."),
        done("Bills are shared, really."),
        [wrote("app/main.py", HASTY_APP), wrote("tests/test_share.py", WEAK_TESTS)],
        done("Bills are shared as the person said."),
        [wrote("app/main.py", MENDED_APP), wrote("tests/test_share.py", SHARP_TESTS)],
        done("An empty table is refused, and the tests look at what was divided."),
    ],
    findings=[
        [
            {
                "path": "app/main.py",
                "line": HASTY_APP.splitlines().index('    return {"each": round(bill / people, 2)}') + 1,
                "severity": "blocking",
                "sentence": COMPLAINT,
            }
        ]
    ],
)


@pytest.fixture(scope="module")
def strict(on_processes: Installation) -> Iterator[Installation]:
    """Yield the shared installation with mutants, which cost every other story time."""
    named = {"block_documents": {"name": {"any_": ["slipway"]}}, "block_types": {"slug": {"any_": ["slipway-installation"]}}}
    [block] = on_processes.prefect("/block_documents/filter", named)

    def mutate(seconds: float) -> None:
        on_processes.change(f"/block_documents/{block['id']}", {"data": {"mutation_seconds": seconds}})

    mutate(90)
    yield on_processes
    mutate(0)


@pytest.fixture(scope="module")
def asked(strict: Installation) -> dict[str, Any]:
    """Let the run come to its question."""
    strict.player.tell(SHARES)
    said = strict.say("new", SHARES.request, "--yes", "--json")
    assert (said.code, said.document["state"]) == (3, "waiting"), said
    until(lambda: flow_run(strict, said.document)["state_name"] == "Suspended", "the run is suspended")
    return said.document


@pytest.fixture(scope="module")
def delivered(strict: Installation, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer with the filled form, as the Prefect UI sends it, and wait for the end."""
    form = {"choice": "guidance", "text": ADVICE, "rounds": 3}
    accepted = strict.prefect(f"/flow_runs/{flow_run(strict, asked)['id']}/resume", {"run_input": form})
    assert accepted["status"] == "ACCEPT", accepted
    until(lambda: strict.has_ended(APP), "the run has ended", 800)
    return strict.runs(APP)[0]


@pytest.fixture(scope="module")
def live(strict: Installation, delivered: dict[str, Any]) -> Release:
    found = strict.live(APP)
    assert found is not None, delivered
    return found


@pytest.fixture(scope="module")
def proof(strict: Installation, live: Release) -> dict[str, Any]:
    said = strict.say("proof", APP, "--json")
    assert said.code == 0, said
    return said.document


def told(place: Installation, run: str) -> str:
    """Return everything that the developer was told."""
    said = place.registry(lambda registry: registry.load(f"{run}/developer"))
    return "\n".join(str(message.parts) for message in said if message.role == "user")


def test_the_form_in_the_prefect_ui_answers_and_takes_the_run_to_its_end(
    strict: Installation, asked: dict[str, Any], delivered: dict[str, Any]
) -> None:
    assert (delivered["run"], delivered["state"], delivered["rounds"]) == (asked["run"], "delivered", 4), delivered
    [question] = questions(strict, asked["run"])
    assert question.answer is not None
    assert (question.answer.by, question.answer.choice, question.answer.text) == ("Prefect UI", "guidance", ADVICE)
    assert ADVICE in told(strict, asked["run"])
    assert strict.get(APP, "/share?bill=10&people=0").status_code == 422


def test_survivors_and_a_blocking_finding_go_back_to_the_developer_once(
    strict: Installation, delivered: dict[str, Any]
) -> None:
    words = told(strict, delivered["run"])
    assert words.count(COMPLAINT) == 1
    assert words.count("no test noticed these") == 1
    assert 'mutant: return {"each": round(bill * people, 2)}' in words
    keys = {artifact["key"] for artifact in strict.artifacts(delivered)}
    assert {f"{name}-{number}-{delivered['run']}" for name in ("mutants", "review") for number in (3, 4)} <= keys
    assert [asked for asked in strict.player.answered if asked[:2] == (SHARES.request, "reviewer")] == [
        (SHARES.request, "reviewer", 0),
        (SHARES.request, "reviewer", 1),
    ]


def test_the_proof_of_what_is_live_is_genuine_and_says_what_was_found(
    delivered: dict[str, Any], live: Release, proof: dict[str, Any]
) -> None:
    body = proof["proof"]
    assert proof["genuine"] is True
    assert (body["commit"], body["candidate"], body["run"]) == (live.commit, live.candidate, delivered["run"])
    assert (body["verdict"], body["round"], body["reservations"]) == ("passed", 4, [])
    mutants, review = MutationRun.model_validate(body["mutants"]), Review.model_validate(body["review"])
    assert {mutant.path for mutant in mutants.noticed} == {"app/main.py"}
    assert (len(mutants.noticed), mutants.survivors, mutants.note) == (mutants.possible, (), "")
    assert (review.commit, review.findings, review.note) == (live.commit, (), "")
    held = {check["name"].partition(":")[0]: check["result"] for check in body["checks"]}
    assert held == dict.fromkeys(("app becomes healthy (GET /health)", "share-http", "share-unseen"), "passed")


def test_a_saved_proof_is_verified_and_a_changed_one_is_not(strict: Installation, proof: dict[str, Any]) -> None:
    saved = strict.home / "proof.json"
    saved.write_text(json.dumps(proof))
    assert strict.say("proof", APP, "--verify", str(saved)).code == 0
    proof["proof"]["mutants"]["tried"] = []
    saved.write_text(json.dumps(proof))
    assert strict.say("proof", APP, "--verify", str(saved)).code == 1
