"""Settings of what people send besides text."""

from pydantic import Field
from pydantic_settings import BaseSettings

from deployments.setting_types import CommandLine
from domain.attachments import Limits


class FileSettings(BaseSettings):
    """How much one request may bring, and what makes text of speech."""

    attachment_mb: float = Field(
        default=10.0, gt=0, le=2000, description="megabytes, above 0, of one file that a person sends (Telegram gives up to 20)"
    )
    attachment_count: int = Field(default=10, ge=1, le=50, description="1 to 50: files that come with one request")
    zip_files: int = Field(default=500, ge=1, le=20_000, description="1 to 20000: files that a zip may hold")
    zip_mb: float = Field(default=50.0, gt=0, le=500, description="megabytes, above 0, that a zip may have unpacked")
    transcribe_command: CommandLine = Field(
        default="", description="a program and its options that get the path of a sound file and print what is said in it"
    )
    transcribe_seconds: float = Field(default=60.0, gt=0, le=600, description="seconds, above 0, that it may take")

    @property
    def attachment_limits(self) -> Limits:
        """Return how much one request may bring."""
        return Limits(
            megabytes=self.attachment_mb,
            count=self.attachment_count,
            members=self.zip_files,
            unpacked_megabytes=self.zip_mb,
        )
