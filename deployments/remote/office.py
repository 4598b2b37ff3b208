"""Whom and what an installation elsewhere lets in."""

from collections.abc import Mapping, Sequence

from deployments.place_values import Document
from deployments.remote.answers import Missing
from deployments.remote.client import Server
from deployments.remote.paths import safe
from domain.errors import BadInput
from domain.keys import chosen_key


class RemoteOffice:
    """Fulfil `deployments.asked_place.Office` by HTTP; what is the operator's needs an operator's key."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def keys(self) -> Sequence[Document]:
        found: list[Document] = await self._server.get("/v1/keys")
        return found

    async def add_key(self, name: str, owner: str | None, scopes: Sequence[str], days: float | None) -> Document:
        wish = {"name": name, "owner": owner, "scopes": list(scopes), "days": days}
        made: Document = await self._server.ask("POST", "/v1/keys", body=wish)
        return made

    async def revoke_key(self, which: str) -> Document:
        listed = {row["id"]: row for row in await self.keys()}
        meant = chosen_key([(row["id"], row["name"], row["revoked"] is None) for row in listed.values()], which)
        gone: Document = await self._server.ask("DELETE", f"/v1/keys/{safe(meant)}")
        return gone

    async def bots(self) -> Sequence[Document]:
        found: list[Document] = await self._server.get("/v1/bots")
        return found

    async def add_bot(self, token: str) -> Document:
        added: Document = await self._server.ask("POST", "/v1/bots", body={"token": token})
        return added

    async def retire_bot(self, name: str) -> str:
        return str((await self._server.ask("DELETE", f"/v1/bots/{safe(name.removeprefix('@'))}"))["username"])

    async def invitations(self) -> Sequence[Document]:
        found: list[Document] = await self._server.get("/v1/invitations")
        return found

    async def invite(self, uses: int, days: float | None, note: str) -> Document:
        wish = {"uses": uses, "days": days, "note": note}
        made: Document = await self._server.ask("POST", "/v1/invitations", body=wish)
        return made

    async def revoke_invitation(self, number: int) -> Document:
        try:
            gone: Document = await self._server.ask("DELETE", f"/v1/invitations/{number}")
        except Missing:
            raise BadInput(f"there is no invitation {number}: `slipway invite list` lists what there is") from None
        return gone

    async def people(self) -> Sequence[Document]:
        found: list[Document] = await self._server.get("/v1/people")
        return found

    async def block(self, person: str) -> str:
        return str((await self._server.ask("POST", f"/v1/people/{safe(person)}/block"))["message"])

    async def allow(self, person: str) -> str:
        return str((await self._server.ask("POST", f"/v1/people/{safe(person)}/allow"))["message"])

    async def limit(self, person: str, given: Mapping[str, float | None], *, usual: bool) -> str:
        wish = {**given, "usual": usual}
        return str((await self._server.ask("PUT", f"/v1/people/{safe(person)}/limits", body=wish))["message"])
