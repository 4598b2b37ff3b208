"""The whole of the installation on this machine, as whoever sits at its terminal asks it."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from deployments.here.belongings import OwnBelongings
from deployments.here.office import OwnOffice
from deployments.here.projects import OwnProjects
from deployments.people import person
from domain.doors import DoorRegistry

if TYPE_CHECKING:
    from deployments.data_folder import Up
    from deployments.desk.requests import Desk


class OwnPlace(OwnProjects, OwnBelongings, OwnOffice):
    """Fulfil `deployments.asked_place.Place` over the desk."""

    def __init__(self, desk: "Desk", up: "Up") -> None:
        OwnProjects.__init__(self, desk, up)
        OwnBelongings.__init__(self, desk, up)
        OwnOffice.__init__(self, desk, cast(DoorRegistry, desk.registry), person(), self._pepper)
        self._home = up.home

    def _pepper(self) -> bytes:
        from deployments.api.pepper import pepper_of
        from deployments.data_folder import DataFolder

        return pepper_of(DataFolder(Path(self._home)))
