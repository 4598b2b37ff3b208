"""The command that shows what speaks for an app, and whether its signature holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks_nobody
from deployments.terminal import DONE, FAILED_RUN, console, print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared

RUN = typer.Option("--run", help="Id of the run; else the newest one with a proof.")
FILE = typer.Option("--verify", help="A file that `--json` once printed: is it genuine?", exists=True, dir_okay=False)


@asks_nobody
async def proof(
    shared: "Shared",
    project: Annotated[str, PROJECT],
    run: Annotated[str | None, RUN] = None,
    as_json: Annotated[bool, JSON] = False,
    verify: Annotated[Path | None, FILE] = None,
) -> int:
    """Show the signed proof of a run. The exit code is 1 when its signature does not hold."""
    from deployments.tables import show_proof

    if verify is not None:
        document = verified(read(verify, project), await key_of(shared))
    else:
        async with shared.place() as place:
            document = await place.proof(project, run)
    print_json(document) if as_json else show_proof(document, console())
    return DONE if document["genuine"] else FAILED_RUN


def read(file: Path, project: str) -> dict[str, Any]:
    """Return the document in a file; raise BadInput when it is no proof of the project."""
    import json

    try:
        document = json.loads(file.read_text("utf-8"))
        named = document["proof"]["project"], str(document["signature"])
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{file} holds no proof: save one with `slipway proof {project} --json > FILE`") from None
    if named[0] != project:
        raise BadInput(f"{file} is a proof of {str(named[0])[:60]!r}, not of {project}")
    return {"proof": document["proof"], "signature": named[1]}


async def key_of(shared: "Shared") -> str:
    """Return the public key of the installation that is meant; that of this machine's is there also when nothing is up."""
    if server := shared.server or shared.usual:
        from deployments.remote.place import open_place

        async with open_place(server, shared.transport) as elsewhere:
            return await elsewhere.proof_key()
    from blocks.proof_key import ProofKey
    from deployments.settings import load_settings

    return await ProofKey(load_settings().home).known()


def verified(document: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the document with the installation's key, and whether that has signed it."""
    from blocks.proof_key import holds
    from domain.proofs import canonical

    genuine = bool(key) and holds(canonical(document["proof"]), document["signature"], key)
    return {**document, "key": key, "genuine": genuine}
