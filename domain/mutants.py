"""Mutants: small faults put into the lines that a change wrote, to see whether its tests notice any of them.

After R. A. DeMillo, R. J. Lipton, F. G. Sayward, "Hints on Test Data Selection" (1978). Only Python so far.
"""

import ast
import hashlib
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Literal

from pydantic import Field

from domain.mutators import Fault, faults
from domain.report_tables import cell
from domain.values import Value

MOST = 20
"""Mutants of one run."""
SIZE_LIMIT = 150_000
"""Characters of a file that is looked at."""
SHOWN = 300
"""Characters of a line that are shown."""
FEW = 4
"""So many tried mutants say something about a whole test suite."""
SHARE = 0.1
"""Tests that notice a smaller share of the mutants than this prove nothing."""

Fate = Literal["killed", "timed out", "survived", "not tried"]


class Mutant(Value):
    """One fault in one place. Lines are shown without their indentation."""

    path: str
    line: int
    kind: str = Field(description="What was done, like `comparison turned round`")
    before: str
    after: str


class Mutation(Value):
    """A mutant and how its file comes to have it."""

    mutant: Mutant
    fault: Fault


class Tried(Value):
    """How a mutant fared: `killed` and `timed out` were noticed."""

    mutant: Mutant
    fate: Fate


class MutationRun(Value):
    """What the tests noticed of the faults that were put into a change."""

    tried: tuple[Tried, ...] = ()
    possible: int = 0
    """How many mutants the changed lines offer."""
    note: str = ""
    """Why there are none, or fewer than were chosen."""
    milliseconds: int = 0

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        return self._of("survived")

    @property
    def noticed(self) -> tuple[Mutant, ...]:
        return self._of("killed", "timed out")

    @property
    def blind(self) -> bool:
        """Tell whether the tests notice so little that their pass is none."""
        tried = len(self.survivors) + len(self.noticed)
        return tried >= FEW and len(self.noticed) < SHARE * tried

    @property
    def sentence(self) -> str:
        """Say it for people."""
        if not self.tried:
            return f"no mutants: {self.note}"
        tried = len(self.survivors) + len(self.noticed)
        more = f" ({self.note})" if self.note else ""
        return f"the tests notice {len(self.noticed)} of {tried} mutants of {self.possible} possible ones{more}"

    def _of(self, *fates: Fate) -> tuple[Mutant, ...]:
        return tuple(tried.mutant for tried in self.tried if tried.fate in fates)


def is_mutable(path: str) -> bool:
    """Tell whether the path is Python code of the app, and no test."""
    *folders, name = path.casefold().split("/")
    if not name.endswith(".py") or name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py"):
        return False
    return not {"tests", "test", "testing", "migrations"} & set(folders)


def mutations(path: str, text: str, lines: Collection[int]) -> Sequence[Mutation]:
    """Return every mutant of these lines; none of a file that cannot be read as Python."""
    if len(text) > SIZE_LIMIT:
        return ()
    try:
        found = [fault for fault in faults(ast.parse(text)) if fault.line in lines]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    source = text.encode().splitlines(keepends=True)
    return [Mutation(mutant=_mutant(path, source, fault), fault=fault) for fault in found]


def chosen(found: Sequence[Mutation], texts: Mapping[str, str], most: int = MOST) -> Sequence[tuple[Mutant, str]]:
    """Choose at most `most`, the same ones for the same texts, each with the whole text of its file.

    First comes one a line, by lot, then the second of each line, and so on.
    """
    seed = "\n".join(texts[path] for path in sorted({each.mutant.path for each in found}))
    ranked: list[tuple[int, str, Mutation]] = []
    seen: dict[tuple[str, int], int] = {}
    for drawn, mutation in sorted(((_lot(seed, each.mutant), each) for each in found), key=lambda entry: entry[0]):
        place = (mutation.mutant.path, mutation.mutant.line)
        seen[place] = seen.get(place, 0) + 1
        ranked.append((seen[place], drawn, mutation))
    ordered = (mutation for _, _, mutation in sorted(ranked, key=lambda entry: entry[:2]))
    made = ((each.mutant, _applied(texts[each.mutant.path], each.fault)) for each in ordered)
    return tuple(islice(((mutant, text) for mutant, text in made if _compiles(text)), most))


def run_of(
    picked: Sequence[Mutant],
    fates: Mapping[int, Fate],
    possible: int,
    note: str,
    milliseconds: int,
    missed: Sequence[str] = (),
) -> MutationRun:
    """Put the fates, by position, to the mutants; `missed` says which part of the change was not looked at."""
    tried = tuple(Tried(mutant=each, fate=fates.get(number, "not tried")) for number, each in enumerate(picked))
    left = sum(each.fate == "not tried" for each in tried)
    late = f"{left} were not tried: the time was over" if left and not note else note
    said = "; ".join(filter(None, (late, *missed)))
    return MutationRun(tried=tried, possible=possible, note=said, milliseconds=milliseconds)


def as_text(mutant: Mutant) -> str:
    """Name place, original and mutant, as a developer reads it."""
    return f"- {mutant.path}:{mutant.line} ({mutant.kind})\n      is:     {mutant.before}\n      mutant: {mutant.after}"


def as_markdown(run: MutationRun) -> str:
    """Render the run for the Prefect UI."""
    rows = "\n".join(
        f"| {each.fate} | {cell(each.mutant.path, 80)}:{each.mutant.line} | {cell(each.mutant.kind, 60)} "
        f"| {cell(each.mutant.before, 160)} | {cell(each.mutant.after, 160)} |"
        for each in run.tried
    )
    table = f"| fate | place | what | line | mutant |\n|---|---|---|---|---|\n{rows}\n" if rows else ""
    return f"# Mutants\n\n{cell(run.sentence, 400)}\n\n{table}"


def _lot(seed: str, mutant: Mutant) -> str:
    return hashlib.sha256(f"{seed}\n{mutant.model_dump_json()}".encode()).hexdigest()


def _mutant(path: str, source: Sequence[bytes], fault: Fault) -> Mutant:
    lines = b"".join(source[fault.line - 1 : fault.end_line]).decode()
    changed = _applied(lines, fault.moved_up(fault.line - 1))
    return Mutant(path=path, line=fault.line, kind=fault.kind, before=_short(lines), after=_short(changed))


def _applied(text: str, fault: Fault) -> str:
    lines = text.encode().splitlines(keepends=True)
    head = b"".join(lines[: fault.line - 1]) + lines[fault.line - 1][: fault.column]
    rest = lines[fault.end_line - 1][fault.end_column :] + b"".join(lines[fault.end_line :])
    return (head + fault.text.encode() + rest).decode()


def _short(text: str) -> str:
    return " ".join(text.split())[:SHOWN]


def _compiles(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
