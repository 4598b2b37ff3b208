"""The proof of a green round, as steps of engineering: would its tests notice a fault, and what does a reviewer say?"""

from domain.mutants import MutationRun
from domain.reviews import Review
from domain.runs import DeliveryRequest
from domain.turns import Judged, examined
from flows.opening import Blocks
from flows.pairs import both
from tasks.mutation import try_mutants
from tasks.progress import Journal
from tasks.reviewer import review_change


async def examine(request: DeliveryRequest, base: str, judged: Judged, journal: Journal, blocks: Blocks) -> Judged:
    """Return the round with its mutants and its review, which are made side by side."""
    await journal.step("prove", f"examining round {judged.number}: mutants and review")
    mutation, review = await both(mutants(request, base, judged, blocks), reviewed(request, base, judged, blocks))
    await journal.write("note", f"{mutation.sentence}; {review.sentence}", "prove")
    return examined(judged, mutation, review)


async def mutants(request: DeliveryRequest, base: str, judged: Judged, blocks: Blocks) -> MutationRun:
    seconds = blocks.installation.mutation_seconds
    if not seconds:
        return MutationRun(note="switched off by SLIPWAY_MUTATION_SECONDS")
    return await try_mutants(
        request.run, request.project, judged.number, judged.commit, base, judged.report.candidate, seconds,
        blocks.git, blocks.engine,
    )  # fmt: skip


async def reviewed(request: DeliveryRequest, base: str, judged: Judged, blocks: Blocks) -> Review:
    if not blocks.installation.review:
        return Review(note="switched off by SLIPWAY_REVIEW")
    return await review_change(
        request, judged.number, base, judged.commit, blocks.installation.model_of("reviewer"),
        blocks.git, blocks.model, blocks.registry,
    )  # fmt: skip
