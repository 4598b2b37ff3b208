"""What the person says during a run, for the agents at work in it. Uses the registry."""

from collections.abc import Sequence

from domain.remarks import Remark, Remarks
from tasks.redaction import redacted


async def remarks_since(run: str, after: int, remarks: Remarks) -> Sequence[Remark]:
    """Return the remarks with a sequence above `after`, oldest first, known secrets taken out.

    The caller keeps the highest sequence that it told its agent, in the same place and at the same moment as what it told:
    so each is told once, also across a kill. `domain.remarks.as_told` puts one into words for an agent.
    """
    heard = await remarks.remarks(run, after)
    return [remark.model_copy(update={"text": redacted(remark.text)}) for remark in heard]
