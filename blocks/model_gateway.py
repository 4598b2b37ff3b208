"""How an engine gives a worker its doors to the gateway: a CLI to models and our tools, git to its repository's credential."""

import time
from dataclasses import dataclass, field

from domain.errors import Broken
from domain.gateway import TOKEN_SECONDS, Access, Use, gateway_environment, git_environment, token_of, tools_environment
from domain.workers import WorkerSpec


@dataclass(frozen=True)
class ModelGateway:
    """Where the gateway listens, and the key of its tokens."""

    port: int
    key: str = field(repr=False)

    def environment(self, host: str, spec: WorkerSpec) -> dict[str, str]:
        """Return the variables with tokens of this run and role; `host` is how the worker reaches the gateway."""
        models = gateway_environment(host, self.port, self._token(spec, spec.gateway_role, "models"))
        if not spec.door:
            return models
        return {**models, **tools_environment(host, self.port, self._token(spec, spec.gateway_role, "tools"))}

    def git(self, host: str, spec: WorkerSpec) -> dict[str, str]:
        """Return the variables by which the worker's git asks for a credential, with a token that opens no model."""
        return git_environment(host, self.port, self._token(spec, spec.role, "repository"))

    def _token(self, spec: WorkerSpec, role: str, use: Use) -> str:
        access = Access(
            run=spec.run,
            project=spec.project,
            role=role,
            conversation=f"{spec.run}/{role}",
            expires=int(time.time()) + TOKEN_SECONDS,
            use=use,
            door="" if use == "repository" else spec.door,
        )
        return token_of(access, self.key)


def gateway_doors(gateway: ModelGateway | None, host: str, spec: WorkerSpec) -> dict[str, str]:
    """Return what the spec's role and capabilities ask for; raise Broken when they do and there is no gateway."""
    if not spec.gateway_role and "github" not in spec.capabilities:
        return {}
    if gateway is None:
        raise Broken(f"the worker {spec.identity} needs the model gateway, and this engine knows none: run `slipway up` again")
    models = gateway.environment(host, spec) if spec.gateway_role else {}
    return {**models, **(gateway.git(host, spec) if "github" in spec.capabilities else {})}
