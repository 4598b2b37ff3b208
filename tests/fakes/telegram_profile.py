"""What a bot says of itself: name, descriptions, menu of commands, each by language."""

import json
from typing import Any

from tests.fakes.telegram_values import bad


class Profile:
    """Fulfil the methods that change it, with the limits that the Bot API documents."""

    def __init__(self) -> None:
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.profile: dict[str, str] = {}
        """name, description and short_description, as they are for people of every language."""

    def setMyCommands(self, call: dict[str, Any]) -> bool:
        commands = json.loads(call["commands"])
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        if any(not c["command"].isascii() or c["command"] != c["command"].lower() for c in commands):
            raise bad("BOT_COMMAND_INVALID")
        if any(not 1 <= len(c["description"]) <= 256 for c in commands):
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[call.get("language_code", "")] = commands
        return True

    def deleteMyCommands(self, call: dict[str, Any]) -> bool:
        self.commands.pop(call.get("language_code", ""), None)
        return True

    def setMyName(self, call: dict[str, Any]) -> bool:
        return self._say("name", call, 64)

    def setMyDescription(self, call: dict[str, Any]) -> bool:
        return self._say("description", call, 512)

    def setMyShortDescription(self, call: dict[str, Any]) -> bool:
        return self._say("short_description", call, 120)

    def _say(self, what: str, call: dict[str, Any], limit: int) -> bool:
        text = str(call.get(what, ""))
        if len(text) > limit:
            raise bad(f"bot {what.replace('_', ' ')} is too long")
        self.profile[what] = text
        return True
