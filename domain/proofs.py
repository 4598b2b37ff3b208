"""The proof of a run: everything that speaks for its commit, in one document that can be signed and read by anybody.

Only texts, whole numbers, truth values, lists and objects are in it, so that its canonical form needs no rule for fractions.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import Field

from domain.mutants import MutationRun
from domain.rehearsals import SUITE
from domain.report_tables import cell
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.reviews import Review
from domain.values import Value

TESTS_LIMIT = 2_000


class ProvedCase(Value):
    """A test or an acceptance check, and how it ended."""

    suite: str
    name: str
    result: CaseResult
    milliseconds: int


class Spent(Value):
    """What the run had cost when it was proved."""

    calls: int
    micro_usd: int
    input_tokens: int
    output_tokens: int


class Proof(Value):
    """What holds of one commit."""

    format: Literal["slipway-proof-1"] = "slipway-proof-1"
    project: str
    run: str
    title: str
    commit: str
    base: str = Field(description="Commit that was changed")
    candidate: str = Field(description="Image digest, or content hash of a prepared folder")
    round: int
    engine: str = Field(description="`docker`, or `process`: ordinary processes that nothing isolates")
    network: Literal["none", "not cut off"] = Field(description="What the tests could reach")
    verdict: Outcome
    summary: str
    checks: tuple[ProvedCase, ...]
    tests: tuple[ProvedCase, ...]
    tests_left_out: int = Field(default=0, description="Tests beyond the number that is listed")
    notes: tuple[str, ...] = ()
    flaky: tuple[str, ...] = Field(default=(), description="Tests that were flaky in an earlier round of this run")
    mutants: MutationRun
    review: Review
    reservations: tuple[str, ...]
    cost: Spent
    developer: str = Field(description="Engine of the developer")
    models: tuple[str, ...]
    versions: dict[str, str]
    begun: str
    made: str
    key: str = Field(description="Public Ed25519 key of the installation, in hex")


class SignedProof(Value):
    """A proof as it was signed: `body` is kept as it is, so that a later version of the program can still verify it."""

    run: str
    body: dict[str, Any]
    signature: str
    created: datetime


class Proofs(Protocol):
    """Keeps one proof a run."""

    async def add_proof(self, project: str, commit: str, signed: SignedProof) -> None:
        """Store the run's proof in place of an earlier one."""
        ...

    async def proofs(self, project: str) -> Sequence[SignedProof]:
        """Return the project's proofs, newest first."""
        ...


def canonical(body: dict[str, Any]) -> bytes:
    """Return the one form of a document: keys in order, no white space, UTF-8 (RFC 8785 without fractions)."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def proved_cases(report: TestReport) -> tuple[tuple[ProvedCase, ...], tuple[ProvedCase, ...]]:
    """Return the acceptance checks and the project's own tests of a report."""
    checks = tuple(_case(case) for case in report.cases if case.suite == SUITE)
    return checks, tuple(_case(case) for case in report.cases if case.suite != SUITE)


def as_document(signed: SignedProof) -> dict[str, Any]:
    """Return what is printed and can be verified elsewhere: the signature is over the canonical form of `proof`."""
    return {"proof": signed.body, "signature": signed.signature}


def as_markdown(proof: Proof, signature: str) -> str:
    """Render the proof for the Prefect UI."""
    rows = "\n".join(f"| {name} | {cell(text, 400)} |" for name, text in facts(proof.model_dump(mode="json")))
    checks = "\n".join(f"- {cell(case.name, 200)}: {case.result.value}" for case in proof.checks)
    left = "\n".join(f"- {cell(text, 500)}" for text in proof.reservations)
    told = f"\n## What is left to say\n{left}\n" if left else ""
    return f"# Proof\n\n| | |\n|---|---|\n{rows}\n\n## Acceptance checks\n{checks}\n{told}\nSignature: `{signature}`\n"


def facts(body: dict[str, Any]) -> Sequence[tuple[str, str]]:
    """Return a proof's main facts with their names, as people read them."""
    mutants, review = MutationRun.model_validate(body["mutants"]), Review.model_validate(body["review"])
    passed, held = passed_in(body["tests"]), passed_in(body["checks"])
    cost = body["cost"]
    found = (
        ("verdict", f"{body['verdict']}: {body['summary']}"),
        ("commit", body["commit"]),
        ("candidate", body["candidate"]),
        ("tests", f"{passed} of {len(body['tests'])} passed"),
        ("checks", f"{held} of {len(body['checks'])} hold"),
        ("flaky", ", ".join(body["flaky"]) or "none"),
        ("mutants", mutants.sentence),
        ("review", review.sentence),
        ("cost", f"{cost['micro_usd'] / 1e6:.4f} USD in {cost['calls']} calls"),
        ("engine", f"{body['engine']}, network of the tests: {body['network']}, developer: {body['developer']}"),
        ("models", ", ".join(body["models"])),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(body["versions"].items()))),
        ("made", f"{body['made']} (begun {body['begun']}), round {body['round']} of run {body['run']}"),
        ("key", body["key"]),
    )
    return [(name, text) for name, text in found if text]


def passed_in(cases: Sequence[Mapping[str, Any]]) -> int:
    """Count the cases of a proof's body that passed."""
    return sum(case["result"] == CaseResult.PASSED.value for case in cases)


def _case(case: TestCase) -> ProvedCase:
    return ProvedCase(suite=case.suite, name=case.name, result=case.result, milliseconds=int(case.seconds * 1000))
