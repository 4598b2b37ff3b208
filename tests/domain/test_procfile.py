"""The Procfile's lines, and which one is the developer's."""

import pytest

from domain.procfile import process_line, with_release_of, without_release

PROCFILE = "web: serve --port $PORT\nrelease:   python -m app.migrate \nworker: a: b\n# web2: no\n"


@pytest.mark.parametrize(
    ("process", "line"),
    [("web", "serve --port $PORT"), ("release", "python -m app.migrate"), ("worker", "a: b"), ("web2", ""), ("bot", "")],
)
def test_line_of_a_process_type(process: str, line: str) -> None:
    assert process_line(PROCFILE, process) == line


def test_first_of_two_lines_counts_and_an_empty_one_is_none() -> None:
    assert process_line("web:\nweb: a\nweb: b\n", "web") == "a"


@pytest.mark.parametrize(
    ("changed", "merged"),
    [
        ("web: evil\nrelease: migrate\n", "web: serve\nrelease: migrate\n"),
        ("web: serve\n", "web: serve\n"),
        ("", "web: serve\n"),
        ("release: one\nrelease: two\n", "web: serve\nrelease: one\n"),
    ],
)
def test_only_the_release_line_is_taken_from_a_change(changed: str, merged: str) -> None:
    assert with_release_of("web: serve\nrelease: old\n", changed) == merged


def test_what_is_left_is_the_platforms() -> None:
    assert without_release("web: serve\nrelease: x") == without_release("web: serve\n") == "web: serve\n"
