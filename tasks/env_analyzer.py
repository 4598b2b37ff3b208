"""What an app needs in its environment, read from its own files; a model is asked about what they leave open.

Afterwards the registry holds what was decided, so that rehearsals and releases agree; nothing else has changed. Whatever goes
wrong with the model, a variable is the user's then, and the run goes on. Blocks: model, registry.
"""

import hashlib
import time
from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.conversations import Finished, ModelClient
from domain.env_rules import requirements
from domain.env_typing import Typing, question, typing_complaints
from domain.environment import Requirements, Variable
from domain.errors import ModelRequestRefused, NeedsPerson, TryAgain
from domain.registry import Registry
from domain.roles import CallFacts, Role, RoleLimits
from tasks.agent import converse
from tasks.prompts import prompt
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.run_log import run_log

ROLE = "env_analyzer"


@task(
    persist_result=True,
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 10],
    retry_condition_fn=only_try_again,
    task_run_name="read what {project} needs in its environment",
)
async def analyze_environment(
    run: str, project: str, files: dict[str, str], model_name: str, model: ModelClient, registry: Registry
) -> Requirements:
    """Return the variables of `.env.example` and `app.json`; a missing file is empty, an unreadable one BadInput.

    An empty `model_name` asks nobody.
    """
    texts = (files.get(".env.example", ""), files.get("app.json", ""))
    wanted = requirements(*texts, await registry.variables(project))
    if not wanted.guessed or not model_name:
        return wanted
    await _decide(run, project, wanted.guessed, model_name, model, registry)
    return requirements(*texts, await registry.variables(project))


async def _decide(
    run: str, project: str, guessed: Sequence[Variable], model_name: str, model: ModelClient, registry: Registry
) -> None:
    """Ask once about these names, and write the answers down; no answer is none."""
    names = ",".join(sorted(variable.name for variable in guessed))
    conversation = f"{run}/{ROLE}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"
    try:
        end = await converse(
            env_analyzer_role(model_name),
            redacted(question(guessed)),
            facts=CallFacts(project=project, run=run, conversation=conversation),
            model=model,
            tools=None,
            transcripts=registry,
            ledger=registry,
            clock=time.monotonic,
            accept=lambda typing: typing_complaints(typing, guessed),
        )
    except (TryAgain, NeedsPerson, ModelRequestRefused) as error:
        run_log("slipway.environment").warning(
            "nobody could say who provides %s of %s, so its user is asked: %s", names, project, error
        )
        return
    if isinstance(end, Finished):
        await registry.decide_variables(project, end.value.sources(), f"{model_name} for {run}")


def env_analyzer_role(model_name: str) -> Role[Typing]:
    return Role[Typing](
        name=ROLE,
        system=prompt(ROLE),
        model=model_name,
        output=Typing,
        hand_in="submit_sources",
        hand_in_description="Say who provides each variable.",
        limits=RoleLimits(steps=4, seconds=120.0, max_tokens=4_000, retry_seconds=30.0),
    )
