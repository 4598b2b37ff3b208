"""Settings about the bot and the people who talk to it."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from deployments.setting_types import SPLIT
from domain.admission import Access, Rules
from domain.allowances import Limits


class PeopleSettings(BaseSettings):
    """The bot's part of the settings of an installation."""

    telegram_token: SecretStr | None = Field(default=None, description="the token that @BotFather gave you")
    telegram_api_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of another Bot API server, like http://127.0.0.1:8081"
    )
    telegram_access: Access | None = Field(
        default=None,
        description="who may use the bot: `open` (everybody), `invite` (who has a code of `slipway invite`), `list` (only "
        "SLIPWAY_TELEGRAM_ALLOWED and `slipway people allow`); unset: `list` when SLIPWAY_TELEGRAM_ALLOWED names somebody, "
        "else `open`",
    )
    telegram_allowed: Annotated[tuple[int, ...], NoDecode, SPLIT] = Field(
        default=(), description="numeric Telegram ids of people who may use the bot in any case, with commas between"
    )
    telegram_operator_chat: int | None = Field(
        default=None, description="the numeric id of the Telegram chat that gets alarms and the daily digest"
    )
    person_runs: int = Field(
        default=3, ge=0, description="0 or more: runs that one person of the bot may have that have not ended; 0: any number"
    )
    person_per_minute: int = Field(
        default=30, ge=0, description="0 or more: messages and buttons of one person within a minute; 0: any number"
    )
    person_usd_day: float = Field(
        default=20.0, ge=0, description="0 or more: US dollars for models that one person may spend a day; 0: any sum"
    )
    person_usd_month: float = Field(
        default=100.0, ge=0, description="0 or more: US dollars for models that one person may spend a month; 0: any sum"
    )

    @property
    def people(self) -> Rules:
        """Return what the settings say of people."""
        usual = Limits(
            runs=self.person_runs,
            per_minute=self.person_per_minute,
            usd_day=self.person_usd_day,
            usd_month=self.person_usd_month,
        )
        access = self.telegram_access or ("list" if self.telegram_allowed else "open")
        return Rules(access=access, named=frozenset(self.telegram_allowed), usual=usual)
