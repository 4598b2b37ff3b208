"""Which processes `slipway up` runs, with which arguments and environment, and how each is known to be ready."""

import os
import sys
from urllib.parse import quote

from deployments.prefect_server.access import WANTED
from deployments.settings import variable
from deployments.supervision.base_environment import base_environment
from deployments.supervision.caddy_service import caddy_service
from deployments.supervision.children import Service
from deployments.supervision.probes import accepts, answers, exchange
from deployments.supervision.programs import redis_binary
from deployments.supervision.redis_log import mend_log
from deployments.wiring import LOOPBACK, Wiring


def redis_service(wiring: Wiring) -> Service:
    socket = wiring.redis_socket
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(wiring.folder.redis),
        "--appendonly": "yes",
        "--aof-use-rdb-preamble": "no",  # commands alone: of those `mend_log` knows which are whole
        "--daemonize": "no",
        "--logfile": "",
    }

    async def ready() -> bool:
        return (await exchange(socket, b"PING\r\n")).startswith(b"+PONG")

    return Service(
        name="redis",
        argv=(redis_binary(), *(word for option in options.items() for word in option)),
        environment=base_environment(),
        ready=ready,
        sockets=(socket,),
        mend=lambda: mend_log(wiring.folder.redis / "appendonly.aof"),
    )


def server_environment(wiring: Wiring) -> dict[str, str]:
    """Return the environment of our Prefect server; what the operator set in PREFECT_SERVER_* wins, but for who is let in."""
    database = f"{quote(str(wiring.folder.prefect))}/prefect.db"
    chosen = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_SERVER_")}
    return {
        **base_environment(),
        **wiring.prefect_client,
        # One SQLite connection: with Prefect's own default, twenty runs at once end in `database is locked`.
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///file:{database}?uri=true&pool=:memory:",
        "PREFECT_SERVER_ENCRYPTION_KEY": wiring.folder.encryption_key,
        # Leases in memory, the default, are never given back after a restart of the server.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # Runs of the next hour, the default, would fill the UI with sixty names that no flow has given yet.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT3M",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "1209600",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P14D",
        "PREFECT_SERVER_UI_API_URL": wiring.prefect_api_url,
        **chosen,
        WANTED: wiring.folder.prefect_auth,  # also what the operator chose: commands know only the file
    }


def prefect_service(wiring: Wiring) -> Service:
    async def ready() -> bool:
        return await answers(f"{wiring.prefect_api_url}/health")

    return Service(
        name="prefect",
        argv=(sys.executable, "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(wiring.prefect_port)),
        environment=server_environment(wiring),
        ready=ready,
        seconds=300.0,
        patience=8.0,
    )


def replay_service(wiring: Wiring) -> Service:
    async def ready() -> bool:
        return await accepts(LOOPBACK, wiring.replay_port)

    return Service(
        name="replay",
        argv=_alone("replay", str(wiring.settings.replay), str(wiring.replay_port)),
        environment=base_environment(),
        ready=ready,
    )


def runner_environment(wiring: Wiring) -> dict[str, str]:
    return {
        **base_environment(),
        **wiring.prefect_client,
        "SLIPWAY_HOME": str(wiring.folder.home),
        "SLIPWAY_RUNNER_LIMIT": str(wiring.settings.runner_limit),
        "SLIPWAY_SPARE_WORKERS": str(wiring.settings.spare_workers),
        "PREFECT_WORKER_QUERY_SECONDS": "0.5",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }


def runner_service(wiring: Wiring) -> Service:
    mark = wiring.folder.sockets / "runner.ready"

    async def ready() -> bool:
        return mark.exists()

    return Service(
        name="runner",
        argv=_alone("runner", str(mark)),
        environment=runner_environment(wiring),
        ready=ready,
        acts=True,
        seconds=120.0,  # its imports take seconds of CPU, which a busy machine gives out slowly
        sockets=(mark,),
    )


def egress_service(wiring: Wiring) -> Service:
    mark = wiring.folder.sockets / "egress.ready"

    async def ready() -> bool:
        return mark.exists()

    return Service(
        name="egress",
        argv=_alone("egress", str(wiring.egress_port), str(mark), str(wiring.gateway_port)),
        environment={
            **base_environment(),
            "SLIPWAY_HOME": str(wiring.folder.home),
            "SLIPWAY_EGRESS": ",".join(wiring.settings.egress),
            "SLIPWAY_GITHUB_URL": wiring.settings.github_url,
            **({"SLIPWAY_DOCKER_HOST": wiring.settings.docker_host} if wiring.settings.docker_host else {}),
        },
        ready=ready,
        sockets=(mark,),
    )


GATEWAY_SETTINGS = (
    "home", "docker_host", "database_url", "anthropic_api_key", "anthropic_base_url", "replay", "model", "models",
    "gateway_models", "budget_usd", "github_url",
)  # fmt: skip
"""All that the one service which workers speak to is given."""


def gateway_service(wiring: Wiring) -> Service:
    mark, given = wiring.folder.sockets / "gateway.ready", wiring.settings.environment()

    async def ready() -> bool:
        return mark.exists()

    return Service(
        name="gateway",
        argv=_alone("gateway", wiring.engine, str(wiring.gateway_port), str(mark)),
        environment={
            **base_environment(),
            **wiring.prefect_client,  # for the vault, when a worker's git asks
            **{name: given[name] for field in GATEWAY_SETTINGS if (name := variable(field)) in given},
        },
        ready=ready,
        sockets=(mark,),
    )


def bot_service(wiring: Wiring) -> Service:
    async def ready() -> bool:
        return True  # it says in its log when Telegram cannot be reached, and goes on trying

    return Service(
        name="bot",
        argv=_alone("bot"),
        acts=True,
        environment={**base_environment(), **wiring.settings.environment(), **wiring.prefect_client},
        ready=ready,
    )


def api_service(wiring: Wiring) -> Service:
    mark = wiring.folder.sockets / "api.ready"

    async def ready() -> bool:
        return mark.exists()

    return Service(
        name="api",
        argv=_alone("api", str(wiring.api_port), str(mark)),
        environment={**base_environment(), **wiring.settings.environment(), **wiring.prefect_client},
        ready=ready,
        acts=True,
        sockets=(mark,),
    )


def first_services(wiring: Wiring) -> tuple[Service, ...]:
    """Return what must be ready before blocks are filled; these start at the same time."""
    settings = wiring.settings
    return (
        *(() if settings.prefect_api_url else (prefect_service(wiring),)),
        *(() if settings.redis_url else (redis_service(wiring),)),
        *(() if settings.caddy_admin else (caddy_service(wiring),)),
        *((replay_service(wiring),) if settings.replay else ()),
        *((egress_service(wiring),) if wiring.egress_port else ()),
        *((gateway_service(wiring),) if wiring.gateway_port else ()),
    )


def last_services(wiring: Wiring, *, bot: bool) -> tuple[Service, ...]:
    """Return what works with the blocks; these start at the same time."""
    return (
        runner_service(wiring),
        *((bot_service(wiring),) if bot else ()),
        *((api_service(wiring),) if wiring.api_port else ()),
    )


def _alone(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "deployments.supervision.alone", *words)
