"""A guest book with a Redis and a table of its own, and what the played model answers."""

from tests.story.player import Block, Tale, brief, done, http_check, plan, ran, unseen, wrote

GUESTS_APP = '''"""A guest book that is kept in a Redis."""

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Body, FastAPI

app = FastAPI()


def asked(*words: str) -> list[str]:
    """Say one command to the Redis, after the password, and return the lines of the answer."""
    place = urlsplit(os.environ["REDIS_URL"])
    with socket.create_connection((place.hostname, place.port), 5) as link:
        for said in (["AUTH", place.password], words, ["QUIT"]):
            link.sendall(b"*%d\\r\\n" % len(said) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(w), w.encode()) for w in said))
        return link.makefile().read().split("\\n")[1:-2]


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/guests", status_code=201)
def sign(name: str = Body(embed=True)) -> dict[str, str]:
    asked("RPUSH", "guests", name)
    return {"name": name}


@app.get("/guests")
def guests() -> list[str]:
    return asked("LRANGE", "guests", "0", "-1")[2::2]


def book(statement: str, *values: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(Path(os.environ["DATA_DIR"]) / "book.db")) as found, found:
        return found.execute(statement, values).fetchall()


@app.post("/wishes", status_code=201)
def wish(guest: str = Body(), wish: str = Body()) -> dict[str, str]:
    book("INSERT INTO wishes VALUES (?, ?)", guest, wish)
    return {"wish": wish}


@app.get("/wishes")
def wishes() -> list[str]:
    return [wish for (wish,) in book("SELECT wish FROM wishes")]
'''
MIGRATION = '''"""Make the table of wishes."""

from app.main import book

book("CREATE TABLE IF NOT EXISTS wishes (guest TEXT, wish TEXT)")
if book("SELECT * FROM wishes WHERE guest = ''"):
    raise SystemExit("a wish without a guest: nobody knows whose it is")
'''
RENAMING = '''"""Call wishes hopes."""

from app.main import book

book("CREATE TABLE IF NOT EXISTS wishes (guest TEXT, wish TEXT)")
if not book("SELECT * FROM pragma_table_info('wishes') WHERE name = 'hope'"):
    book("ALTER TABLE wishes RENAME COLUMN wish TO hope")
'''
GUESTS_TESTS = """from fastapi.testclient import TestClient

from app import main


def test_who_signs_is_in_the_book(monkeypatch) -> None:
    book = []
    monkeypatch.setattr(main, "asked", lambda *said: book.append(said[-1]) if said[0] == "RPUSH" else ["*1", "$3", *book])
    client = TestClient(main.app)
    assert client.post("/guests", json={"name": "Ada"}).status_code == 201
    assert client.get("/guests").json() == ["Ada"]
"""
HOPES_TEST = """

def test_wishes_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    from app import migrate

    client = TestClient(main.app)
    assert migrate
    assert client.post("/wishes", json={"guest": "Ada", "wish": "snow"}).status_code == 201
    assert client.get("/wishes").json() == ["snow"]
"""


def signed(name: str) -> list[Block]:
    post = {"method": "POST", "path": "/guests", "json_body": {"name": name}, "expect_status": 201}
    return [post, {"path": "/guests", "expect_contains": [name]}]


def wished(wish: str) -> list[Block]:
    post = {"method": "POST", "path": "/wishes", "json_body": {"guest": "Ada", "wish": wish}, "expect_status": 201}
    return [post, {"path": "/wishes", "expect_contains": [wish]}]


HOPED = {"hope": "When a guest wishes something, then the book shows it"}
GUESTS = Tale(
    request="A guest book for our hut that keeps its names in a Redis.",
    brief=brief("Guest book", "guests", {"sign": "When somebody signs, then the book shows the name"}),
    plan={**plan("Two routes.", http_check("sign", *signed("Ada")), unseen("sign", *signed("Bea"))), "addons": ["redis"]},
    steps=[
        [wrote("app/main.py", GUESTS_APP), wrote("tests/test_guests.py", GUESTS_TESTS)],
        [ran("printf '%s\\n' '# [infra] Signs the visitors in' SESSION_SECRET= >>.env.example")],
        [wrote("app/migrate.py", MIGRATION), ran("echo 'release: python -m app.migrate' >>Procfile")],
        done("The book is there."),
    ],
)
HOPES = Tale(
    request="Call the wishes hopes in the guest book.",
    brief=brief("Guest book", "guests", {"sign": "When somebody signs, then the book shows the name", **HOPED}),
    plan=plan("A column.", http_check("hope", *wished("snow")), unseen("hope", *wished("sun"))),
    steps=[
        [wrote("app/migrate.py", RENAMING), ran("sed -i 's/SELECT wish FROM/SELECT hope FROM/' app/main.py")],
        [ran(f"cat >>tests/test_guests.py <<'EOF'\n{HOPES_TEST}EOF")],
        done("Wishes are hopes."),
    ],
)
TALES = (GUESTS, HOPES)
