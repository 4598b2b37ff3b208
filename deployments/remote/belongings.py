"""What belongs to projects of an installation elsewhere: secrets, host names, previews, a repository."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from deployments.place_values import Document, Led
from deployments.remote.client import Server
from deployments.remote.paths import of_project
from domain.errors import BadInput


class RemoteBelongings:
    """Fulfil `deployments.asked_place.Belongings` by HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def secrets(self, project: str) -> Sequence[Document]:
        found: list[Document] = await self._of(project, "secrets")
        return found

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str:
        wish = {"value": value, "unchecked": unchecked}
        return str((await self._of(project, "secrets", name, method="PUT", body=wish))["message"])

    async def lost_without(self, project: str, name: str, *, old: bool) -> Sequence[int]:
        found: list[int] = (await self._of(project, "secrets", name, "needed", old=old))["releases"]
        return found

    async def remove_secret(self, project: str, name: str, given_up: Sequence[int], *, old: bool) -> str:
        said = await self._of(project, "secrets", name, method="DELETE", old=old, give_up=given_up)
        return str(said["message"])

    async def is_made_up(self, project: str, name: str) -> bool:
        return bool((await self._of(project, "secrets", name, "rotation"))["made_up"])

    async def rotate(self, project: str, name: str, value: str | None, *, unchecked: bool) -> Document | None:
        wish = {"value": value, "unchecked": unchecked}
        key = str(uuid4())  # of this command alone: no digest of a value lies on a disk
        said = await self._of(project, "secrets", name, "rotation", method="POST", body=wish, key=key)
        run: Document | None = said["run"]
        return run

    async def rotated(self, project: str, name: str, run: str | None) -> str:
        return str((await self._of(project, "secrets", name, "rotation", run=run))["message"])

    async def forget_unneeded(self, project: str, name: str) -> int:
        return int((await self._of(project, "secrets", name, "unneeded", method="DELETE"))["forgotten"])

    async def domains(self, project: str) -> Sequence[str]:
        found: list[str] = await self._of(project, "domains")
        return found

    async def add_domain(self, project: str, host: str, *, main: bool) -> Led:
        wish = {"host": host, "main": main}
        return Led.model_validate(await self._of(project, "domains", body=wish, once=True))

    async def remove_domain(self, project: str, host: str) -> str:
        return str((await self._of(project, "domains", host, method="DELETE"))["host"])

    async def previews(self, project: str) -> Sequence[Document]:
        found: list[Document] = await self._of(project, "previews")
        return found

    async def preview(self, project: str, number: int | None) -> Document:
        rows = await self.previews(project)
        newest = next((row for row in rows if row["open"]), next(iter(rows), None))
        found = newest if number is None else next((row for row in rows if row["preview"] == number), None)
        if found is None:
            which = f"preview {number}" if number is not None else "preview"
            raise BadInput(f"{project} has no {which}: `slipway preview list {project}` lists what there is")
        return found

    async def confirm(self, project: str, number: int | None) -> Document:
        which = (await self.preview(project, number))["preview"]
        run: Document = await self._of(project, "previews", which, "confirm", once=True)
        return run

    async def drop(self, project: str, number: int | None) -> Document:
        which = (await self.preview(project, number))["preview"]
        gone: Document = await self._of(project, "previews", which, method="DELETE")
        return gone

    async def repository(self, project: str) -> Document:
        found: Document = await self._of(project, "repository")
        return found

    async def set_repository(self, project: str, name: str) -> None:
        await self._of(project, "repository", method="PUT", body={"name": name})

    async def invite_to_repository(self, project: str, login: str) -> None:
        await self._of(project, "repository", "invite", method="POST", body={"login": login})

    async def transfer_repository(self, project: str, owner: str) -> None:
        await self._of(project, "repository", "transfer", method="POST", body={"login": owner})

    async def _of(self, project: str, *rest: object, **more: Any) -> Any:
        return await of_project(self._server, project, *rest, **more)
