"""What the Product Owner says in the Telegram stories: it asks, proposes, builds, takes back; in the person's language."""

import re
from collections.abc import Iterable
from typing import Any

from tests.fakes.messages_api import Answer, Asked, Hang, Say, use

TEA, JUMPS, NEVER, SLOW = "Tea <Timer> & Co", "Счётчик прыжков", "Perpetuum mobile", "Медленный сервис"
"""Titles, and what each story is: a whole day in English, the same in Russian, never green, never answered."""

SLUGS = {TEA: "tea-timer", JUMPS: "jumps", NEVER: "perpetuum", SLOW: "slow"}
QUESTIONS = ("Which colour?", "For how many cups?")
RUSSIAN_QUESTIONS = ("Считать по дням?",)
SHALL_I, BEGUN, GOES_BACK = "Shall I build it?", "It is begun.", "It goes back."
AFTER = {"propose": (SHALL_I, "Сделать это?"), "start": (BEGUN, "Начинаю."), "rollback": (GOES_BACK, "Возвращаю.")}
"""What is replied after a tool was called, in English and in Russian."""

REMARK = re.compile(r"<remark>\n(.*?)\n</remark>", re.S)


def is_talk(asked: Asked) -> bool:
    """Tell whether this is a turn of the dialogue."""
    return any(tool["name"] == "reply" for tool in asked.body.get("tools", []))


def talk(asked: Asked) -> Answer:
    """Answer the last thing that was said, or what a tool brought."""
    if not (heard := _heard(asked.last_blocks)):
        return Say([use("reply", text=_after(asked))])
    said = heard[-1].lower()
    if "молчун" in said:
        return Hang()
    if said in ("yes", "да"):
        return Say([use("start")])
    if "take it back" in said:
        return Say([use("rollback", project=SLUGS[TEA], why="its person wants the version before")])
    if "скакалк" in said:
        return Say([use("reply", text="С удовольствием.", questions=list(RUSSIAN_QUESTIONS))])
    if "biscuits" in said:
        return Say([use("reply", text="A timer for tea, gladly.", questions=list(QUESTIONS))])
    return _proposal(heard[-1])


def _heard(blocks: Iterable[dict[str, Any]]) -> list[str]:
    return REMARK.findall("\n".join(block.get("text", "") for block in blocks))


def _after(asked: Asked) -> str:
    """Say what comes of the tool that was called, in the language of what was said last."""
    messages = [message for message in asked.body["messages"] if not isinstance(message["content"], str)]
    last = _heard(block for message in messages for block in message["content"])[-1]
    [called] = [block["name"] for block in messages[-2]["content"] if block["type"] == "tool_use"]
    return AFTER[called][bool(re.search("[а-я]", last.lower()))]


def _proposal(said: str) -> Answer:
    """Propose what was wished: a change where something that there is must be different."""
    title, change = _title(said), bool(re.search("timer|сломать", said))
    brief = brief_of(f"{title} 2" if change else title, SLUGS[title], "en" if title in (TEA, NEVER) else "ru")
    project = {"project": SLUGS[title]} if change else {}
    return Say([use("propose", request=said, brief=brief, **project)])


def _title(said: str) -> str:
    if "прыжк" in said:
        return JUMPS
    if "медлен" in said.lower():
        return SLOW
    return NEVER if "erpetu" in said else TEA


def brief_of(title: str, slug: str, language: str) -> dict[str, Any]:
    """Return the Brief of an app that says one word."""
    check = {
        "en": "When /word is asked, then it says <b>the word</b> & nothing else",
        "ru": "Когда спрашивают /word, он отвечает словом",
    }[language]
    return {
        "title": title,
        "slug": slug,
        "kind": "web-service",
        "language": language,
        "summary": "One word, over HTTP." if language == "en" else "Одно слово по HTTP.",
        "stories": ["As a person I ask for the word"],
        "checks": [{"id": "word", "text": check}],
    }
