"""What belongs to projects of the installation on this machine: secrets, host names, previews, a repository."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deployments import repositories
from deployments.desk import rotation
from deployments.desk.documents import known, preview_document, previews, run_document
from deployments.desk.secret_view import secret_documents
from deployments.desk.secret_work import forget_values_of, lost_without, set_value
from deployments.hosting import lead_here
from deployments.people import person
from deployments.place_values import Document, Led
from domain.runs import Origin
from tasks.hosts import project_hosts

if TYPE_CHECKING:
    from deployments.data_folder import Up
    from deployments.desk.requests import Desk


class OwnBelongings:
    """Fulfil `deployments.asked_place.Belongings` over the desk."""

    def __init__(self, desk: "Desk", up: "Up") -> None:
        self._desk = desk
        self._up = up

    async def secrets(self, project: str) -> Sequence[Document]:
        await known(self._desk, project)
        return await secret_documents(project, self._desk.registry, self._desk.vault)

    async def set_secret(self, project: str, name: str, value: str, *, unchecked: bool) -> str:
        return await set_value(self._desk, project, name, value, person(), unchecked=unchecked)

    async def lost_without(self, project: str, name: str, *, old: bool) -> Sequence[int]:
        await known(self._desk, project)
        return await lost_without(self._desk, project, name, old=old)

    async def remove_secret(self, project: str, name: str, given_up: Sequence[int], *, old: bool) -> str:
        return await forget_values_of(self._desk, project, name, person(), given_up, old=old)

    async def is_made_up(self, project: str, name: str) -> bool:
        await known(self._desk, project)
        return (await rotation.rotatable(self._desk, project, name)).generated

    async def rotate(self, project: str, name: str, value: str | None, *, unchecked: bool) -> Document | None:
        run = await rotation.rotate(self._desk, project, name, value, person(), unchecked=unchecked)
        return await run_document(self._desk, run, self._up) if run else None

    async def rotated(self, project: str, name: str, run: str | None) -> str:
        return await rotation.told_rotation(self._desk, project, name, run)

    async def forget_unneeded(self, project: str, name: str) -> int:
        return await rotation.forget_unneeded(self._desk, project, name, person())

    async def domains(self, project: str) -> Sequence[str]:
        await known(self._desk, project)
        return await project_hosts(project, self._desk.registry)

    async def add_domain(self, project: str, host: str, *, main: bool) -> Led:
        await known(self._desk, project)
        return await lead_here(self._desk, project, host, Origin(channel="cli", person=person()), main=main)

    async def remove_domain(self, project: str, host: str) -> str:
        await known(self._desk, project)
        return await self._desk.look.remove_host(project, host, person())

    async def previews(self, project: str) -> Sequence[Document]:
        return await previews(self._desk, await known(self._desk, project))

    async def preview(self, project: str, number: int | None) -> Document:
        from tasks.preview_ends import preview_numbered

        await known(self._desk, project)
        return await preview_document(self._desk, await preview_numbered(project, number, self._desk.registry))

    async def confirm(self, project: str, number: int | None) -> Document:
        await known(self._desk, project)
        run = await self._desk.confirm(project, number, Origin(channel="cli", person=person()))
        return await run_document(self._desk, run, self._up)

    async def drop(self, project: str, number: int | None) -> Document:
        await known(self._desk, project)
        return await preview_document(self._desk, await self._desk.drop(project, number, person()))

    async def repository(self, project: str) -> Document:
        return await repositories.repository_document(self._desk, await known(self._desk, project))

    async def set_repository(self, project: str, name: str) -> None:
        await repositories.set_repository(self._desk, await known(self._desk, project), name, person())

    async def invite_to_repository(self, project: str, login: str) -> None:
        await repositories.invite(self._desk, await known(self._desk, project), login, person())

    async def transfer_repository(self, project: str, owner: str) -> None:
        await repositories.transfer(self._desk, await known(self._desk, project), owner, person())
