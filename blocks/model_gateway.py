"""How an engine gives a CLI in a worker its way to models."""

import time
from dataclasses import dataclass, field

from domain.errors import Broken
from domain.gateway import TOKEN_SECONDS, Access, gateway_environment, token_of
from domain.workers import WorkerSpec


@dataclass(frozen=True)
class ModelGateway:
    """Where the gateway listens, and the key of its tokens."""

    port: int
    key: str = field(repr=False)

    def environment(self, host: str, spec: WorkerSpec) -> dict[str, str]:
        """Return the variables with a token of this run and role; `host` is how the worker reaches the gateway."""
        access = Access(
            run=spec.run,
            project=spec.project,
            role=spec.gateway_role,
            conversation=f"{spec.run}/{spec.gateway_role}",
            expires=int(time.time()) + TOKEN_SECONDS,
        )
        return gateway_environment(host, self.port, token_of(access, self.key))


def model_environment(gateway: ModelGateway | None, host: str, spec: WorkerSpec) -> dict[str, str]:
    """Return what a worker needs for its models: nothing, unless its spec names a role; raise Broken without a gateway."""
    if not spec.gateway_role:
        return {}
    if gateway is None:
        raise Broken(f"the worker {spec.identity} needs the model gateway, and this engine knows none: run `slipway up` again")
    return gateway.environment(host, spec)
