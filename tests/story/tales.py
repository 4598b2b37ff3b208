"""What the stories ask for, and what the played model answers: a length converter, short links, hopeless cases."""

from collections.abc import Sequence

from tests.story.player import Block, Tale, brief, done, http_check, plan, ran, unseen, wrote

CONVERTER = '''"""Lengths, converted."""

from fastapi import FastAPI, HTTPException, Response

METRES = {{{units}}}
app = FastAPI()
paused = False


@app.get("/health")
def health(response: Response) -> dict[str, str]:
    response.status_code = 503 if paused else 200
    return {{"status": "paused" if paused else "ok"}}


@app.get("/convert")
def convert(value: float, unit: str, to: str) -> dict[str, float]:
    if unit not in METRES or to not in METRES:
        raise HTTPException(404, "no such unit")
    return {{"result": round(value * METRES[unit] / METRES[to], 6)}}


@app.get("/units")
def units() -> list[str]:
    return sorted(METRES)


{more}
'''
PAUSE = """@app.post("/pause")
def pause() -> None:
    global paused
    paused = True


@app.post("/spill")
def spill() -> None:
    METRES["m"] = 0.0
"""
CONVERTER_TESTS = """from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)


def test_unknown_units_are_refused() -> None:
    assert client.get("/convert", params={"value": 1, "unit": "parsec", "to": "m"}).status_code == 404
"""
CONVERTER_TEST = """

def test_{unit}s_are_converted() -> None:
    assert client.get("/convert", params={{"value": 2, "unit": "{unit}", "to": "m"}}).json() == {{"result": {result}}}
"""
IN_METRES = {"mile": 3218.688, "foot": 0.6096, "inch": 0.0508, "yard": 1.8288}
"""Two of each."""


def converter(units: str, more: str = "") -> Block:
    return wrote("app/main.py", CONVERTER.format(units=units, more=more).rstrip() + "\n")


def converter_tests(*units: str) -> Block:
    tests = (CONVERTER_TEST.format(unit=unit, result=IN_METRES[unit]) for unit in units)
    return wrote("tests/test_convert.py", CONVERTER_TESTS + "".join(tests))


def conversion(unit: str) -> tuple[Block, Block]:
    """Return the check that the developer sees, and one with another length."""
    result = IN_METRES[unit]
    shown = {"path": f"/convert?value=2&unit={unit}&to=m", "expect_json": {"result": result}}
    other = {"path": f"/convert?value=7&unit={unit}&to=m", "expect_json": {"result": round(result / 2 * 7, 6)}}
    return http_check(unit, shown), unseen(unit, other)


WANTED = {
    "mile": "When 2 miles are converted to metres, then the result is 3218.688",
    "unknown": "When an unknown unit is named, then the answer is 404",
}
FOOT = {"foot": "When 2 feet are converted to metres, then the result is 0.6096"}
INCH = {"inch": "When 2 inches are converted to metres, then the result is 0.0508"}
UNKNOWN = (
    http_check("unknown", {"path": "/convert?value=1&unit=parsec&to=m", "expect_status": 404}),
    unseen("unknown", {"path": "/convert?value=3&unit=m&to=fathom", "expect_status": 404}),
)

NEW = Tale(
    request="My grandmother sends me knitting patterns in odd measures. Give me something that turns lengths into metres.",
    brief=brief("Grandmother's lengths", "lengths", WANTED),
    plan=plan("One route.", *conversion("mile"), *UNKNOWN),
    steps=[
        [ran("ls -A && cat app/main.py")],
        [converter('"m": 1.0, "mile": 1600.0'), converter_tests("mile")],
        done("Lengths are converted; a mile has 1600 metres."),
        [converter('"m": 1.0, "mile": 1609.344')],
        done("A mile has 1609.344 metres now."),
    ],
)
BREAKING = Tale(
    request="Miles are for sailors. Throw them out and speak of feet.",
    brief=brief("Grandmother's lengths", "lengths", {**WANTED, **FOOT}),
    plan=plan("Feet take the place of miles.", *conversion("foot")),
    steps=[
        [converter('"m": 1.0, "foot": 0.3048'), converter_tests("foot")],
        done("Feet instead of miles.", dropped={"test_miles_are_converted": "There are no miles any more."}),
        done("Feet instead of miles, as I said.", dropped={"test_miles_are_converted": "There are no miles any more."}),
    ],
)
FEET = Tale(
    request="Please add feet, and keep the miles.",
    brief=brief("Grandmother's lengths", "lengths", {**WANTED, **FOOT}),
    plan=plan("Feet beside miles.", *conversion("foot")),
    steps=[
        [converter('"m": 1.0, "mile": 1609.344, "foot": 0.3048', PAUSE), converter_tests("mile", "foot")],
        done("Feet and miles."),
    ],
)
INCHES = Tale(
    request="Now inches too.",
    brief=brief("Grandmother's lengths", "lengths", {**WANTED, **FOOT, **INCH}),
    plan=plan("Inches beside the others.", *conversion("inch")),
    steps=[
        [
            converter('"m": 1.0, "mile": 1609.344, "foot": 0.3048, "inch": 0.0254', PAUSE),
            converter_tests("mile", "foot", "inch"),
        ],
        done("Inches, feet and miles."),
    ],
)
LINK_APP = '''"""Short links, kept in a file."""

import json
import os
from pathlib import Path

from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import RedirectResponse

app = FastAPI()


def book() -> Path:
    return Path(os.environ.get("DATA_DIR", ".")) / "links.json"


def links() -> dict[str, str]:
    return json.loads(book().read_text()) if book().exists() else {}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/links", status_code=201)
def shorten(url: str = Body(embed=True)) -> dict[str, str]:
    known = links()
    name = str(len(known) + 1)
    book().write_text(json.dumps({**known, name: url}))
    return {"name": name}


@app.get("/l/{name}")
def follow(name: str) -> RedirectResponse:
    if name not in links():
        raise HTTPException(404)
    return RedirectResponse(links()[name], 302)
'''
LINK_TESTS = """from fastapi.testclient import TestClient

from app.main import app


def test_a_link_leads_where_it_was_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    client = TestClient(app, follow_redirects=False)
    name = client.post("/links", json={"url": "http://there.example/"}).json()["name"]
    assert client.get(f"/l/{name}").headers["location"] == "http://there.example/"
    assert client.get("/l/none").status_code == 404
"""


