"""Proofs, as rows of the registry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from blocks.registry import tables
from blocks.registry.store import Store
from domain.proofs import SignedProof

_TABLE = tables.proofs


class Proofs(Store):
    """The part of the registry that knows proofs: one a run."""

    async def add_proof(self, project: str, commit: str, signed: SignedProof) -> None:
        """Store the run's proof in place of an earlier one."""
        values: dict[str, Any] = {"project": project, "commit": commit, **signed.model_dump()}
        async with self.writing(f"project {project}") as db:
            await db.execute(delete(_TABLE).where(_TABLE.c.run == signed.run))
            await db.execute(insert(_TABLE).values(values))

    async def proofs(self, project: str) -> Sequence[SignedProof]:
        """Return the project's proofs, newest first."""
        newest = select(_TABLE).where(_TABLE.c.project == project).order_by(_TABLE.c.position.desc())
        async with self.reading() as db:
            rows = await db.execute(newest)
        return tuple(_proof(row.run, row.body, row.signature, row.created) for row in rows)


def _proof(run: str, body: dict[str, Any], signature: str, created: datetime) -> SignedProof:
    return SignedProof(run=run, body=body, signature=signature, created=created)
