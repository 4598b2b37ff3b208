"""The files in which Caddy looks up, at each request, which copy answers a host.

    <folder>/hosts/<host>                  a link to the project's folder
    <folder>/projects/<project>/<h:p>      an empty file: its name is where the live release listens
    <folder>/fences/<project>              the fence of the last writer: one with a lower fence came too late

A switch renames the one file, a host comes and goes with its link: whatever is killed, a reader sees the old or the new.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from domain.errors import LeaseLost
from domain.routes import Route

FOLDER = "slipway-routes"
"""Their folder in Caddy's storage; the Caddyfile names it too."""


class RouteFiles:
    """Reads and writes them; writers wait for each other."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._hosts, self._projects = self._folder / "hosts", self._folder / "projects"
        self._fences = self._folder / "fences"

    def write(self, route: Route, fence: int) -> None:
        """Make this the project's route. The upstream comes first: a host that is found leads somewhere."""
        with self._writing():
            self._pass(route.project, fence)
            self._write(route)

    def remove(self, project: str, fence: int | None) -> None:
        """Take the project's hosts away, then what they led to; its fence stays, for who comes too late."""
        with self._writing():
            if fence is not None:
                self._pass(project, fence)
            self._remove(project)

    def read(self) -> Sequence[Route]:
        """Return what is there; the upstream is empty when its file is lost, so that it differs from the registry's."""
        hosts = self._links()
        projects = sorted({*hosts.values(), *_names(self._projects)})
        return [
            Route(
                project=project,
                hosts=tuple(host for host, owner in hosts.items() if owner == project),
                upstream=next(iter(self._upstreams(project)), ""),
            )
            for project in projects
        ]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        for folder in (self._hosts, self._projects, self._fences):
            folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
            yield

    def _pass(self, project: str, fence: int) -> None:
        """Let nobody write whom another has followed."""
        file = self._fences / project
        written = file.read_text() if file.exists() else ""
        newest = int(written) if written.isdigit() else 0
        if fence < newest:
            raise LeaseLost(project, f"a process with fence {fence} of {newest}")
        if fence > newest:
            fresh = self._folder / f"{project}.fence"
            fresh.write_text(str(fence))
            fresh.replace(file)

    def _write(self, route: Route) -> None:
        self._lead(route.project, route.upstream)
        for host in route.hosts:
            self._link(host, route.project)
        for host, owner in self._links().items():
            if owner == route.project and host not in route.hosts:
                (self._hosts / host).unlink()

    def _lead(self, project: str, upstream: str) -> None:
        """Rename the project's file to `upstream`; make it when there is none."""
        folder = self._projects / project
        folder.mkdir(exist_ok=True)
        others = [name for name in self._upstreams(project) if name != upstream]
        if upstream and others and not (folder / upstream).exists():
            (folder / others.pop(0)).rename(folder / upstream)
        elif upstream:
            (folder / upstream).touch()
        for name in others:
            (folder / name).unlink()

    def _link(self, host: str, project: str) -> None:
        link, target = self._hosts / host, f"../projects/{project}"
        if link.is_symlink() and os.readlink(link) == target:
            return
        fresh = self._folder / f"{project}.link"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)

    def _remove(self, project: str) -> None:
        for host, owner in self._links().items():
            if owner == project:
                (self._hosts / host).unlink()
        folder = self._projects / project
        for name in _names(folder):
            (folder / name).unlink()
        if folder.is_dir():
            folder.rmdir()

    def _links(self) -> dict[str, str]:
        """Return the project of each host."""
        return {host: Path(os.readlink(self._hosts / host)).name for host in _names(self._hosts)}

    def _upstreams(self, project: str) -> Sequence[str]:
        return [name for name in _names(self._projects / project) if ":" in name]


def _names(folder: Path) -> Sequence[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []
