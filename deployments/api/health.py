"""Health and readiness, open to everybody: they say nothing but whether the API answers, and whether it can work."""

from fastapi import APIRouter

from deployments.api.access import Owned, TheHouse
from deployments.api.doors import HEALTH, READY
from deployments.api.shapes import ProofKeyShown, Said
from deployments.api.shapes_office import Me

router = APIRouter(tags=["health"])


@router.get(HEALTH)
async def health() -> Said:
    """Say that the process answers."""
    return Said(message="it answers")


@router.get(READY)
async def ready(house: TheHouse) -> Said:
    """Say that registry and Redis answer; 503 while they do not."""
    await house.registry.key("")
    await house.counters.ping()
    return Said(message="it can work")


@router.get("/v1/me")
async def me(theirs: Owned) -> Me:
    """Show the key with which you ask: whose it is, and what it may."""
    caller = theirs.caller
    return Me(**caller.model_dump(include={"name", "owner", "scopes", "expires"}), prefix=caller.prefix)


@router.get("/v1/proof-key")
async def show_proof_key(house: TheHouse, _: Owned) -> ProofKeyShown:
    """Show by which key proofs are signed here."""
    return ProofKeyShown(key=await house.desk.look.proof_key())