def shortened(url: str) -> tuple[Block, Block]:
    asked = {"method": "POST", "path": "/links", "json_body": {"url": url}, "expect_status": 201, "save": {"name": "json:name"}}
    return asked, {"path": "/l/${name}", "expect_status": 302, "expect_headers": {"location": url}}


LINKS = Tale(
    request="Our choir's links are too long for the notice board. Make them short.",
    brief=brief("Short links", "links", {"follow": "When a link was shortened, then its short form leads there (302)"}),
    plan=plan(
        "Two routes and a file.",
        http_check("follow", *shortened("http://choir.example/notes")),
        unseen("follow", *shortened("http://choir.example/tenors?page=2")),
    ),
    steps=[
        [ran("echo once >>steps.txt")],
        [wrote("app/main.py", LINK_APP)],
        [wrote("tests/test_links.py", LINK_TESTS)],
        [ran("rm steps.txt; ls")],
        done("Links are short now."),
    ],
)


def hopeless(turn: int) -> Sequence[Block]:
    """Write, at each even turn, a test that fails in a new way."""
    if turn % 2:
        return done(f"Attempt {turn // 2 + 1}.")
    word = ("alpha", "beta", "gamma", "delta")[turn // 2]
    return [wrote("tests/test_luck.py", f'def test_luck() -> None:\n    assert "{word}" == "luck"\n')]


LUCK = Tale(
    request="Tell me each morning whether I shall be lucky.",
    brief=brief("Luck", "luck", {"up": "When the app is asked for its health, then it answers 200"}),
    plan=plan("A guess.", http_check("up", {"path": "/health"})),
    steps=hopeless,
)
STUBBORN = Tale(
    request="Count the birds in my garden, from what I type in.",
    brief=brief("Birds", "birds", {"up": "When the app is asked for its health, then it answers 200"}),
    plan=plan("A counter.", http_check("up", {"path": "/health"})),
    steps=[
        [wrote("tests/test_birds.py", "def test_birds() -> None:\n    assert 1 == 2\n")],
        done("Birds are counted."),
        done("Birds are counted, really."),
    ],
)
ADVICE = "A bird in the hand is one bird: one plus one is two."
ADVISED = Tale(
    request="Count the birds in my hand and in the bush.",
    brief=brief("Bush", "bush", {"up": "When the app is asked for its health, then it answers 200"}),
    plan=plan("A counter.", http_check("up", {"path": "/health"})),
    steps=[
        [ran("echo once >>visits.txt")],
        [wrote("tests/test_bush.py", "def test_bush() -> None:\n    assert 1 + 1 == 3\n")],
        done("Birds are counted."),
        done("Birds are counted, really."),
        [ran("mv tests/test_bush.py tests/test_hand.py; echo 'def test_hand(): assert 1 + 1 == 2' >tests/test_hand.py")],
        done("Birds are counted in another test."),
        [wrote("tests/test_bush.py", "def test_bush() -> None:\n    assert 1 + 1 == 2\n")],
        [ran("test $(wc -l <visits.txt) = 1 && rm visits.txt")],
        done("Birds are counted as the person said."),
    ],
)
RING = """

@app.get("/ring")
def ring() -> dict[str, bool]:
    return {"rings": True}
"""
RING_TEST = """from fastapi.testclient import TestClient

from app.main import app


def test_it_rings() -> None:
    assert TestClient(app).get("/ring").json() == {"rings": True}
"""
MEDDLING = Tale(
    request="Show me the phase of the moon.",
    brief=brief("Moon", "moon", {"up": "When the app is asked for its health, then it answers 200"}),
    plan=plan("A formula.", http_check("up", {"path": "/health"})),
    steps=[[ran("echo 'RUN true' >>Dockerfile")], done("A better Dockerfile."), done("It is better, believe me.")],
)
ENDLESS = Tale(
    request="Calculate all the digits of pi for my nephew.",
    brief=brief("Pi", "pi", {"up": "When the app is asked for its health, then it answers 200"}),
    plan=plan("All digits.", http_check("up", {"path": "/health"})),
    steps=[[ran("echo computing && sleep 118")], done()],
)
BELL = Tale(
    request="Ring when the soup is ready.",
    brief=brief("Soup bell", "bell", {"ring": "When the bell is rung, then it says that it rings"}),
    plan=plan(
        "One route.",
        http_check("ring", {"path": "/ring", "expect_json": {"rings": True}}),
        unseen("ring", {"path": "/ring?loud=1", "expect_json": {"rings": True}}),
    ),
    steps=[
        [ran("cat app/main.py")],
        [ran(f"cat >>app/main.py <<'EOF'\n{RING}EOF"), wrote("tests/test_ring.py", RING_TEST)],
        done("It rings."),
    ],
)
TALES = (NEW, BREAKING, FEET, INCHES, LINKS, LUCK, STUBBORN, ADVISED, MEDDLING, ENDLESS, BELL)
