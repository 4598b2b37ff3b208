"""The command that shows what speaks for an app, and whether its signature holds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import DONE, FAILED_RUN, console, finish, print_json

RUN = typer.Option("--run", help="Id of the run; else the newest one with a proof.")
FILE = typer.Option("--verify", help="A file that `--json` once printed: is it genuine?", exists=True, dir_okay=False)


def proof(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    run: Annotated[str | None, RUN] = None,
    as_json: Annotated[bool, JSON] = False,
    verify: Annotated[Path | None, FILE] = None,
) -> None:
    """Show the signed proof of a run; the exit code is 1 when its signature does not hold."""

    async def work() -> int:
        if verify is not None:
            return await show(read(verify, project), as_json=as_json)
        async with context.obj.session() as (desk, _):
            from deployments.documents import known

            await known(desk, project)
            return await show(chosen(await desk.registry.proofs(project), project, run), as_json=as_json)

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


def chosen(proofs: Any, project: str, run: str | None) -> dict[str, Any]:
    """Return the document of the run's proof, or of the newest; raise BadInput when there is none."""
    from domain.errors import BadInput
    from domain.proofs import as_document

    found = next((each for each in proofs if run in (None, each.run)), None)
    if found is None:
        which = f"run {run[:40]!r} of {project}" if run else project
        raise BadInput(f"there is no proof of {which}: one is made when a run's work is accepted (`slipway status {project}`)")
    return as_document(found)


def read(file: Path, project: str) -> dict[str, Any]:
    """Return the document in a file; raise BadInput when it is no proof of the project."""
    import json

    from domain.errors import BadInput

    try:
        document = json.loads(file.read_text("utf-8"))
        named = document["proof"]["project"], str(document["signature"])
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{file} holds no proof: save one with `slipway proof {project} --json > FILE`") from None
    if named[0] != project:
        raise BadInput(f"{file} is a proof of {str(named[0])[:60]!r}, not of {project}")
    return {"proof": document["proof"], "signature": named[1]}


async def show(document: dict[str, Any], *, as_json: bool) -> int:
    """Print the proof and whether it is genuine; return the exit code."""
    from blocks.proof_key import ProofKey, holds
    from deployments.settings import load_settings
    from deployments.tables import show_proof
    from domain.proofs import canonical

    key = await ProofKey(load_settings().home).known()
    genuine = bool(key) and holds(canonical(document["proof"]), document["signature"], key)
    whole = {**document, "key": key, "genuine": genuine}
    print_json(whole) if as_json else show_proof(whole, console())
    return DONE if genuine else FAILED_RUN
