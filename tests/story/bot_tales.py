"""A shopping list in a chat: built, changed, and changed so that it cannot read what it has kept."""

from tests.story.player import Block, Tale, brief, done, plan, wrote

BOT = '''"""A shopping list for each chat."""

import json
import os
from pathlib import Path

from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes, MessageHandler, filters


def file_of(update: Update) -> Path:
    return Path(os.environ["DATA_DIR"], f"{update.effective_chat.id}.txt")


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.effective_message.reply_text("Send me what to buy.")


async def keep(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    with file_of(update).open("a") as file:
        file.write(update.effective_message.text + "\\n")
    await update.effective_message.reply_text(f"Kept: {update.effective_message.text}")

{more}
'''
COUNT = """
async def count(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    number = len(file_of(update).read_text().splitlines()) if file_of(update).exists() else 0
    await update.effective_message.reply_text(f"Things to buy: {number}")

"""
PREPARED = """
async def started(application: Application) -> None:
    Path(os.environ["DATA_DIR"]).mkdir(parents=True, exist_ok=True)
"""
FUSSY = """    for file in Path(os.environ["DATA_DIR"]).glob("*.txt"):
        json.loads(file.read_text())
"""
HANDLERS = """

def add_handlers(application: Application) -> None:
    application.add_handler(CommandHandler("start", start))
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, keep))
"""
COUNTED = """    application.add_handler(CommandHandler("count", count))
"""
TESTS = """from pathlib import Path

from tests.talk import Talk


def test_start_says_what_to_do(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        assert talk.says("/start") == ["Send me what to buy."]


def test_things_are_kept(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        assert talk.says("milk") == ["Kept: milk"]
"""
COUNT_TEST = """

def test_things_are_counted(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        assert talk.says("/count") == ["Things to buy: 0"]
        talk.says("milk")
        assert talk.says("/count") == ["Things to buy: 1"]
"""


def bot(more: str) -> Block:
    return wrote("app/bot.py", BOT.replace("{more}", more.rstrip()))


def chat_check(covers: str, *turns: tuple[str, str], unseen: bool = False) -> Block:
    asked = [{"says": says, "expect_contains": [answer]} for says, answer in turns]
    name = f"{covers}-{'unseen' if unseen else 'chat'}"
    return {"type": "chat", "id": name, "covers": covers, "title": covers, "turns": asked, "unseen": unseen}


KEEPS = {"keep": "When somebody writes milk after /start, then the bot says that it has kept it"}
COUNTS = {"count": "When somebody asks for the number, then the bot says how many things are kept"}

LIST = Tale(
    request="My husband forgets the milk. A bot shall keep what we are to buy.",
    brief=brief("Shopping list", "shopping", KEEPS, kind="telegram-bot"),
    plan=plan(
        "Two handlers.",
        chat_check("keep", ("milk", "Kept: milk")),
        chat_check("keep", ("12 eggs", "Kept: 12 eggs"), unseen=True),
    ),
    steps=[[bot(PREPARED + HANDLERS), wrote("tests/test_bot.py", TESTS)], done("It keeps what you write.")],
)
COUNTING = Tale(
    request="The bot shall say how many things are on the list.",
    brief=brief("Shopping list", "shopping", {**KEEPS, **COUNTS}, kind="telegram-bot"),
    plan=plan(
        "One handler more.",
        chat_check("count", ("bread", "Kept"), ("/count", "buy: 1")),
        chat_check("count", ("jam", "Kept"), ("tea", "Kept"), ("/count", "buy: 2"), unseen=True),
    ),
    steps=[
        [bot(COUNT + PREPARED + HANDLERS + COUNTED), wrote("tests/test_bot.py", TESTS + COUNT_TEST)],
        done("It counts."),
    ],
)
FORGETFUL = Tale(
    request="Tidy the code up, please.",
    brief=brief("Shopping list", "shopping", KEEPS, kind="telegram-bot"),
    plan=plan("JSON instead of lines.", chat_check("keep", ("/start", "what to buy")) | {"id": "keep-start"}),
    steps=[[bot(PREPARED + FUSSY + HANDLERS)], done("Tidied up.")],
)
TALES = (LIST, COUNTING, FORGETFUL)
