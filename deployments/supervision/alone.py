"""One service by itself: what `slipway server|runner|bot` run, and what `slipway up` starts as its children."""

import asyncio
import os
import sys
from pathlib import Path

from deployments.data_folder import DataFolder, read_up
from deployments.prefect_server.access import prefect_environment
from deployments.settings import Settings, load_settings
from domain.errors import BadInput, SlipwayError


def _join(settings: Settings) -> None:
    """Speak to the Prefect server of the environment, of the settings, or of the `slipway up` in the data folder."""
    if os.environ.get("PREFECT_API_URL"):
        return
    os.environ.setdefault("PREFECT_HOME", str(DataFolder(settings.home).prefect))
    if settings.prefect_api_url:
        os.environ["PREFECT_API_URL"] = settings.prefect_api_url  # with PREFECT_API_AUTH_STRING, where its operator set that
    elif up := read_up(settings.home):
        os.environ.update(prefect_environment(up))
    else:
        raise BadInput("no Prefect server is known: run `slipway up`, or set SLIPWAY_PREFECT_API_URL")


async def run_server(settings: Settings) -> None:
    """Become the Prefect server of this data folder; does not return."""
    from deployments.supervision.ports import choose_port
    from deployments.supervision.services import prefect_service
    from deployments.wiring import LOOPBACK, Wiring

    folder = DataFolder(settings.home)
    folder.prepare()
    port = choose_port(folder, "prefect", settings.prefect_port, "SLIPWAY_PREFECT_PORT", LOOPBACK)
    service = prefect_service(
        Wiring(settings=settings, folder=folder, engine="process", http_port=0, prefect_port=port, replay_port=0)
    )
    os.execve(service.argv[0], service.argv, dict(service.environment))  # noqa: S606  (our own argument list)


async def run_runner(settings: Settings, mark: Path | None = None) -> None:
    """Execute deployments' runs until SIGTERM; `mark` is made when the first can be taken."""
    _join(settings)
    from deployments.runner.worker import work

    await work(settings, mark)


async def run_bot(settings: Settings) -> None:
    """Answer on Telegram until SIGTERM."""
    _join(settings)
    from deployments.bot.service import run_bot as answer

    await answer(settings)


async def run_api(settings: Settings, port: int = 0, mark: Path | None = None) -> None:
    """Serve the HTTP API until SIGTERM, on that port, else on the one of the settings; `mark` is made when it listens."""
    _join(settings)
    from deployments.api.serving import serve

    await serve(settings, port, mark)


async def run_replay(folder: Path, port: int) -> None:
    """Serve a recorded model session on loopback."""
    from deployments.replay import serve
    from deployments.wiring import LOOPBACK

    await serve(folder, LOOPBACK, port)


async def run_egress(settings: Settings, port: int, mark: Path, gateway_port: int = 0) -> None:
    """Let the workers reach package registries until SIGTERM."""
    from deployments.egress.service import run_egress as let_through

    await let_through(settings, port, mark, gateway_port)


async def run_gateway(settings: Settings, engine: str, port: int, mark: Path | None = None) -> None:
    """Let CLI agents in the engine's workers reach models until SIGTERM."""
    from deployments.gateway.service import run_gateway as let_through

    await let_through(settings, engine, port, mark)


async def _run(name: str, *words: str) -> None:
    match name:
        case "replay":
            await run_replay(Path(words[0]), int(words[1]))
        case "egress":
            await run_egress(load_settings(), int(words[0]), Path(words[1]), *map(int, words[2:]))
        case "gateway":
            await run_gateway(load_settings(), words[0], int(words[1]), Path(words[2]))
        case "bot":
            await run_bot(load_settings())
        case "api":
            await run_api(load_settings(), int(words[0]), Path(words[1]))
        case "runner":
            await run_runner(load_settings(), Path(words[0]))
        case _:
            raise BadInput(f"there is no service {name!r}")


if __name__ == "__main__":
    try:
        asyncio.run(_run(*sys.argv[1:]))
    except SlipwayError as error:
        sys.exit(str(error))
