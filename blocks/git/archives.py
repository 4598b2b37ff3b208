"""A project's code and its history as a zip file, for whoever wants to take it along."""

import asyncio
import os
import tempfile
from pathlib import Path

from blocks.git.command import git
from domain.errors import BadInput, UnknownObject
from domain.names import formed_slug


async def write_zip(repositories: Path, project: str, target: Path) -> None:
    """Write the files of main into `target`, whole or not at all; raise BadInput where there is a file already.

    Beside them lies their history, which `git clone PROJECT.bundle` reads: it has no branch but main.
    """
    repository = repositories / f"{formed_slug(project)}.git"
    if not await asyncio.to_thread((repository / "HEAD").is_file):
        raise UnknownObject("repository", project)
    head = await git("rev-parse", "--verify", "--quiet", "refs/heads/main", repository=repository, accept=(0, 1))
    if not head.line:
        raise BadInput(f"{project} has no code yet: wait for its first run")
    beside = await asyncio.to_thread(_beside, target)
    try:
        with tempfile.TemporaryDirectory() as folder:
            history = f"{folder}/{project}.bundle"
            await git("bundle", "create", "--quiet", history, "HEAD", "refs/heads/main", repository=repository)
            whole = (f"--output={beside}", f"--add-file={history}", f"--prefix={project}/", head.line)
            await git("archive", "--format=zip", *whole, repository=repository)
        await asyncio.to_thread(os.link, beside, target)
    except FileExistsError:
        raise BadInput(f"there is a file {target} already: name another one") from None
    except OSError as error:  # some file systems, as of USB sticks, have no links
        raise BadInput(f"{target} cannot be written ({error.strerror}): name a file on another disk") from None
    finally:
        await asyncio.to_thread(beside.unlink, missing_ok=True)


def _beside(target: Path) -> Path:
    """Return a new file in the same folder, for its owner alone."""
    try:
        handle, name = tempfile.mkstemp(prefix=".slipway-", suffix=".zip", dir=target.parent)
    except OSError as error:
        raise BadInput(f"nothing can be written to {target.parent}: {error.strerror}") from None
    os.close(handle)
    return Path(name)
