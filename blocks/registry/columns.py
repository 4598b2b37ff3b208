"""What the registry's columns are made of."""

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Dialect, ForeignKey, MetaData, String, Text, TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment, stored in UTC and returned timezone-aware (SQLite itself knows no zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone: guessing one would move it by hours."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without a zone was given to the registry: {value.isoformat()}")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Say UTC about what SQLite returns bare."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Words(TypeDecorator[str]):
    """Text from people and programs: what no database takes (NUL, lone surrogates) becomes a replacement mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Keep everything that is valid text as it is."""
        return value and value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
NAME = String()


def of_project(*, index: bool = False) -> Column[str]:
    """Return the column of what belongs to a project and goes with it."""
    return Column("project", NAME, ForeignKey("projects.slug", ondelete="CASCADE"), nullable=False, index=index)
