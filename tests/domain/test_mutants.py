"""Mutants: what is put wrong, where, and what the tests' answer to it means."""

from collections.abc import Sequence

import pytest

from domain.mutants import Fate, Mutant, chosen, is_mutable, mutations, run_of


def lines_of(text: str) -> range:
    return range(1, len(text.splitlines()) + 1)


def wrong(text: str) -> list[str]:
    """Return what each mutant of the text makes of its line."""
    return [each.mutant.after for each in mutations("app/a.py", text, lines_of(text))]


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("x = a == b", ["x = a != b"]),
        ("x = a < b", ["x = a >= b"]),
        ("x = a not in b", ["x = a in b"]),
        ("x = a and b", ["x = (a or b)"]),
        ("x = not a", ["x = a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = 'a' + b", []),
        ("x = 41", ["x = 42"]),
        ("x = True", ["x = False"]),
        ("x = 'text'", []),
        ("remove(a)", ["pass"]),
        ("log.info('said %s', a)", []),
        ("open(a, timeout=10)", ["pass"]),
        ("x: int = y", []),
        ("x = b if a else c", ["x = b if not a else c"]),
        ('x = f"{a + b}"', []),
        ("assert a == 1", []),
        ("if __name__ == '__main__': run(8000)", []),
        ('"""Words: 1 == 1."""', []),
    ],
)
def test_each_kind_of_code_gets_its_faults_and_no_others(line: str, made: list[str]) -> None:
    assert wrong(line) == made


def test_a_function_can_lose_its_result() -> None:
    assert wrong("def f(a):\n    return a\n\ndef g():\n    return\n") == ["return None"]


def test_only_the_given_lines_are_touched_and_the_rest_of_the_file_stays() -> None:
    text = "a = 1\nb = 'ä' if a == 2 else {\n    'c': 3,\n}\nd = 4\n"
    found = mutations("app/a.py", text, {3})
    [(mutant, changed)] = chosen(found, {"app/a.py": text})
    assert (mutant.line, mutant.before, mutant.after) == (3, "'c': 3,", "'c': 4,")
    assert changed == text.replace("3", "4")


def test_a_mutant_over_several_lines_is_one_fault() -> None:
    text = "x = (\n    a\n    and b\n)\n"
    [(mutant, changed)] = chosen(mutations("app/a.py", text, lines_of(text)), {"app/a.py": text})
    assert (mutant.before, changed) == ("a and b", "x = (\n    (a or b)\n)\n")


@pytest.mark.parametrize("text", ["def broken(:", "a = " + "(" * 300 + "1" + ")" * 300, "x = " + "-" * 50_000 + "1", "\0"])
def test_code_that_cannot_be_read_has_no_mutants(text: str) -> None:
    assert mutations("app/a.py", text, {1}) == () or not wrong(text)


def test_every_line_gets_a_mutant_before_any_gets_a_second_and_the_choice_is_the_same_again() -> None:
    text = "\n".join(f"a{number} = b == {number} and c == {number}" for number in range(1, 31))
    found, texts = mutations("app/a.py", text, lines_of(text)), {"app/a.py": text}
    picked = chosen(found, texts)
    assert len({mutant.line for mutant, _ in picked}) == len(picked) == 20
    assert picked == chosen(list(reversed(found)), texts)
    other = {"app/a.py": f"{text}\nb = 1"}
    assert [mutant for mutant, _ in picked] != [mutant for mutant, _ in chosen(found, other)]


@pytest.mark.parametrize(
    ("path", "is_app"),
    [
        ("app/main.py", True),
        ("main.py", True),
        ("tests/helpers.py", False),
        ("app/test_main.py", False),
        ("conftest.py", False),
        ("app/page.html", False),
        ("app/migrations/0001.py", False),
    ],
)
def test_only_the_apps_own_code_is_mutated(path: str, is_app: bool) -> None:
    assert is_mutable(path) is is_app


def mutant(number: int) -> Mutant:
    return Mutant(path="app/a.py", line=number, kind="number changed", before="1", after="2")


@pytest.mark.parametrize(
    ("fates", "blind"),
    [
        (["survived"] * 3, False),
        (["survived"] * 4, True),
        (["survived"] * 9 + ["killed"], False),
        (["survived"] * 10 + ["timed out"], True),
        (["not tried"] * 10 + ["survived"] * 3, False),
        (["killed"] * 4, False),
    ],
)
def test_tests_that_notice_next_to_nothing_prove_nothing(fates: Sequence[Fate], blind: bool) -> None:
    run = run_of([mutant(number) for number in range(len(fates))], dict(enumerate(fates)), 99, "", 10)
    assert run.blind is blind


def test_what_was_not_tried_is_said() -> None:
    run = run_of([mutant(1), mutant(2), mutant(3)], {0: "killed", 1: "survived"}, 7, "", 10)
    assert [survivor.line for survivor in run.survivors] == [2]
    assert run.sentence == "the tests notice 1 of 2 mutants of 7 possible ones (1 were not tried: the time was over)"
