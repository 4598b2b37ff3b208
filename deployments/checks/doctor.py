"""`slipway doctor`: what is found, what is missing, and the command that mends it."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import SecretStr

from deployments.bot.access import check_bot
from deployments.checks.databases import app_postgres
from deployments.checks.findings import Finding
from deployments.checks.github import github
from deployments.checks.preflight import DISK_FLOOR, domain_warning, engine_answers, served_on, tls_warnings
from deployments.data_folder import DataFolder, read_up
from deployments.settings import Settings
from deployments.supervision.ports import port_owner, port_problem
from deployments.supervision.programs import caddy_binary, redis_binary
from deployments.wiring import LOOPBACK, registry_address
from domain.errors import BadInput, NeedsPerson, SlipwayError
from domain.prices import price_of

PINS = {"prefect": ((3, 8, 8), (3, 8, 9)), "fastapi": ((0, 100), (0, 151)), "sqlalchemy": ((2, 0), (2, 1))}
"""Lowest version that works and first that does not; tests/flows/test_pins.py shows why."""


async def examine(settings: Settings) -> Sequence[Finding]:
    """Look at everything that `slipway up` will need; changes nothing."""
    quick = [
        python(),
        pins(),
        program("git", "sudo apt-get install git"),
        shipped("redis-server", redis_binary, used=settings.redis_url is None),
        shipped("caddy", caddy_binary, used=settings.caddy_admin is None),
        certificates(settings),
        data_folder(settings),
        disk(settings),
        model(settings),
        *ports(settings),
        tls(settings),
    ]
    asked = (
        engine(settings),
        domain(settings),
        telegram(settings),
        bot_pool(settings),
        app_postgres(settings),
        github(settings),
    )
    return [*quick, *await asyncio.gather(*asked)]


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="python", ok=sys.version_info >= (3, 11), found=found, cure="install Python 3.11 or newer")


def pins() -> Finding:
    found = {name: _version(name) for name in PINS}
    wrong = [name for name, (low, high) in PINS.items() if not low <= _numbers(found[name]) < high]
    return Finding(
        name="prefect",
        ok=not wrong,
        found=", ".join(f"{name} {number or 'missing'}" for name, number in found.items()),
        cure=f"the versions of {', '.join(wrong)} do not work together: pip install -r requirements.lock" if wrong else "",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdecimal())


def program(name: str, cure: str) -> Finding:
    found = shutil.which(name)
    return Finding(name=name, ok=found is not None, found=found or "missing", cure="" if found else cure)


def shipped(name: str, find: Callable[[], str], *, used: bool) -> Finding:
    if not used:
        return Finding(name=name, ok=None, found="an outside one is set")
    try:
        return Finding(name=name, ok=True, found=find())
    except BadInput as error:
        return Finding(name=name, ok=False, found="missing", cure=str(error))


def certificates(settings: Settings) -> Finding:
    found = settings.certificates
    if found is None:
        return Finding(name="CA bundle", ok=None, found="none set: the usual authorities are used")
    readable = os.access(found, os.R_OK)
    cure = "" if readable else f"make {found} readable, or set SLIPWAY_CA_BUNDLE to another file"
    return Finding(name="CA bundle", ok=readable, found=str(found), cure=cure)


def data_folder(settings: Settings) -> Finding:
    up = read_up(settings.home)
    place = _existing(settings.home)
    writable = os.access(place, os.W_OK)
    what = "up" if up else ("there" if settings.home.is_dir() else "will be made by `slipway up`")
    cure = "" if writable else f"{place} cannot be written to: choose another folder with SLIPWAY_HOME"
    return Finding(name="data folder", ok=writable, found=f"{settings.home} ({what})", cure=cure)


def disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_existing(settings.home)).free
    enough = free >= DISK_FLOOR
    cure = "" if enough else "free some space, or choose a folder on another disk with SLIPWAY_HOME"
    return Finding(name="disk", ok=enough, found=f"{free / 1024**3:.1f} GB free", cure=cure)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def model(settings: Settings) -> Finding:
    if settings.replay:
        return Finding(name="model", ok=None, found=f"a recorded session is played from {settings.replay}")
    if (up := read_up(settings.home)) and up.replay:
        return Finding(name="model", ok=None, found="`slipway up` plays a recorded session")
    if settings.anthropic_api_key:
        dearest = [each for each in (settings.model, *settings.models.values()) if price_of(each) is None]
        priced = f"; without a known price, booked at the dearest: {', '.join(dearest)}" if dearest else ""
        return Finding(name="model", ok=True, found=f"ANTHROPIC_API_KEY is set; {settings.model}{priced}")
    cure = "export ANTHROPIC_API_KEY=... (console.anthropic.com); `make demo` works without"
    return Finding(name="model", ok=False, found="no ANTHROPIC_API_KEY", cure=cure)


def ports(settings: Settings) -> Sequence[Finding]:
    """Look at the ports that `up` would open; ours, while it is up, are fine."""
    if up := read_up(settings.home):
        return [Finding(name="ports", ok=True, found=f"ours: {up.apps_url} and {up.prefect_ui_url}")]
    try:
        served = served_on(settings)
    except BadInput as error:
        return [Finding(name="port of the apps", ok=False, found=str(settings.http_bind), cure=str(error))]
    secure = _port("port of the apps with TLS", settings.https_port, served, "SLIPWAY_HTTPS_PORT")
    return [
        _port("port of the apps", settings.http_port, served, "SLIPWAY_HTTP_PORT"),
        *([] if settings.tls == "off" else [secure]),
        _port("port of Prefect", settings.prefect_port, LOOPBACK, "SLIPWAY_PREFECT_PORT"),
    ]


def tls(settings: Settings) -> Finding:
    """Say who certifies the apps, and what their visitors need for it."""
    match settings.tls:
        case "off":
            return Finding(name="TLS", ok=None, found="off: the apps are served by plain HTTP (SLIPWAY_TLS)")
        case "internal":
            root = DataFolder(settings.home).root_certificate
            where = f"{root}" if root.exists() else f"{root} (made by the first `slipway up`)"
            found = f"by this installation's own authority; its root certificate, for browsers: {where}"
            return Finding(name="TLS", ok=True, found=found)
        case "auto":
            warnings = [warning.removeprefix("WARNING: ") for warning in tls_warnings(settings)]
            found = f"by ACME from {settings.acme_url or 'a public authority'}"
            return Finding(name="TLS", ok=None if warnings else True, found=found, cure="; ".join(warnings))


def _port(name: str, port: int, host: str, setting: str) -> Finding:
    if port == 0:
        return Finding(name=name, ok=None, found="a free one will be chosen")
    if port_problem(port, host) is None:
        return Finding(name=name, ok=True, found=f"{port} is free")
    owner = port_owner(port) or "another program"
    return Finding(
        name=name, ok=False, found=f"{port} is used by {owner}", cure=f"end it, or set {setting} to another port or to 0"
    )


async def engine(settings: Settings) -> Finding:
    if settings.engine == "process":
        return Finding(name="engine", ok=None, found="ordinary processes, NOT isolated (SLIPWAY_ENGINE=process)")
    if await engine_answers(settings):
        return _images(settings)
    cure = "sudo apt-get install docker.io && sudo systemctl start docker"
    demanded = settings.engine == "docker"
    found = "no Docker engine answers" + ("" if demanded else ": ordinary processes stand in, NOT isolated")
    return Finding(name="engine", ok=False if demanded else None, found=found, cure=cure)


def _images(settings: Settings) -> Finding:
    if settings.base_image or shutil.which("debootstrap"):
        return Finding(name="engine", ok=True, found="a Docker engine answers")
    cure = "sudo apt-get install debootstrap, or set SLIPWAY_BASE_IMAGE, where no image can be pulled"
    return Finding(name="engine", ok=True, found="a Docker engine answers; there is no debootstrap", cure=cure)


async def telegram(settings: Settings) -> Finding:
    """Ask Telegram whether it knows the token; without one there is nothing to ask."""
    if settings.telegram_token is None:
        return Finding(name="telegram", ok=None, found="off: no SLIPWAY_TELEGRAM_TOKEN")
    isolates = settings.engine != "process" and await engine_answers(settings)
    try:
        bot = await check_bot(settings, isolates)
    except NeedsPerson as error:
        return Finding(name="telegram", ok=False, found="the bot cannot start", cure=str(error))
    if not bot:
        return Finding(name="telegram", ok=None, found="Telegram does not answer", cure="the bot goes on trying")
    return Finding(name="telegram", ok=True, found=f"@{bot}")


async def bot_pool(settings: Settings) -> Finding:
    """Count the bots that projects can lease, where there is a registry already."""
    name, folder = "bot pool", DataFolder(settings.home)
    if settings.database_url is None and not folder.registry.exists():
        return Finding(name=name, ok=None, found="none yet: who asks for a bot gives a token of their own")
    from blocks.registry.block import SqlRegistry  # loads Prefect
    from domain.bots import BotState, free

    try:
        bots = await SqlRegistry(url=SecretStr(registry_address(settings, folder)), budget_micro_usd=0).bots()
    except SlipwayError as error:
        return Finding(name=name, ok=None, found=f"cannot be looked at: {error}")
    there = [bot for bot in bots if bot.state is not BotState.RETIRED]
    if not free(bots):
        found = f"none of {len(there)} is free" if there else "empty"
        cure = "`slipway bots add` takes the token of a bot that projects can lease"
        return Finding(name=name, ok=None, found=f"{found}: who asks for a bot gives a token of their own", cure=cure)
    return Finding(name=name, ok=True, found=f"{free(bots)} of {len(there)} free")


async def domain(settings: Settings) -> Finding:
    found = f"*.{settings.base_domain}"
    try:
        warning = await domain_warning(settings.base_domain)
    except BadInput as error:
        return Finding(name="domain", ok=False, found=found, cure=str(error))
    return Finding(name="domain", ok=None if warning else True, found=found, cure=warning.removeprefix("WARNING: "))
