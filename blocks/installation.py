"""The operator's choices that flows need, filled from settings at `slipway up`."""

from typing import ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field

from domain.bot_webhook import Webhook
from domain.capabilities import Capability
from domain.cli_agents import LOOP, Arrangement
from domain.hosts import web_address
from domain.routes import Route


class Installation(Block):
    """One installation of Slipway; no secret in it."""

    _block_type_name: ClassVar[str] = "Slipway Installation"
    _block_type_slug: ClassVar[str] = "slipway-installation"

    home: str = Field(description="Data folder")
    mark: str = Field(default="", description="This installation's id, in the labels and names of what its engine holds")
    engine: Literal["docker", "process"] = Field(description="What runs workers and apps")
    base_domain: str = Field(default="localhost", description="Apps are reached as <slug>.<base domain>")
    public_port: int = Field(default=8080, description="Port on which Caddy serves the apps")
    tls: bool = Field(default=False, description="Caddy serves the apps by HTTPS")
    access_log: str = Field(default="", description="File in which Caddy writes down each request; empty with another's Caddy")
    doors: dict[str, str] = Field(default_factory=dict, description="Where Slipway's own pages are, by the label of their host")
    ui_url: str = Field(default="", description="Address of the Prefect UI")
    model: str = Field(description="Model of every role that `models` does not name")
    models: dict[str, str] = Field(default_factory=dict, description="Model by role")
    recorded: bool = Field(default=False, description="A recorded session answers instead of a model")
    answers: bool = Field(default=True, description="Somebody answers as the model: a key is set, or a session is played")
    record: str = Field(default="", description="Folder in which the model session is recorded; empty for none")
    engines: dict[str, str] = Field(default_factory=dict, description="Engine by role, where it is not our own loop")
    ralph: bool = Field(default=False, description="Each round of the developer is a new conversation")
    capabilities: tuple[Capability, ...] = Field(default=(), description="What every developer's worker has beside its kind's")
    github_url: str = Field(default="https://github.com", description="Site of the projects' repositories")
    ca_bundle: str = Field(default="", description="PEM file with this machine's certificate authorities; empty: git's own")
    github: bool = Field(default=False, description="Deliveries go to GitHub as well")
    github_owner: str = Field(default="", description="In which projects get a repository; empty: only those that have one")
    github_private: bool = Field(default=True, description="Repositories that are made are private")
    github_approval: bool = Field(default=False, description="Pull requests are merged once somebody approved them")
    github_protect: bool = Field(default=False, description="The main branch of repositories is protected")
    rounds: int = Field(default=3, ge=1, description="How often the developer may try")
    review: bool = Field(default=True, description="A reviewer reads what passes its tests, before it is accepted")
    mutation_seconds: float = Field(default=90.0, ge=0, description="How long tests are tried with mutants; 0 is not at all")
    answer_hours: float = Field(default=24.0, gt=0, description="Hours for which a run waits for an answer before it stops")
    budget_usd: float = Field(default=5.0, gt=0, description="Money that one project may spend on models")
    health_seconds: float = Field(default=60.0, gt=0, description="Deadline for a new release to become healthy")
    command_seconds: float = Field(default=600.0, gt=0, description="Deadline for a release command")
    snapshot_mb: int = Field(default=2048, ge=1, description="How large a snapshot of a project's data may be")
    drain_seconds: float = Field(default=30.0, ge=0, description="How long an old release may go on answering")
    preview_changes: bool = Field(default=False, description="A change goes up as a preview unless it says otherwise")
    preview_days: float = Field(default=3.0, gt=0, description="Days for which a preview is up")
    flap_seconds: float = Field(
        default=600.0, ge=0, description="For so long after a rollback by itself a second failure is a person's to decide"
    )
    watch_interval: float = Field(default=2.0, gt=0, description="Seconds between two probes of a live release")
    watch_seconds: float = Field(default=60.0, gt=0, description="How long one run of health_watch stays")
    telegram_api_url: str | None = Field(
        default=None, description="Bot API server that bot tokens are shown to; Telegram's own"
    )
    telegram_access: str = Field(default="open", description="Who may use the bot: open, invite or list")
    webhook_url: str = Field(default="", description="Where Telegram brings our bot's updates; empty: it asks for them")
    webhook_port: int = Field(default=0, description="Port of loopback on which our bot takes them; 0 for none")
    operator_chat: str = Field(default="", description="Telegram chat of the operator; empty: the terminal tells the operator")
    bots_low: int = Field(default=1, ge=0, description="With fewer free bots in the pool the operator is warned")
    bots_rest_hours: float = Field(default=24.0, ge=0, description="Hours for which a bot that was given back rests")
    unhealthy_threshold: int = Field(default=3, ge=1, description="Failed probes in a row that count as broken")

    def domain_of(self, slug: str) -> str:
        """Return the host name of a project."""
        return f"{slug}.{self.base_domain}"

    def address_of(self, domain: str) -> str:
        """Return the address under which people reach the host name."""
        return web_address(domain, self.public_port, tls=self.tls)

    @property
    def webhook(self) -> Webhook | None:
        """Return where Telegram brings our own bot's updates; None when the bot asks for them."""
        return Webhook(url=self.webhook_url, port=self.webhook_port) if self.webhook_url else None

    @property
    def own_routes(self) -> tuple[Route, ...]:
        """Return the routes that lead to Slipway itself; no project can have these names (domain/names.py)."""
        pages = (Route(project=label, hosts=(self.domain_of(label),), upstream=at) for label, at in self.doors.items())
        return (*((self.webhook.route,) if self.webhook else ()), *pages)

    def model_of(self, role: str) -> str:
        return self.models.get(role, self.model)

    @property
    def env_model(self) -> str:
        """Return the model that is asked who provides a variable; empty where none answers or a recorded session does."""
        return self.model_of("env_analyzer") if self.answers and not self.recorded else ""

    def arrangement_of(self, role: str) -> Arrangement:
        """Return by which engine a role works, whether it begins each round afresh, and what its worker has."""
        engine = self.engines.get(role, LOOP)
        if role != "developer":
            return Arrangement(engine=engine)
        return Arrangement(engine=engine, ralph=self.ralph, capabilities=self.capabilities, github_url=self.github_url)
