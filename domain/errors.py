"""What can go wrong, by who must act.

Every error takes plain positional arguments and hands them to `super().__init__`, so that it survives
the trip between processes. The message says what was attempted on what, and the cure where there is one.
"""


class SlipwayError(Exception):
    """Root of all errors that Slipway raises on purpose."""


class TryAgain(SlipwayError):
    """The same call may succeed later: tasks retry on this family, and on nothing else."""


class NeedsPerson(SlipwayError):
    """A person must decide or provide something; the message names the one next thing to do."""


class Broken(SlipwayError):
    """Slipway or its installation is at fault; retrying the same call cannot help."""


class LeaseLost(SlipwayError):
    """Another process has taken the project since: (project, owner that lost it).

    The same call must not be tried again: what it was to change may be different now. Read the registry and decide anew.
    """

    def __str__(self) -> str:
        project, owner = self.args
        return f"{owner} may not change {project} any more: another deploy or rollback has taken it over"


class ServiceUnreachable(TryAgain):
    """An outside service did not answer: (service, what was attempted, detail)."""

    def __init__(self, service: str, attempted: str, detail: str = "") -> None:
        super().__init__(service, attempted, detail)
        self.service = service

    def __str__(self) -> str:
        service, attempted, detail = self.args
        return f"{service} did not answer while {attempted}" + (f": {detail}" if detail else "")


class AnswerLost(ServiceUnreachable):
    """The service was reached, and no answer came: whether it did what was asked is not known."""


class EngineUnreachable(ServiceUnreachable):
    """The container engine died or does not answer."""


class DiskFull(TryAgain):
    """Nothing more can be written: (where, as far as it is known)."""

    def __str__(self) -> str:
        where = f" of {self.args[0]}" if self.args[0] else ""
        return f"the disk{where} is full: free some space on it (`slipway down PROJECT`, `docker image prune`), then try again"


class ModelOverloaded(TryAgain):
    """The model service asked to wait: (status, retry_after seconds or None, detail)."""

    def __init__(self, status: int, retry_after: float | None = None, detail: str = "") -> None:
        super().__init__(status, retry_after, detail)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"the model service answered {self.args[0]} (busy); {self.args[2]}".rstrip("; ")


class ChatBusy(TryAgain):
    """The messenger asked to wait: (seconds, what was attempted)."""

    def __init__(self, seconds: float, attempted: str) -> None:
        super().__init__(seconds, attempted)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the messenger asked to wait {self.seconds:g} s before {self.args[1]}"


class CliDied(TryAgain):
    """A CLI agent ended without a word, as when it is killed."""

    def __init__(self, agent: str, worker: str) -> None:
        super().__init__(agent, worker)

    def __str__(self) -> str:
        agent, worker = self.args
        return f"{agent} died in worker {worker}"


class LockTaken(TryAgain):
    """Somebody else holds a lock: (name, owner)."""

    def __str__(self) -> str:
        name, owner = self.args
        return f"{name} is locked by {owner}"


class BadInput(NeedsPerson):
    """A person's input cannot be used; the message carries the cure."""


class AnsweredAlready(BadInput):
    """Another answer came first and counts; the message says whose."""


class NoBrief(NeedsPerson):
    """The model made no Brief of a request: (how its conversation ended, detail)."""

    def __str__(self) -> str:
        reason, detail = self.args
        return f"no Brief came of the request ({reason}: {detail}): say it in other words and try again"


class NoReply(NeedsPerson):
    """A turn of the dialogue ended without an answer: (how its conversation ended, detail)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason

    def __str__(self) -> str:
        return f"no answer came of the message ({self.args[0]}: {self.args[1]}): say it in other words and try again"


class ModelKeyMissing(NeedsPerson):
    """No model can be asked."""

    def __str__(self) -> str:
        return "no model can be asked: set ANTHROPIC_API_KEY and start `slipway up` again (`make demo` works without a key)"


class ModelKeyRefused(NeedsPerson):
    """The model service refused the API key (401 or 403)."""

    def __str__(self) -> str:
        return "the model service refused the API key: set a valid ANTHROPIC_API_KEY and run `slipway up` again"


class ChatTokenRefused(NeedsPerson):
    """The messenger refused the bot's token: (what was attempted,)."""

    def __str__(self) -> str:
        return f"Telegram refused the bot token while {self.args[0]}: get a new one from @BotFather, set SLIPWAY_TELEGRAM_TOKEN"


class ChatClosed(NeedsPerson):
    """A chat cannot be written to until its person opens it: (what was attempted, detail)."""

    def __str__(self) -> str:
        return f"{self.args[0]} is not possible: {self.args[1]}"


class ChatMoved(ChatClosed):
    """The chat, a group, goes on under another id: (what was attempted, that id)."""

    @property
    def to(self) -> str:
        return str(self.args[1])

    def __str__(self) -> str:
        return f"{self.args[0]} is not possible: the chat goes on as {self.to}"


class BotLost(NeedsPerson):
    """The bot whose token a project was to be started with is not the project's: (project, username)."""

    def __str__(self) -> str:
        project, username = self.args
        return (
            f"@{username} belongs to the bot pool and is not leased by {project}: nothing was started with its token. "
            f"Deliver again, or give another token: `slipway secret set {project} TELEGRAM_BOT_TOKEN`"
        )


class BudgetSpent(NeedsPerson):
    """A reservation would pass the budget: (project, limit in USD, spent and reserved in USD)."""

    def __str__(self) -> str:
        project, limit, used = self.args
        return f"the budget of {project} is spent: {used:.4f} of {limit:.2f} USD; raise SLIPWAY_BUDGET_USD to go on"


class SecretMissing(NeedsPerson):
    """A project lacks secrets: (project, names)."""

    def __str__(self) -> str:
        project, names = self.args
        listed = ", ".join(names)
        return f"{project} needs {listed}: run `slipway secret set {project} {names[0]}`"


class CapabilityMissing(NeedsPerson):
    """A worker was asked for that this engine cannot give; the message names what is missing and the cure."""


class NothingToRollBackTo(NeedsPerson):
    """There is no earlier good release: (project,)."""

    def __str__(self) -> str:
        return f"{self.args[0]} has no earlier good release to go back to; it stays as it is"


class RunCancelled(NeedsPerson):
    """The person stopped the run: (run,)."""

    def __str__(self) -> str:
        return f"{self.args[0]} was stopped by its person"


class ModelRequestRefused(Broken):
    """The model service refused the request itself: (status, message)."""

    def __str__(self) -> str:
        return f"the model service refused the request ({self.args[0]}): {self.args[1]}"


class ChatRefused(Broken):
    """The messenger refused a call itself: (what was attempted, its words)."""

    def __str__(self) -> str:
        return f"the messenger refused {self.args[0]}: {self.args[1]}"


class UnknownObject(Broken):
    """Something named does not exist: (what, name)."""

    def __str__(self) -> str:
        return f"there is no {self.args[0]} {self.args[1]!r}"


class UnsafeArchive(Broken):
    """An archive from a worker holds what it must not: (member, why)."""

    def __str__(self) -> str:
        return f"the worker's archive was refused: {self.args[0]!r} {self.args[1]}"
