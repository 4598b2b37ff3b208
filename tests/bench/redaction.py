"""How long text is looked through for a project's secrets, in all their forms."""

import base64
import random
import string
import time
from collections.abc import Callable
from statistics import quantiles

from domain.redaction import Redactor
from tests.bench.figures import Section

SIZE = 100_000
SECRETS = 20
"""Of a large project: ten secrets, each with an earlier value."""


def measure(times: int = 40) -> Section:
    """Redact a log without secrets, and one in which all of them stand, some encoded."""
    dice = random.Random(4)  # noqa: S311  (the same log each time)
    alphabet = string.ascii_letters + string.digits
    values = {f"KEY_{number}": "".join(dice.choices(alphabet, k=16 + 2 * number)) for number in range(SECRETS)}
    redactor, clean = Redactor(values), log(dice)
    leaking = clean[:-4_000] + "\n".join(f"{value} {base64.b64encode(value.encode()).decode()}" for value in values.values())
    section = Section(name="redaction", title=f"Looking for {SECRETS} secrets in {SIZE // 1000} kB of log")
    section.add("made ready", "ms", *timed(lambda: Redactor(values), 5), note="once for each process")
    for name, text in (("without a secret", clean), ("with all of them", leaking)):
        found = timed(lambda text=text: redactor.redact(text), times)  # type: ignore[misc]
        section.add(name, "ms", *found[:5], note=f"p95 {quantiles(found, n=20)[-1]:.1f} ms of {times}")
    assert redactor.redact(clean) == clean
    assert not any(value in redactor.redact(leaking) for value in values.values())
    return section


def log(dice: random.Random) -> str:
    lines = (
        f"2026-11-25 12:{n // 60 % 60:02}:{n % 60:02} INFO request {dice.randbytes(16).hex()} took {dice.random():.3f} s\n"
        for n in range(2_000)
    )
    return "".join(lines)[:SIZE]


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Return milliseconds of each time."""
    samples = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        samples.append((time.perf_counter() - began) * 1000)
    return samples
