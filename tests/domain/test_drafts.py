"""What is shown of an answer while it is written."""

import json

import pytest

from domain.drafts import Deed, deed_in, reply_in
from domain.writing import Draft, DraftCall


def draft(*calls: tuple[str, str]) -> Draft:
    return Draft(calls=tuple(DraftCall(name=name, input=written) for name, written in calls))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("{", ""),
        ('{"te', ""),
        ('{"text', ""),
        ('{"text": ', ""),
        ('{"text": "', ""),
        ('{"text": "A tea ti', "A tea ti"),
        ('{"text": "one\\ntwo\\', "one\ntwo"),
        ('{"text": "wave \\ud83d', "wave "),
        ('{"text": "wave \\ud83d\\udc4b', "wave 👋"),
        ('{"text": "Which?", "questions": ["Green te', "Which?\n\n❓ Green te"),
        ('{"questions": ["First?"], "text": "Tell me', "❓ First?\n\nTell me"),  # what may be half a secret stands last
        ('{"text": 7, "questions": "none"}', ""),
        ("[1, 2", ""),
        ("no JSON", ""),
    ],
)
def test_reply_is_read_as_far_as_it_is_written(written: str, shown: str) -> None:
    assert reply_in(draft(("status", "{}"), ("reply", written))) == shown


def test_every_beginning_of_a_reply_shows_a_beginning_of_its_words() -> None:
    said = 'Grün "tea" \\ for <you> & 👋🏽, שלום\n\nEnd.'
    whole = json.dumps({"text": said})
    shown = [reply_in(draft(("reply", whole[:place]))) for place in range(len(whole) + 1)]
    assert all(said.startswith(part) for part in shown)
    assert shown[-1] == said
    assert len(set(shown)) > 20


@pytest.mark.parametrize(
    ("calls", "deed"),
    [
        ((), None),
        ((("reply", '{"text": "x"}'),), None),
        ((("status", '{"project": "tea-ti'),), Deed(tool="status", project="tea-ti")),
        ((("inspect_project", '{"project": "tea"}'), ("list_projects", "")), Deed(tool="list_projects")),
        ((("status", '{"project": null}'), ("reply", "")), Deed(tool="status")),
    ],
)
def test_last_call_but_the_reply_is_what_is_being_done(calls: tuple[tuple[str, str], ...], deed: Deed | None) -> None:
    assert deed_in(draft(*calls)) == deed
