"""The proof of accepted work: what is in it, how it is signed, and what it never holds."""

import json
import os
from pathlib import Path

import pytest

from blocks.installation import Installation
from blocks.proof_key import ProofKey, holds
from blocks.registry.block import SqlRegistry
from domain.mutants import Mutant, MutationRun, Tried
from domain.outcomes import Accepted, Released
from domain.proofs import SignedProof, canonical, facts
from domain.rehearsals import SUITE
from domain.releases import Release, ReleaseState
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.reviews import Finding, Review
from domain.seen import Seen
from domain.turns import Judged, reservations
from domain.usage import TokenUsage
from tasks.finish import describe_end
from tasks.proof import prove, without_secrets
from tests.tasks.conftest import NOW, request

SURVIVOR = Mutant(path="app/a.py", line=3, kind="number changed", before="a = 1", after="a = 2")


def case(suite: str, name: str, result: CaseResult = CaseResult.PASSED) -> TestCase:
    return TestCase(suite=suite, name=name, result=result, seconds=0.25)


FLAKY = TestReport(outcome=Outcome.FLAKY, cases=(case("tests.test_a", "test_moody", CaseResult.FLAKY),))
GREEN = TestReport(
    outcome=Outcome.PASSED,
    cases=(case("tests.test_a", "test_lists"), case(SUITE, "list: it is listed")),
    summary="All 2 tests passed.",
    candidate="sha256:1",
)
JUDGED = Judged(
    number=2,
    commit="b" * 40,
    report=GREEN,
    mutation=MutationRun(tried=(Tried(mutant=SURVIVOR, fate="survived"),), possible=9),
    review=Review(findings=(Finding(path="app/a.py", line=3, severity="blocking", sentence="It loses data."),), dropped=1),
)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(home=str(tmp_path), engine="docker", model="claude-sonnet-5-5")


def refused(number: str) -> None:
    pytest.fail(f"{number} is a fraction")


async def proved(registry: SqlRegistry, installation: Installation) -> SignedProof:
    await registry.reserve("r-000001/developer/0", "notes", "r-000001", "developer", "claude-sonnet-5-5", 100)
    await registry.settle("r-000001/developer/0", TokenUsage(input=10, output=5), 90)
    await prove.fn(request(), "c" * 40, JUDGED, Seen().after(FLAKY).after(GREEN).flaky, installation, registry)
    [signed] = await registry.proofs("notes")
    return signed


async def test_the_proof_holds_everything_that_speaks_for_the_commit(registry: SqlRegistry, installation: Installation) -> None:
    body = (await proved(registry, installation)).body

    assert (body["commit"], body["base"], body["candidate"], body["round"]) == ("b" * 40, "c" * 40, "sha256:1", 2)
    assert [check["name"] for check in body["checks"]] == ["list: it is listed"]
    assert [test["name"] for test in body["tests"]] == ["test_lists"]
    assert body["flaky"] == ["tests.test_a::test_moody"]
    assert body["cost"] == {"calls": 1, "micro_usd": 90, "input_tokens": 10, "output_tokens": 5}
    assert body["models"] == ["claude-sonnet-5-5"]
    assert (body["engine"], body["network"]) == ("docker", "none")
    assert body["mutants"]["tried"][0]["mutant"]["line"] == 3
    assert body["review"]["dropped"] == 1
    assert "It loses data." in body["reservations"][0]
    assert dict(facts(body))["mutants"] == "the tests notice 0 of 1 mutants of 9 possible ones"
    assert json.loads(canonical(body), parse_float=refused) == body


async def test_the_signature_holds_for_exactly_this_text_and_key(registry: SqlRegistry, installation: Installation) -> None:
    signed = await proved(registry, installation)
    key = await ProofKey(Path(installation.home)).public()

    assert signed.body["key"] == key
    assert holds(canonical(signed.body), signed.signature, key)
    assert holds(canonical(dict(reversed(signed.body.items()))), signed.signature, key)
    assert not holds(canonical({**signed.body, "commit": "d" * 40}), signed.signature, key)
    assert not holds(canonical(signed.body), signed.signature, "00" * 32)
    assert not holds(canonical(signed.body), "no hex", key)


async def test_proving_a_run_again_replaces_its_proof(registry: SqlRegistry, installation: Installation) -> None:
    first = await proved(registry, installation)
    later = JUDGED.model_copy(update={"number": 3, "commit": "e" * 40})
    await prove.fn(request(), "c" * 40, later, (), installation, registry)

    [signed] = await registry.proofs("notes")
    assert (first.body["commit"], signed.body["commit"]) == ("b" * 40, "e" * 40)
    assert await registry.proofs("other") == ()


async def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key = ProofKey(tmp_path)
    assert await key.known() == ""
    public = await key.public()

    assert await ProofKey(tmp_path).public() == await key.known() == public
    assert os.stat(tmp_path / "proof.key").st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["proof.key"]


def test_what_the_reviewer_still_objects_to_is_told_when_the_app_goes_online() -> None:
    release = Release(
        project="notes", number=1, run="r-000001", commit="b" * 40, candidate="sha256:1", environment_version=1,
        state=ReleaseState.LIVE, created=NOW,
    )  # fmt: skip
    built = Accepted(
        commit="b" * 40, candidate="sha256:1", report=GREEN, rounds=2, checks=(), reservations=reservations(JUDGED)
    )
    ended = describe_end(request(), (built, Released(release=release, address="http://notes.localhost")))
    assert ended.message.splitlines() == [
        "Notes is online: http://notes.localhost",
        "All the same (`slipway proof notes`):",
        "- the reviewer objects to app/a.py:3: It loses data.",
    ]


def test_every_text_of_a_proof_passes_the_redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    from domain.redaction import Redactor
    from tasks.redaction import _FILTER

    monkeypatch.setattr(_FILTER, "redactor", Redactor({"TOKEN": "sesame-open-42"}))
    said = without_secrets({"summary": "it says sesame-open-42", "tests": [{"name": "sesame-open-42", "milliseconds": 3}]})
    assert "sesame" not in json.dumps(said)
    assert said["tests"][0]["milliseconds"] == 3
