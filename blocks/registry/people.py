"""What people chose, and the buttons that they can press, as rows of the registry."""

from sqlalchemy import delete, insert, select

from blocks.registry import tables
from blocks.registry.store import Store
from domain.buttons import KEPT, Button
from domain.people import Person


class KnownPeople(Store):
    """The part of the registry that knows people of chats and their buttons."""

    async def person(self, name: str) -> Person:
        """Return the person; one who never chose anything has the defaults."""
        table = tables.people
        async with self.reading() as db:
            row = (await db.execute(select(table).where(table.c.name == name))).first()
        return Person.model_validate(dict(row._mapping)) if row else Person(name=name)

    async def keep_person(self, person: Person) -> None:
        """Store how the person wants it, in the place of what was stored."""
        table = tables.people
        async with self.writing(f"person {person.name}") as db:
            await db.execute(delete(table).where(table.c.name == person.name))
            await db.execute(insert(table).values(person.model_dump()))

    async def show_buttons(self, *buttons: Button) -> None:
        """Store them, or that they were shown again; those shown longer ago than `KEPT` are forgotten."""
        table = tables.buttons
        if not buttons:
            return
        rows = {button.reference: button.model_dump() for button in buttons}
        async with self.writing("buttons") as db:
            old = table.c.shown < max(button.shown for button in buttons) - KEPT
            await db.execute(delete(table).where(table.c.reference.in_(rows) | old))
            await db.execute(insert(table), list(rows.values()))

    async def pressed(self, reference: str) -> Button | None:
        """Return the button of this reference; None when it is unknown or was forgotten."""
        table = tables.buttons
        async with self.reading() as db:
            row = (await db.execute(select(table).where(table.c.reference == reference))).first()
        return Button.model_validate(dict(row._mapping)) if row else None
