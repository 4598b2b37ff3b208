"""Requests in issues of GitHub as rows of the registry."""

from sqlalchemy import delete, insert, select

from blocks.registry.door_tables import issue_requests
from blocks.registry.store import Store
from domain.issue_requests import IssueRequest


class IssueRows(Store):
    """The part of the registry that knows what was proposed in issues."""

    async def keep_issue(self, request: IssueRequest) -> None:
        """Store it in the place of an earlier one of the same issue."""
        table = issue_requests
        same = (table.c.repository == request.repository) & (table.c.issue == request.issue)
        row = request.model_dump(exclude={"proposal"}) | {"proposal": request.proposal.model_dump(mode="json")}
        async with self.writing(f"issue {request.repository}#{request.issue}") as db:
            await db.execute(delete(table).where(same))
            await db.execute(insert(table).values(row))

    async def issue_request(self, repository: str, issue: int) -> IssueRequest | None:
        """Return the newest proposal of the issue; None when there is none."""
        table = issue_requests
        wanted = select(table).where(table.c.repository == repository, table.c.issue == issue)
        async with self.reading() as db:
            row = (await db.execute(wanted)).first()
        return None if row is None else IssueRequest.model_validate(dict(row._mapping))

    async def drop_issue(self, repository: str, issue: int) -> None:
        """Forget it; nothing happens when there is none."""
        table = issue_requests
        async with self.writing(f"issue {repository}#{issue}") as db:
            await db.execute(delete(table).where(table.c.repository == repository, table.c.issue == issue))
