"""The Bot API's methods on the state of a small Telegram: people, their chats, messages and pending updates."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram_html import HtmlRefused, parse, units

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
REACTIONS = frozenset("👍👎❤🔥🥰👏😁🤔🤯😱🎉🤩🙏👌🕊🤡🥱👀🍾💯⚡🏆💔😴🤓👻🙈🤝✍🤗🫡😎")


class Refused(Exception):
    """An answer with `ok: false`: (error code, description, parameters)."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(code, description, parameters)


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


@dataclass
class Button:
    """One inline button as the person sees it."""

    label: str
    data: str
    chat: int
    message: int


@dataclass
class Message:
    """One message as it stands now; `versions` are the texts it had, oldest first."""

    id: int
    chat: int
    by_bot: bool
    text: str
    entities: list[dict[str, Any]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    reaction: str = ""
    deleted: bool = False


@dataclass
class Person:
    id: int
    language: str = "en"
    blocked: bool = False
    actions: list[str] = field(default_factory=list)


class Methods:
    """Fulfil each Bot API method by its name; raise Refused as the real server would answer."""

    def __init__(self) -> None:
        self.people: dict[int, Person] = {}
        self.sent: dict[int, Message] = {}
        self.updates: list[dict[str, Any]] = []
        self.queries: dict[str, str | None] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.files: dict[str, bytes] = {}
        self.webhook: dict[str, Any] = {}
        self.next_message = 100
        self.next_update = 700_000

    def getMe(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": 42, "is_bot": True, "first_name": "Slipway", "username": "slipway_test_bot",
            "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
        }  # fmt: skip

    def sendMessage(self, call: dict[str, Any]) -> dict[str, Any]:
        person = self.chat(call)
        text, entities = self.content(call)
        message = Message(self.new_id(), person.id, by_bot=True, text=text, entities=entities, versions=[text])
        message.buttons = self.keyboard(call, message)
        self.sent[message.id] = message
        return self.shown(message)

    def editMessageText(self, call: dict[str, Any]) -> dict[str, Any]:
        message = self.own(call, "edit")
        text, entities = self.content(call)
        buttons = self.keyboard(call, message)
        if (text, entities, buttons) == (message.text, message.entities, message.buttons):
            raise bad(NOT_MODIFIED)
        message.text, message.entities, message.buttons = text, entities, buttons
        message.versions.append(text)
        return self.shown(message)

    def editMessageReplyMarkup(self, call: dict[str, Any]) -> dict[str, Any]:
        message = self.own(call, "edit")
        buttons = self.keyboard(call, message)
        if buttons == message.buttons:
            raise bad(NOT_MODIFIED)
        message.buttons = buttons
        return self.shown(message)

    def deleteMessage(self, call: dict[str, Any]) -> bool:
        self.found(call, "delete").deleted = True
        return True

    def answerCallbackQuery(self, call: dict[str, Any]) -> bool:
        query = str(call.get("callback_query_id"))
        if self.queries.get(query, "") is not None:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.queries[query] = str(call.get("text", ""))
        return True

    def sendChatAction(self, call: dict[str, Any]) -> bool:
        if call.get("action") not in ("typing", "upload_photo", "upload_document"):
            raise bad("wrong parameter action in request")
        self.chat(call).actions.append(call["action"])
        return True

    def setMessageReaction(self, call: dict[str, Any]) -> bool:
        message = self.found(call, "react")
        wanted = [reaction.get("emoji", "custom") for reaction in json.loads(call.get("reaction", "[]"))]
        if not set(wanted) <= REACTIONS:
            raise bad("REACTION_INVALID")
        message.reaction = "".join(wanted[:1])
        return True

    def setMyCommands(self, call: dict[str, Any]) -> bool:
        commands = json.loads(call["commands"])
        if any(not c["command"].isascii() or c["command"] != c["command"].lower() for c in commands):
            raise bad("BOT_COMMAND_INVALID")
        self.commands[call.get("language_code", "")] = commands
        return True

    def getFile(self, call: dict[str, Any]) -> dict[str, Any]:
        name = str(call.get("file_id"))
        if name not in self.files:
            raise bad("wrong file_id or the file is temporarily unavailable")
        return {"file_id": name, "file_unique_id": name, "file_size": len(self.files[name]), "file_path": f"documents/{name}"}

    def setWebhook(self, call: dict[str, Any]) -> bool:
        if call.get("url") and not str(call["url"]).startswith("http"):
            raise bad("bad webhook: invalid URL specified")
        self.webhook = {"url": call["url"], "secret": call.get("secret_token", "")} if call.get("url") else {}
        self.drop(call)
        return True

    def deleteWebhook(self, call: dict[str, Any]) -> bool:
        self.webhook = {}
        self.drop(call)
        return True

    def getWebhookInfo(self, _: dict[str, Any]) -> dict[str, Any]:
        error = {key: self.webhook[key] for key in ("last_error_date", "last_error_message") if key in self.webhook}
        return {
            "url": self.webhook.get("url", ""), "has_custom_certificate": False,
            "pending_update_count": len(self.updates), **error,
        }  # fmt: skip

    def drop(self, call: dict[str, Any]) -> None:
        if str(call.get("drop_pending_updates", "")).lower() == "true":
            self.updates.clear()

    def new_id(self) -> int:
        self.next_message += 1
        return self.next_message

    def chat(self, call: dict[str, Any]) -> Person:
        person = self.people.get(int(call.get("chat_id", 0)))
        if person is None:
            raise bad("chat not found")
        if person.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return person

    def found(self, call: dict[str, Any], verb: str) -> Message:
        person, message = self.chat(call), self.sent.get(int(call.get("message_id", 0)))
        if message is None or message.deleted or message.chat != person.id:
            raise bad(f"message to {verb} not found")
        return message

    def own(self, call: dict[str, Any], verb: str) -> Message:
        message = self.found(call, verb)
        if not message.by_bot:
            raise bad("message can't be edited")
        return message

    def content(self, call: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        text, entities = str(call.get("text", "")), []
        if str(call.get("parse_mode", "")).upper() == "HTML":
            try:
                text, entities = parse(text)
            except HtmlRefused as refused:
                raise bad(f"can't parse entities: {refused}") from None
        if not text.strip():
            raise bad("message text is empty")
        if units(text) > 4096:
            raise bad("message is too long")
        return text.strip(), entities

    def keyboard(self, call: dict[str, Any], message: Message) -> list[Button]:
        rows = json.loads(call.get("reply_markup") or "{}").get("inline_keyboard", [])
        buttons = [button for row in rows for button in row]
        if any(not 1 <= len(button.get("callback_data", "").encode()) <= 64 for button in buttons):
            raise bad("BUTTON_DATA_INVALID")
        return [Button(button["text"], button["callback_data"], message.chat, message.id) for button in buttons]

    def shown(self, message: Message) -> dict[str, Any]:
        markup = {"inline_keyboard": [[{"text": b.label, "callback_data": b.data}] for b in message.buttons]}
        return {
            "message_id": message.id, "date": 1_790_000_000, "chat": {"id": message.chat, "type": "private"},
            "text": message.text, "entities": message.entities, **({"reply_markup": markup} if message.buttons else {}),
            **({"edit_date": 1_790_000_001} if len(message.versions) > 1 else {}),
        }  # fmt: skip
