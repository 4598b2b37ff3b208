"""An engine: all that runs things on one machine. Docker and local processes fulfil it."""

from typing import Protocol

from domain.app_data import DataKeeper
from domain.candidates import ImageBuilder
from domain.inventory import Holder
from domain.resources import ResourceRunner
from domain.workers import AppRunner, WorkerSpawner


class Engine(WorkerSpawner, ImageBuilder, AppRunner, DataKeeper, Holder, Protocol):
    """All of one machine."""

    @property
    def resources(self) -> ResourceRunner:
        """Return what runs the projects' own databases."""
        ...
