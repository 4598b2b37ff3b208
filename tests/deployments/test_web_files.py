"""Files that come with a form of the page: as the bot takes them, and refused as there."""

import gc
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deployments.api.gate import BODY_LIMIT
from deployments.desk.allowances import Allowances
from domain.allowances import Limits as PersonLimits
from domain.attachments import Limits
from tests.deployments.api_bench import BOB, Api, api_in
from tests.deployments.web_bench import signed_in, token_in

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 100
TEXT = b"Assam, Darjeeling, Keemun"
KEY = b"aws_secret_access_key = AKIAIOSFODNN7EXAMPLE/wJalrXUtnFEMI/K7MDENG\nAKIAIOSFODNN7EXAMPLE"
CHANGES = "/projects/notes/changes"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        yield bench


@pytest.fixture
async def ann(api: Api) -> httpx.AsyncClient:
    return await signed_in(api)


async def send(visitor: httpx.AsyncClient, path: str, *files: tuple[str, bytes], once: str = "1") -> httpx.Response:
    data = {"form": await token_in(visitor), "once": once, "text": "Show these teas"}
    return await visitor.post(path, data=data, files=[("files", file) for file in files])


async def test_files_go_to_the_run_that_they_came_for_once(api: Api, ann: httpx.AsyncClient) -> None:
    chosen = (("teas.txt", TEXT), ("../../leaf.png", PICTURE))
    first, second = [await send(ann, CHANGES, *chosen) for _ in range(2)]
    assert (first.status_code, first.headers["Location"]) == (303, second.headers["Location"])
    given = api.desk.given[first.headers["Location"].removeprefix("/runs/")]
    assert [(each.name, each.kind, each.bytes) for each in given] == [("teas.txt", "text", 25), ("leaf.png", "photo", 108)]
    assert await api.desk.attachments.content(given[0]) == TEXT
    await send(ann, "/projects", ("teas.txt", TEXT), once="2")
    assert [len(each) for each in api.desk.given.values()] == [2, 1]
    other = await send(ann, CHANGES, ("cups.txt", TEXT))
    assert other.status_code == 422  # the same form with another file is another wish


async def test_form_without_a_file_is_what_a_browser_sends_with_none_chosen(api: Api, ann: httpx.AsyncClient) -> None:
    assert (await send(ann, CHANGES, ("", b""))).status_code == 303
    assert [*api.desk.given.values()] == [()]


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ([("keys.txt", KEY)], 409, "keys.txt"),
        ([("odd.bin", b"\x00\xff\xfe")], 409, "odd.bin"),
        ([("empty.txt", b"")], 409, "empty.txt"),
        ([(f"{number}.txt", f"tea {number}".encode()) for number in range(11)], 409, "10.txt"),
        ([(f"{number}.txt", b"tea") for number in range(12)], 422, ""),
    ],
)
async def test_file_that_is_not_taken_begins_nothing_and_keeps_what_was_typed(
    api: Api, ann: httpx.AsyncClient, files: list[tuple[str, bytes]], status: int, words: str
) -> None:
    refused = await send(ann, CHANGES, *files)
    assert (refused.status_code, words in refused.text) == (status, True), refused.text
    assert b"AKIA" not in refused.content
    assert (status == 422) or ">Show these teas</textarea>" in refused.text
    assert api.desk.proposed == []


async def test_only_who_has_signed_in_sends_more_than_a_form_and_nobody_more_than_the_limit(
    api: Api,
) -> None:
    api.house = replace(api.house, files=Limits(megabytes=1))
    ann = await signed_in(api)
    large = ("teas.txt", b"t" * (BODY_LIMIT * 2))
    assert (await send(ann, CHANGES, large)).status_code == 303
    too_much = await send(ann, CHANGES, ("teas.txt", b"t" * 2_000_000), once="2")
    assert (too_much.status_code, "That is too much at once" in too_much.text) == (413, True)
    assert (await send(ann, "/projects/notes/domains", large, once="3")).status_code == 413
    keyed = await api.ask(
        "POST", CHANGES, data={"text": "x"}, files={"files": large}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert keyed.status_code == 413
    other = await signed_in(api, BOB)
    assert (await send(other, CHANGES, large)).status_code == 404
    evil = {"Sec-Fetch-Site": "cross-site"}
    data = {"form": await token_in(ann), "once": "4", "text": "x"}
    assert (await ann.post(CHANGES, data=data, files={"files": large}, headers=evil)).status_code == 403
    assert len(api.desk.proposed) == 1


async def test_files_of_whom_a_limit_keeps_out_are_not_kept(api: Api, tmp_path: Path) -> None:
    api.house = replace(api.house, allowances=Allowances(api.registry, api.desk.wakeups, PersonLimits(runs=1)))
    ann = await signed_in(api)
    refused = await send(ann, CHANGES, ("teas.txt", TEXT))
    assert (refused.status_code, ">Show these teas</textarea>" in refused.text) == (429, True)
    assert [each for each in (tmp_path / "attachments").rglob("*") if each.is_file()] == []


async def test_files_of_a_form_that_is_refused_are_closed_at_once(api: Api, ann: httpx.AsyncClient) -> None:
    large, form = ("files", ("teas.txt", b"t" * 2_000_000)), await token_in(ann)
    gc.collect()
    gc.disable()
    try:
        before = unnamed_files()
        for path, token, status in ((CHANGES, "0" * 64, 403), ("/projects/ghost/changes", form, 404)):
            refused = await ann.post(path, data={"form": token, "once": "1", "text": "x"}, files=[large])
            assert (refused.status_code, unnamed_files() - before) == (status, set()), path
    finally:
        gc.enable()


def unnamed_files() -> set[str]:
    """Return the files without a name that this process has open, as it has of what is uploaded."""
    return {at for each in Path("/proc/self/fd").iterdir() if each.is_symlink() and "(deleted)" in (at := os.readlink(each))}
