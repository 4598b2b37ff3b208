"""Proof: what speaks for accepted work becomes one document, signed with the installation's key.

True afterwards: the registry holds the run's proof, and the Prefect UI shows it. No secret is in it: every text passes the
redactor. Blocks: registry; the key lies in the data folder.
"""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import task

from blocks.installation import Installation
from blocks.proof_key import ProofKey
from domain.proofs import TESTS_LIMIT, Proof, SignedProof, Spent, as_markdown, canonical, proved_cases
from domain.registry import Registry
from domain.runs import DeliveryRequest
from domain.turns import Judged, reservations
from domain.usage import Cost
from tasks.artifacts import publish
from tasks.identity import once_per
from tasks.redaction import redacted
from tasks.retrying import only_try_again


@task(
    task_run_name="prove {request.project} round {judged.number}",
    persist_result=True,
    cache_key_fn=once_per("request.run", "judged.number"),
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def prove(
    request: DeliveryRequest,
    base: str,
    judged: Judged,
    flaky: Sequence[str],
    installation: Installation,
    registry: Registry,
) -> str:
    """Make, sign and store the proof of an accepted round; return its signature. `flaky` names tests of all rounds."""
    key = ProofKey(Path(installation.home))
    proof = await proof_of(request, base, judged, flaky, installation, await key.public(), registry)
    body = without_secrets(proof.model_dump(mode="json"))
    signature = await key.sign(canonical(body))
    signed = SignedProof(run=request.run, body=body, signature=signature, created=datetime.now(UTC))
    await registry.add_proof(request.project, judged.commit, signed)
    await publish("proof", request.run, as_markdown(Proof.model_validate(body), signature), "What speaks for it, signed")
    return signature


async def proof_of(
    request: DeliveryRequest,
    base: str,
    judged: Judged,
    flaky: Sequence[str],
    installation: Installation,
    key: str,
    registry: Registry,
) -> Proof:
    """Gather what is known of the round and of its run."""
    checks, tests = proved_cases(judged.report)
    run, lines = await registry.run(request.run), await registry.usage(run=request.run)
    now = datetime.now(UTC)
    return Proof(
        project=request.project,
        run=request.run,
        title=request.brief.title,
        commit=judged.commit,
        base=base,
        candidate=judged.report.candidate,
        round=judged.number,
        engine=installation.engine,
        network="none" if installation.engine == "docker" else "not cut off",
        verdict=judged.report.outcome,
        summary=judged.report.summary,
        checks=checks,
        tests=tests[:TESTS_LIMIT],
        tests_left_out=max(len(tests) - TESTS_LIMIT, 0),
        notes=judged.report.notes,
        flaky=tuple(sorted(flaky)),
        mutants=judged.mutation,
        review=judged.review,
        reservations=reservations(judged),
        cost=spent(await registry.cost(run=request.run)),
        developer=installation.arrangement_of("developer").engine,
        models=tuple(sorted({line.model for line in lines})),
        versions={"python": platform.python_version(), "prefect": version("prefect"), "slipway": version("slipway")},
        begun=(run.created if run else now).isoformat(timespec="seconds"),
        made=now.isoformat(timespec="seconds"),
        key=key,
    )


def spent(cost: Cost) -> Spent:
    tokens = cost.tokens
    read = tokens.input + tokens.cache_read + tokens.cache_write
    return Spent(calls=cost.calls, micro_usd=cost.micro_usd, input_tokens=read, output_tokens=tokens.output)


def without_secrets(value: Any) -> Any:
    """Return the document with every text redacted."""
    match value:
        case str():
            return redacted(value)
        case dict():
            return {name: without_secrets(each) for name, each in value.items()}
        case list() | tuple():
            return [without_secrets(each) for each in value]
        case _:
            return value
