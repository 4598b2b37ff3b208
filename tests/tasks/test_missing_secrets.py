"""A run that lacks secrets is told of once, and goes on when they are there, by whatever door they came."""

import pytest

from blocks.registry.block import SqlRegistry
from domain.complaints import Complaint
from domain.diagnoses import diagnose
from domain.outcomes import Escalated
from domain.runs import WAITED_TOO_LONG, RunState
from tasks.missing_secrets import SecretsProvided, resume_provided, sweep_provided, wait_for_secrets
from tasks.questions import ask
from tasks.resuming import Resumption
from tests.fakes.desk import Hints
from tests.fakes.vault import MemoryVault
from tests.tasks.test_questions import RUN, Prefect, state

WRONG = Complaint(kind="shape", what="Stripe key", like="sk_live_…")


async def waiting(registry: SqlRegistry, attempt: int = 1, **complaints: Complaint) -> None:
    await registry.update_run(RUN, flow_run="a-flow-run", state=RunState.RUNNING)
    await wait_for_secrets.fn(RUN, "notes", ("API_TOKEN", "STRIPE_KEY"), attempt, registry, Hints(), complaints)


async def swept(registry: SqlRegistry, vault: MemoryVault, prefect: Prefect) -> list[str]:
    return list(await sweep_provided.fn(registry, Hints(), vault, prefect.resume))


async def test_run_says_what_it_waits_for_and_why_what_was_given_will_not_do(registry: SqlRegistry) -> None:
    await waiting(registry, STRIPE_KEY=WRONG)
    run = await registry.run(RUN)
    assert run is not None
    assert (run.state, run.waits_for) == (RunState.WAITING, ("API_TOKEN", "STRIPE_KEY"))
    assert run.message == (
        "STRIPE_KEY is no Stripe key: those look like sk_live_…. notes needs API_TOKEN, STRIPE_KEY before it can go online: "
        "`slipway secret set notes API_TOKEN`"
    )
    assert [told.key for told in await registry.unsent("cli")] == [f"{RUN}:secrets-1"]


async def test_run_goes_on_when_the_last_value_is_there_and_not_before(registry: SqlRegistry) -> None:
    vault, prefect = MemoryVault(), Prefect()
    await waiting(registry, attempt=2)
    vault.hold("notes", "API_TOKEN", "x")
    assert await swept(registry, vault, prefect) == []
    vault.hold("notes", "STRIPE_KEY", "y")
    assert await swept(registry, vault, prefect) == [RUN]
    assert prefect.resumed == [("a-flow-run", "secrets-2", SecretsProvided().model_dump())]
    assert await swept(registry, vault, prefect) == []


async def test_value_that_cannot_be_used_counts_when_it_was_set_anew_only(registry: SqlRegistry) -> None:
    vault, prefect = MemoryVault(), Prefect()
    vault.hold("notes", "API_TOKEN", "x")
    await vault.complain(vault.hold("notes", "STRIPE_KEY", "y"), WRONG)
    await waiting(registry, STRIPE_KEY=WRONG)
    assert await swept(registry, vault, prefect) == []
    vault.hold("notes", "STRIPE_KEY", "y")
    assert await swept(registry, vault, prefect) == []
    vault.hold("notes", "STRIPE_KEY", "z")
    assert await swept(registry, vault, prefect) == [RUN]


async def test_values_stored_in_prefects_ui_let_it_go_on(registry: SqlRegistry) -> None:
    vault, prefect = MemoryVault(), Prefect()
    await waiting(registry)
    vault.edit("slipway-notes-api-token", "by hand")
    vault.edit("slipway-notes-stripe-key", "by hand")
    assert await swept(registry, vault, prefect) == [RUN]


async def test_run_that_is_about_to_be_suspended_is_tried_again(registry: SqlRegistry) -> None:
    vault, prefect = MemoryVault(), Prefect(Resumption.NOT_WAITING)
    vault.hold("notes", "API_TOKEN", "x")
    vault.hold("notes", "STRIPE_KEY", "y")
    await waiting(registry)
    assert await resume_provided("notes", "local:me", registry, Hints(), vault, prefect.resume, tries=2) == [RUN]


async def test_run_that_prefect_has_ended_is_ended_and_its_person_told(registry: SqlRegistry) -> None:
    vault, prefect = MemoryVault(), Prefect(Resumption.OVER)
    vault.hold("notes", "API_TOKEN", "x")
    vault.hold("notes", "STRIPE_KEY", "y")
    await waiting(registry)
    assert await swept(registry, vault, prefect) == []
    run = await registry.run(RUN)
    assert run is not None
    assert (run.state, run.message) == (RunState.FAILED, WAITED_TOO_LONG)


@pytest.mark.parametrize("given", [True, False])
async def test_question_for_a_secret_is_answered_when_it_is_there(registry: SqlRegistry, given: bool) -> None:
    vault, prefect = MemoryVault(), Prefect()
    evidence = "KeyError: 'BANK_TOKEN' is not set: a secret is missing"
    diagnosis = diagnose(Escalated(reason="BANK_TOKEN is missing", cause="gave_up", evidence=evidence, rounds=1))
    assert diagnosis is not None
    assert diagnosis.secrets == ("BANK_TOKEN",)
    await registry.update_run(RUN, flow_run="a-flow-run", state=RunState.RUNNING)
    await ask.fn(RUN, "notes", 1, diagnosis, 24, registry, Hints())
    if given:
        vault.hold("notes", "BANK_TOKEN", "x")
    assert await swept(registry, vault, prefect) == ([RUN] if given else [])
    assert await state(registry) is (RunState.QUEUED if given else RunState.WAITING)
    assert [key for _, key, _ in prefect.resumed] == (["question-1"] if given else [])
