"""The Bot API's methods on the state of a small Telegram: people, their chats, messages and pending updates."""

import json
import re
from typing import Any

from domain.telegram_html import HtmlRefused, parse, units
from tests.fakes.telegram_profile import Profile
from tests.fakes.telegram_values import Button, File, Message, Person, Refused, as_sent, bad

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
REACTIONS = frozenset("👍👎❤🔥🥰👏😁🤔🤯😱🎉🤩🙏👌🕊🤡🥱👀🍾💯⚡🏆💔😴🤓👻🙈🤝✍🤗🫡😎")

ACTIONS = frozenset(
    (
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
        "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    )
)  # fmt: skip


class Methods(Profile):
    """Fulfil each Bot API method by its name; raise Refused as the real server would answer."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[int, Person] = {}
        self.sent: dict[int, Message] = {}
        self.updates: list[dict[str, Any]] = []
        self.queries: dict[str, str | None] = {}
        self.files: dict[str, bytes] = {}
        self.webhook: dict[str, Any] = {}
        self.allowed: list[str] = []
        """Kinds of updates that the bot asked for last; empty means all."""
        self.next_message = 100
        self.next_update = 700_000

    def sendMessage(self, call: dict[str, Any]) -> dict[str, Any]:
        return self.posted(call, *self.content(call))

    def sendMessageDraft(self, call: dict[str, Any]) -> bool:
        person = self.chat(call)
        if not int(call.get("draft_id", 0)):
            raise bad("DRAFT_ID_INVALID")  # that it is refused is documented, the words are not
        person.draft = self.content(call, least=0)[0]
        person.drafts.append(person.draft)
        return True

    def editMessageText(self, call: dict[str, Any]) -> dict[str, Any]:
        message = self.own(call, "edit")
        if message.file:
            raise bad("there is no text in the message to edit")
        return self.edited(call, message, *self.content(call))

    def editMessageCaption(self, call: dict[str, Any]) -> dict[str, Any]:
        message = self.own(call, "edit")
        if not message.file:
            raise bad("there is no caption in the message to edit")
        return self.edited(call, message, *self.caption(call))

    def edited(self, call: dict[str, Any], message: Message, text: str, entities: list[dict[str, Any]]) -> dict[str, Any]:
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
        if call.get("action") not in ACTIONS:
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

    def setWebhook(self, call: dict[str, Any]) -> bool:
        if call.get("url") and not str(call["url"]).startswith("http"):  # http too, as a self-hosted server takes
            raise bad("bad webhook: invalid URL specified")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", call.get("secret_token", "")):
            raise bad("secret token contains unallowed characters")
        self.allow(call)
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

    def allow(self, call: dict[str, Any]) -> None:
        self.allowed = json.loads(call["allowed_updates"]) if call.get("allowed_updates") else self.allowed

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

    def posted(
        self, call: dict[str, Any], text: str, entities: list[dict[str, Any]], file: File | None = None
    ) -> dict[str, Any]:
        """Put a message of the bot into the chat; what it streamed there is over."""
        person, markup = self.chat(call), json.loads(call.get("reply_markup") or "{}")
        message = Message(self.new_id(), person.id, by_bot=True, text=text, entities=entities, versions=[text], file=file)
        message.buttons = self.keyboard(call, message)
        message.reply_to = self.answered(call, person)
        message.silent = str(call.get("disable_notification", "")).lower() == "true"
        message.asks = str(markup.get("input_field_placeholder", "")) if markup.get("force_reply") else None
        self.sent[message.id], person.draft = message, None
        return self.shown(message)

    def answered(self, call: dict[str, Any], person: Person) -> int:
        wanted = json.loads(call.get("reply_parameters") or "{}")
        found = self.sent.get(int(wanted.get("message_id", 0)))
        if found is not None and found.chat == person.id and not found.deleted:
            return found.id
        if wanted and not wanted.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        return 0

    def caption(self, call: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        return self.content({**call, "text": call.get("caption", "")}, least=0, most=1024, called="message caption")

    def content(
        self, call: dict[str, Any], least: int = 1, most: int = 4096, called: str = "message"
    ) -> tuple[str, list[dict[str, Any]]]:
        text, entities = str(call.get("text") or ""), []
        if str(call.get("parse_mode", "")).upper() == "HTML":
            try:
                text, entities = parse(text)
            except HtmlRefused as refused:
                raise bad(f"can't parse entities: {refused}") from None
        if len(text.strip()) < least:
            raise bad("message text is empty")
        if units(text) > most:
            raise bad(f"{called} is too long")
        return text.strip(), entities

    def keyboard(self, call: dict[str, Any], message: Message) -> list[Button]:
        rows = json.loads(call.get("reply_markup") or "{}").get("inline_keyboard", [])
        keys = [(key, number) for number, row in enumerate(rows) for key in row]
        if any(not key.get("callback_data") and not key.get("url") for key, _ in keys):
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if any(len(key.get("callback_data", "").encode()) > 64 for key, _ in keys):
            raise bad("BUTTON_DATA_INVALID")
        return [
            Button(key["text"], key.get("callback_data", ""), message.chat, message.id, key.get("url", ""), number)
            for key, number in keys
        ]

    def shown(self, message: Message) -> dict[str, Any]:
        return as_sent(message)
