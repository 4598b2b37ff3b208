"""Which package registries this machine uses: what agents may reach follows the machine's own configuration."""

import asyncio
import importlib
import shutil
import sys

from deployments.debian_root import host_mirror
from domain.egress import pattern_of
from domain.errors import Broken

INDEX_OPTIONS = ("index-url", "extra-index-url")
SECONDS = 30.0


async def registry_patterns() -> tuple[str, ...]:
    """Return the allow-list's patterns of the registries of pip, npm and apt, as far as each is on this machine."""
    found = await asyncio.gather(_pip_indexes(), _npm_registry(), asyncio.to_thread(_apt_archive))
    patterns = {pattern for addresses in found for address in addresses if (pattern := pattern_of(address))}
    return tuple(sorted(patterns))


async def _pip_indexes() -> list[str]:
    """Return pip's own index with the host of its files, and those that its configuration and environment name."""
    configured = indexes_in(await _said(sys.executable, "-m", "pip", "config", "list"))
    try:
        own = importlib.import_module("pip._internal.models.index").PyPI
    except ImportError:
        return configured
    return [own.url, f"https://{own.file_storage_domain}", *configured]


def indexes_in(configuration: str) -> list[str]:
    """Return the addresses in what `pip config list` prints: lines like `global.index-url='https://host/simple'`."""
    pairs = (line.partition("=") for line in configuration.splitlines())
    values = (value for name, _, value in pairs if name.rpartition(".")[2] in INDEX_OPTIONS)
    return [address for value in values for address in value.strip().strip("'\"").replace("\\n", " ").split()]


async def _npm_registry() -> list[str]:
    return (await _said("npm", "config", "get", "registry")).split() if shutil.which("npm") else []


def _apt_archive() -> list[str]:
    try:
        return [host_mirror().address]
    except (Broken, OSError):  # no Debian
        return []


async def _said(*words: str) -> str:
    """Return what the program prints; nothing when it fails, since a registry less is no reason not to start."""
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return output.decode("utf-8", "replace") if process.returncode == 0 else ""
