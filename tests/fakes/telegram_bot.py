"""One bot of the simulated Telegram: its calls, and its updates, which it asks for or has brought to its webhook."""

import asyncio
import contextlib
import re
from typing import Any

import httpx

from blocks.plain_http import plain_client
from tests.fakes.telegram_phones import Phones
from tests.fakes.telegram_values import Fault, Refused, bad

OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
METHODS = re.compile(r"(get|set|send|edit|answer|delete|log|close|copy|forward)[A-Z]\w+")


class SimulatedBot(Phones):
    """What the server knows of one bot; `Phones` has the verbs of the people who talk to it."""

    def __init__(self, token: str, username: str) -> None:
        super().__init__()
        self.token = token
        self.username = username
        self.conflicts: list[str] = []
        """What pollers that still listened were refused with."""
        self.held = False
        """While set nothing is brought to the webhook, as when Telegram is behind: updates wait."""
        self.lacks: set[str] = set()
        """Methods that this server does not know, as an older one of somebody's own."""
        self.faults: dict[tuple[str, int], list[Fault]] = {}
        """By method and chat (0: any): how its next calls go wrong."""
        self.refuses: dict[str, str] = {}
        """By method: with which words this server refuses it, as it does in chats where something is not offered."""
        self._pollers = 0
        self._closed = False

    def getMe(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": int(self.token.partition(":")[0]), "is_bot": True, "first_name": "Slipway", "username": self.username,
            "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
        }  # fmt: skip

    async def close(self) -> None:
        """End the polls that wait."""
        self._closed = True
        await self._notify()

    async def result(self, method: str, call: dict[str, Any]) -> Any:
        """Answer one call; raise Refused."""
        self.calls.append((method, call))
        if method == "getUpdates":
            if fault := self._fault(method, call):
                raise fault
            return await self._get_updates(call)
        if not METHODS.fullmatch(method) or not hasattr(self, method) or method in self.lacks:
            raise Refused(404, "Not Found")
        if method in self.refuses:
            raise bad(self.refuses[method])
        self._refuse_when_busy(method)
        fault = self._fault(method, call)
        if fault is not None and not fault.taken:
            raise fault
        try:
            result = getattr(self, method)(call)
            if fault is not None:
                raise fault
            return result
        finally:
            await self._notify()

    def _fault(self, method: str, call: dict[str, Any]) -> Fault | None:
        waiting = self.faults.get((method, int(call.get("chat_id", 0)))) or self.faults.get((method, 0))
        return waiting.pop(0) if waiting else None

    def _refuse_when_busy(self, method: str) -> None:
        entry = next((entry for entry in self._busy if entry[0] == method), None)
        if entry:
            self._busy.remove(entry)
            raise Refused(429, f"Too Many Requests: retry after {entry[1]}", retry_after=entry[1])

    async def _get_updates(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refused(409, WEBHOOK_SET)
        self.allow(call)
        self._pollers += 1
        mine, offset = self._pollers, int(call.get("offset", 0))
        self.updates = self.updates[offset:] if offset < 0 else [u for u in self.updates if u["update_id"] >= offset]
        await self._notify()
        async with self._changed:
            ready = self._changed.wait_for(lambda: self.updates or self._closed or self._pollers != mine)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ready, int(call.get("timeout", 0)) or 0.001)
        if self._pollers != mine:
            raise Refused(409, OTHER_POLLER)
        return self.updates[: min(int(call.get("limit", 100)), 100)]

    async def post_updates(self) -> None:
        """Bring updates to the webhook, in order, each until it is answered with 2xx."""
        async with plain_client() as client:
            while True:
                async with self._changed:
                    await self._changed.wait_for(self._is_to_bring)
                webhook, update = self.webhook, self.updates[0]  # the bot may set another, or drop updates, meanwhile
                problem = await self._brought(client, webhook, update)
                if problem:
                    webhook |= {"last_error_date": 1_790_000_002, "last_error_message": problem}
                else:
                    self.updates = [each for each in self.updates if each is not update]
                await self._notify()

    def _is_to_bring(self) -> bool:
        return bool(self.webhook and self.updates and not self.held and "last_error_date" not in self.webhook)

    async def _brought(self, client: httpx.AsyncClient, webhook: dict[str, Any], update: dict[str, Any]) -> str:
        """Bring one update; return what was wrong, empty when it was taken."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook["secret"]} if webhook["secret"] else {}
        url = httpx.URL(webhook["url"])
        if url.host.endswith(".localhost"):  # of this machine, as browsers know; its resolver may not
            headers["Host"], url = url.netloc.decode(), url.copy_with(host="127.0.0.1")
        try:
            answer = await client.post(url, json=update, headers=headers)
        except httpx.HTTPError:
            return "Connection refused"
        return "" if answer.is_success else f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
