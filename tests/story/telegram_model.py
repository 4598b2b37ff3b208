"""What the model says in the Telegram stories: one small app for each request, chosen by a word of its title."""

import json
import re
from typing import Any

from tests.fakes.messages_api import Answer, Asked, Fault, Hang, Say, use
from tests.story.telegram_talk import JUMPS, NEVER, TEA, is_talk, talk

SECRETS = {TEA: "TEA_TOKEN", JUMPS: "JUMP_TOKEN"}
"""What each app asks its person for: tea with its first change, jumps from the beginning."""

APP = """
from fastapi import FastAPI, Response

app = FastAPI()
well = True


@app.get("/health")
def health(response: Response) -> dict[str, str]:
    response.status_code = 200 if well else 500
    return {"status": "ok"}


@app.get("/word")
def word() -> dict[str, object]:
    {body}
"""
BREAKABLE = """

@app.post("/break")
def break_it() -> None:
    global well
    well = False
"""
TEST = """
from fastapi.testclient import TestClient

from app.main import app


def test_word():
    assert TestClient(app).get("/word").json()["word"] == "{word}"
"""


def answer(asked: Asked) -> Answer:
    """Play the role that asks."""
    if is_talk(asked):
        return talk(asked)
    said = json.dumps(asked.body["messages"], ensure_ascii=False)
    if "медлен" in said.lower():
        return Hang()
    title = JUMPS if "прыжк" in said else NEVER if "erpetu" in said else TEA
    match asked.role:
        case "architect":
            return _plan(said)
        case "developer":
            return _work(title, asked.turn, "Change the existing project" in said)
        case "reviewer":
            return Say([use("submit_review", findings=[])])
        case _:
            return Fault(400, "invalid_request_error", message=f"no such role {asked.role}")


def _plan(said: str) -> Answer:
    step = {"path": "/word", "expect_contains": ["word"]}
    number = 2 if re.search("can be broken|сломать", said) else 1  # ids of earlier ones are taken
    check = {"type": "http", "id": f"word-check-{number}", "covers": "word", "title": "the word is said", "steps": [step]}
    return Say(
        [
            use(
                "submit_plan",
                summary="One route.",
                files=[{"path": "app/main.py", "purpose": "the route"}],
                test_plan=["The word is said"],
                checks=[check],
            )
        ]
    )


def _work(title: str, turn: int, change: bool) -> Answer:
    """Write in even turns, hand in in odd ones; the word is wrong in two rounds, and that of the perpetuum always."""
    if turn % 2:
        return Say([use("finish", summary="The word is there.")])
    right = title != NEVER and (turn >= 4 or change)
    return Say([*_files(title, "word" if right else "wrong", change)])


def _files(title: str, word: str, change: bool) -> list[dict[str, Any]]:
    body, secret = f'return {{"word": "{word}"}}', SECRETS.get(title)
    if secret and (change or title == JUMPS):
        body = f'import os\n    return {{"word": "{word}", "known": len(os.environ.get("{secret}", ""))}}'
    app = APP.replace("{body}", body) + (BREAKABLE if change else "")
    files = [_file("app/main.py", app), _file("tests/test_word.py", TEST.replace("{word}", "word"))]
    if secret and (change or title == JUMPS):
        declared = f"grep -q {secret} .env.example || printf '# [user] Token of the app\\n{secret}=\\n' >> .env.example"
        files.append(use("bash", command=declared))
    return files


def _file(path: str, text: str) -> dict[str, Any]:
    return use("str_replace_based_edit_tool", command="create", path=path, file_text=text)
