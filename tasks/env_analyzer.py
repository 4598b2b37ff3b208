"""What an app needs in its environment, read from its own files.

Afterwards nothing has changed anywhere: no service is asked, the files' texts decide alone.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.env_rules import requirements
from domain.environment import Requirements


@task(persist_result=True, cache_policy=NO_CACHE, task_run_name="read what the environment needs")
async def analyze_environment(files: dict[str, str]) -> Requirements:
    """Return the variables of `.env.example` and `app.json`; a missing file is empty, an unreadable one BadInput."""
    return requirements(files.get(".env.example", ""), files.get("app.json", ""))
