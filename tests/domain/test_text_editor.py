import pytest
from pydantic import TypeAdapter, ValidationError

from domain.text_editor import EditorCall, EditRefused, Insert, inserted, path_inside, replaced, snippet, viewed

CALL: TypeAdapter[EditorCall] = TypeAdapter(EditorCall)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("app/main.py", "/data/w1/app/main.py"),
        ("./app/../x", "/data/w1/x"),
        (".", "/data/w1"),
        ("/data/w1", "/data/w1"),
        ("/data/w1/x", "/data/w1/x"),
        ("/workspace", "/data/w1"),
        ("/workspace/app/main.py", "/data/w1/app/main.py"),
        ("/workspace/a/../b", "/data/w1/b"),
    ],
)
def test_paths_in_the_workspace_are_found(path: str, real: str) -> None:
    assert path_inside(path, "/data/w1") == real


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "/data/w10/x", "/workspace/../etc/passwd", "/workspaces/x", "/"]
)
def test_paths_outside_the_workspace_are_refused(path: str) -> None:
    with pytest.raises(EditRefused, match="lies outside the workspace /data/w1"):
        path_inside(path, "/data/w1")


def test_a_view_numbers_the_lines() -> None:
    assert viewed("a\nb\n") == "     1\ta\n     2\tb\n"


@pytest.mark.parametrize(("chosen", "seen"), [((2, 3), "23"), ((3, -1), "34"), ((4, 4), "4"), ((3, 99), "34")])
def test_a_range_shows_those_lines(chosen: tuple[int, int], seen: str) -> None:
    assert [line.split("\t")[0].strip() for line in viewed("a\nb\nc\nd\n", chosen).splitlines()] == list(seen)


@pytest.mark.parametrize("chosen", [(0, 2), (5, 6), (3, 2), (-1, 2)])
def test_a_range_that_does_not_fit_says_how_long_the_file_is(chosen: tuple[int, int]) -> None:
    with pytest.raises(EditRefused, match="the file has 4 lines"):
        viewed("a\nb\nc\nd\n", chosen)


def test_a_unique_text_is_replaced_and_its_line_known() -> None:
    assert replaced("a\nold\nc\n", "old", "new\nlines") == ("a\nnew\nlines\nc\n", 2)


def test_a_text_that_is_not_there_is_refused() -> None:
    with pytest.raises(EditRefused, match=r"does not stand in the file exactly as given: nothing was replaced.*copy the text$"):
        replaced("a\nb\n", "zzz", "new")


def test_a_replacement_that_was_made_already_is_recognised() -> None:
    with pytest.raises(EditRefused, match=r"new_str stands at line 2 already"):
        replaced("a\nnew\n", "old", "new")


def test_a_text_that_stands_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(EditRefused, match="stands 2 times, at lines 1, 3"):
        replaced("x = 1\ny\nx = 1\n", "x = 1", "x = 2")


def test_overlapping_places_count_as_several() -> None:
    with pytest.raises(EditRefused, match="stands 2 times"):
        replaced("aaa", "aa", "b")


def test_an_empty_text_to_replace_is_refused() -> None:
    with pytest.raises(EditRefused, match="old_str is empty"):
        replaced("a", "", "b")


def test_windows_line_ends_are_kept() -> None:
    assert replaced("a\r\nb\r\nc\r\n", "a\nb", "x\ny") == ("x\r\ny\r\nc\r\n", 1)


@pytest.mark.parametrize(
    ("text", "line", "new", "after"),
    [
        ("a\nb\n", 0, "x\n", "x\na\nb\n"),
        ("a\nb\n", 1, "x", "a\nx\nb\n"),
        ("a\nb\n", 2, "x", "a\nb\nx"),
        ("a", 1, "x", "a\nx"),
        ("", 0, "x", "x"),
    ],
)
def test_text_is_inserted_after_the_line(text: str, line: int, new: str, after: str) -> None:
    assert inserted(text, line, new) == after


@pytest.mark.parametrize("line", [-1, 3])
def test_an_insert_past_the_file_is_refused(line: int) -> None:
    with pytest.raises(EditRefused, match="the file has 2 lines"):
        inserted("a\nb\n", line, "x")


def test_a_snippet_shows_the_lines_around_the_change() -> None:
    text = "\n".join(str(number) for number in range(1, 21))
    assert [line.split("\t")[1] for line in snippet(text, 10, "10\n11").splitlines()] == [str(n) for n in range(6, 16)]


def test_unused_fields_of_a_call_are_ignored() -> None:
    call = CALL.validate_python({"command": "insert", "path": "a", "insert_line": 0, "insert_text": "x", "view_range": None})
    assert isinstance(call, Insert)


@pytest.mark.parametrize(
    "given", [{}, {"command": "undo_edit", "path": "a"}, {"command": "create", "path": "a"}, {"command": "view"}]
)
def test_calls_that_lack_something_do_not_validate(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CALL.validate_python(given)
