"""What counts as the expected answer, and what is kept of it."""

from typing import Any

import pytest

from domain.checks import HttpStep
from domain.matching import HttpAnswer, NotThere, Saved, complaint, mismatch, substituted, taken, target, unsaved

JSON = HttpAnswer(
    status=201,
    headers={"location": "http://testserver/items/7?x=1#top", "content-type": "application/json"},
    body='{"id": 7, "tags": ["a", {"n": null}], "ok": true, "1": {"x": 2.5}}',
)


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ({}, {"a": 1}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": [1]}}, {"a": {"b": [1, 2], "c": 0}}),
        ([], []),
        ([{"n": 1}], [{"n": 1, "m": 2}, {}]),
        (1, 1.0),
        (None, None),
        ("", ""),
        (True, True),
    ],
)
def test_part_is_found(part: Any, whole: Any) -> None:
    assert mismatch(part, whole) is None


@pytest.mark.parametrize(
    ("part", "whole", "wanted"),
    [
        ({"a": 1}, {"b": 1}, "$.a is missing, expected 1"),
        ({"a": {"b": [1, 3]}}, {"a": {"b": [1, 2]}}, "$.a.b[1] is 2, expected 3"),
        ({"a": 1}, [1], "$ is [1], expected an object"),
        ([1], {"a": 1}, '$ is {"a": 1}, expected a list'),
        ([1, 2], [1], "$ has 1 item(s), expected at least 2"),
        ([], [1], "$ has 1 item(s), expected 0"),
        (True, 1, "$ is 1, expected true"),
        (0, False, "$ is false, expected 0"),
        ("1", 1, '$ is 1, expected "1"'),
        ({"a": None}, {}, "$.a is missing, expected nothing"),
        (None, 0, "$ is 0, expected nothing"),
    ],
)
def test_complaint_names_the_path(part: Any, whole: Any, wanted: str) -> None:
    assert mismatch(part, whole) == wanted


def test_complaint_cuts_what_is_long() -> None:
    assert len(mismatch("a", "b" * 10_000) or "") < 250


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        ({"expect_status": 200}, "status is 201, expected 200"),
        ({"expect_status": 201}, None),
        ({"expect_status": 201, "expect_headers": {"Location": "/items/7"}}, None),
        ({"expect_status": 201, "expect_headers": {"Content-Type": "Application/JSON"}}, None),
        ({"expect_status": 201, "expect_headers": {"X-No": "a"}}, 'header X-No is nothing, expected it to hold "a"'),
        ({"expect_status": 201, "expect_contains": ["tags", "zzz"]}, 'the body does not hold "zzz"'),
        ({"expect_status": 201, "expect_json": {"id": 8}}, "$.id is 7, expected 8"),
        ({"expect_status": 201, "expect_json": {"tags": ["a"]}}, None),
    ],
)
def test_answer_is_judged_by_status_headers_texts_and_json(expected: dict[str, Any], wanted: str | None) -> None:
    assert complaint(HttpStep(path="/", **expected), JSON) == wanted


def test_answer_that_is_no_json_is_said_so() -> None:
    assert complaint(HttpStep(path="/", expect_json={}), HttpAnswer(status=200, body="<html>")) == "the body is not JSON"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("status", 201),
        ("header:Location", "http://testserver/items/7?x=1#top"),
        ("json:id", 7),
        ("json:tags.0", "a"),
        ("json:tags.1.n", None),
        ("json:1.x", 2.5),
    ],
)
def test_value_is_taken_by_its_rule(rule: str, value: Any) -> None:
    assert taken(rule, JSON) == Saved(value=value)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("json:no", "the JSON answer has no 'no' to save: 'no' is missing"),
        ("json:tags.9", "the JSON answer has no 'tags.9' to save: '9' is missing"),
        ("json:tags.-1", "the JSON answer has no 'tags.-1' to save: '-1' is missing"),
        ("json:id.x", "the JSON answer has no 'id.x' to save: 'x' is missing"),
        ("header:x-no", "there is no header 'x-no' to save"),
        ("body", "'body' is no place to save from: use json:a.0.b, header:location or status"),
    ],
)
def test_value_that_is_not_there_is_a_complaint(rule: str, wanted: str) -> None:
    assert taken(rule, JSON) == NotThere(complaint=wanted)


def test_saved_values_go_into_path_headers_bodies_and_expectations() -> None:
    step = HttpStep(
        method="PUT",
        path="/items/${id}?t=${t}",
        headers={"X-Token": "Bearer ${t}"},
        json_body={"id": "${id}", "text": "no ${id}", "list": ["${id}"]},
        expect_json={"id": "${id}"},
        expect_contains=("item ${id}",),
        save={"${id}": "json:id"},
    )

    done = substituted(step, {"id": 7, "t": "a b"})

    assert done.path == "/items/7?t=a b"
    assert done.headers == {"X-Token": "Bearer a b"}
    assert done.json_body == {"id": 7, "text": "no 7", "list": [7]}
    assert done.expect_json == {"id": 7}
    assert done.expect_contains == ("item 7",)
    assert done.save == step.save


def test_names_that_nobody_saved_are_found_before_asking() -> None:
    step = HttpStep(path="/${a}", body="${b} $c ${}", expect_contains=("${d}",))

    assert unsaved(step, {"a": 1}) == ("b", "d")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/a?b=1", "/a?b=1"),
        ("http://localhost:8000/items/7?x=1#top", "/items/7?x=1"),
        ("https://evil.example", "/"),
        ("//evil.example/x", "//evil.example/x"),
        ("items/3", "/items/3"),
        ("/a#b", "/a"),
    ],
)
def test_location_never_leads_out_of_the_app(path: str, wanted: str) -> None:
    assert target(path) == wanted
