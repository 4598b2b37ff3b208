"""Claude Code, headless: `claude -p` with a stream of JSON lines, a schema for the result, and a session that can be resumed.

Its variables: https://code.claude.com/docs/en/env-vars. Address and token of the gateway are put in by the engine.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from domain.capabilities import NpmProgram
from domain.cli_agents import CliEvent, Failed, HandedIn, Launch, Noticed, Prompt, Said
from domain.json_text import read_json
from domain.usage import TokenUsage

PROGRAM = NpmProgram(package="@anthropic-ai/claude-code", version="2.1.330", command="claude")

TOOLS = "Bash,Edit,Read,Write,Glob,Grep"
"""No tool that leaves the worker (web search and fetch), none that works on when we think it has ended."""

QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_UPDATES": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_MAX_RETRIES": "6",
    "IS_SANDBOX": "1",  # without it, root (of the process engine) may not skip permissions
}

# A session that was never begun cannot be resumed, one that was cannot be begun again: its file tells.
SCRIPT = """
session=$1; shift
if ls "${CLAUDE_CONFIG_DIR:-$HOME/.claude}"/projects/*/"$session".jsonl >/dev/null 2>&1
then exec claude --resume "$session" "$@" <"$SLIPWAY_TALK/next"
else exec claude --session-id "$session" "$@" <"$SLIPWAY_TALK/task"
fi
"""

SERVER = "slipway"
"""Name of our tools' server: Claude Code calls its tools `mcp__slipway__...`."""

HOOK = """
for each in "$SLIPWAY_TALK"/said/*; do
  mv "$each" "$SLIPWAY_TALK/taken/" 2>/dev/null || continue
  printf '{"hookSpecificOutput": {"hookEventName": "%s", "additionalContext": ' EVENT
  cat "$SLIPWAY_TALK/taken/${each##*/}"; echo '}}'; echo "noticed ${each##*/}" >&2
  break
done; exit 0
"""
"""Run after each use of a tool: gives the model one remark of the person beside the result (https://code.claude.com/docs/en/hooks)."""
NOTICED = re.compile(r"noticed (\d{1,8})\s*")


def _settings() -> str:
    """Return settings of ours for one call; the tool of the result is left out, after which no model is asked."""
    hooks = {
        event: [{"matcher": TOOLS.replace(",", "|"), "hooks": [{"type": "command", "command": HOOK.replace("EVENT", event)}]}]
        for event in ("PostToolUse", "PostToolUseFailure")
    }
    return json.dumps({"hooks": hooks})


def _served(names: Sequence[str]) -> list[str]:
    """Return the options for tools of ours: address and token are filled in by Claude Code, from the worker's environment."""
    headers = {"Authorization": "Bearer ${SLIPWAY_TOOLS_TOKEN}"}
    server = {"type": "http", "url": "${SLIPWAY_TOOLS_URL}", "headers": headers}
    allowed = ",".join(f"mcp__{SERVER}__{name}" for name in names)
    return ["--mcp-config", json.dumps({"mcpServers": {SERVER: server}}), "--allowedTools", allowed]


class ClaudeCode:
    """Fulfils `domain.cli_agents.CliAgent`."""

    name = "claude-code"
    program = PROGRAM
    result_file = False

    def launch(self, prompt: Prompt) -> Launch:
        """Return the command: it never asks, obeys no settings of the repository, and loads no plugins or servers."""
        mode = "dontAsk" if prompt.served else "bypassPermissions"
        options = ["--print", "--verbose", "--output-format", "stream-json", "--permission-mode", mode]
        options += ["--setting-sources", "user", "--strict-mcp-config", "--disable-slash-commands"]
        options += ["--tools", TOOLS if prompt.tools else "", "--max-turns", str(prompt.steps), "--model", prompt.model]
        options += ["--settings", _settings(), "--include-hook-events"] if prompt.tools else []
        options += ["--fallback-model", prompt.fallback] if prompt.fallback else []
        options += _served(prompt.served) if prompt.served else []
        options += ["--system-prompt" if prompt.served else "--append-system-prompt", prompt.system]
        options += ["--json-schema", json.dumps(prompt.result_schema)]
        models = ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL")
        environment = QUIET | dict.fromkeys(models, prompt.model) | {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(prompt.max_tokens)}
        environment |= {"ENABLE_TOOL_SEARCH": "false"} if prompt.served else {}  # no call is spent on finding one of ours
        return Launch(argv=("sh", "-c", SCRIPT, "sh", prompt.session, *options), environment=environment)

    def remark(self, text: str) -> str | None:
        return json.dumps(text)

    def event(self, line: str) -> CliEvent | None:
        try:
            found = read_json(line)
        except ValueError:
            return None
        match found:
            case {"type": "assistant", "message": {"model": "<synthetic>"}}:  # its own words on an error
                return None
            case {"type": "assistant", "message": {"content": [*blocks]} as message}:
                return _said(blocks, message)
            case {"type": "system", "subtype": "hook_response", "stderr": str(said)} if number := NOTICED.fullmatch(said):
                return Noticed(remark=int(number[1]))
            case {"type": "result"}:
                return _ended(found)
        return None


CLAUDE_CODE = ClaudeCode()


def _said(blocks: list[Any], message: dict[str, Any]) -> Said | None:
    named = [block for block in blocks if isinstance(block, dict)]
    text = " ".join(str(block.get("text", "")) for block in named if block.get("type") == "text").strip()
    names = (block.get("name") for block in named if block.get("type") == "tool_use")
    calls = tuple(name[:100] for name in names if isinstance(name, str))
    if not text and not calls:
        return None
    model, name = (str(message.get(key, ""))[:100] for key in ("model", "id"))
    return Said(text=text, calls=calls, model=model, tokens=_tokens(message.get("usage")), message=name)


def _tokens(usage: Any) -> TokenUsage:
    """Return the figures as far as they are plain: they are for people, the gateway counts for the ledger."""
    given = usage if isinstance(usage, dict) else {}
    try:
        return TokenUsage(
            input=given.get("input_tokens") or 0,
            output=given.get("output_tokens") or 0,
            cache_read=given.get("cache_read_input_tokens") or 0,
            cache_write=given.get("cache_creation_input_tokens") or 0,
        )
    except ValidationError:
        return TokenUsage()


def _ended(result: dict[str, Any]) -> CliEvent:
    errors = result.get("errors")
    listed = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    said = str(result.get("result") or listed or "it said nothing")[:2000]
    match result.get("subtype"):
        case "error_max_turns":
            return Failed(reason="out of steps", detail=said)
        case "error_max_structured_output_retries":
            return Failed(reason="stuck", detail=said)
        case _ if result.get("is_error"):
            return Failed(reason=_reason(result.get("api_error_status"), str(result.get("api_error_type"))), detail=said)
    return HandedIn(raw=result.get("structured_output"), text=said)


def _reason(status: Any, kind: str) -> Any:
    """Name the cause of an API error; without a status the gateway could not be reached."""
    if status == 402 or kind == "billing_error":  # the gateway's word for a spent budget
        return "out of budget"
    if status == 403:  # the gateway's word for a refused key of the operator; a token of ours that proves nothing is a 401
        return "key"
    if status is None or status in (408, 409, 429) or (isinstance(status, int) and status >= 500):
        return "busy"
    return "broken"
