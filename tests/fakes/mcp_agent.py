"""A CLI agent of a few lines of Python that calls tools of ours by hand-written MCP: what any other CLI would send."""

from domain.capabilities import NpmProgram
from domain.cli_agents import CliEvent, Launch, Prompt

HELPERS = """
import json, os, sys, urllib.error, urllib.request
TASK = open(os.environ["SLIPWAY_TALK"] + "/task").read()

def call(name, id="", **given):
    meta = {"_meta": {"claudecode/toolUseId": id}} if id else {}
    params = {"name": name, "arguments": given, **meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers["authorization"] = "Bearer " + os.environ["SLIPWAY_TOOLS_TOKEN"]
    with urllib.request.urlopen(urllib.request.Request(os.environ["SLIPWAY_TOOLS_URL"], body, headers), timeout=100) as answer:
        result = json.loads(answer.read())["result"]
    return result["content"][0]["text"]

def reply(text, *questions):
    json.dump({"text": text, "questions": questions}, open(os.environ["SLIPWAY_RESULT"], "w"))
"""


class McpAgent:
    """Run a script of Python, in which `call` calls a tool, `reply` is its result and `TASK` what it was told."""

    name = "mcp"
    program: NpmProgram | None = None
    result_file = True

    def __init__(self, script: str) -> None:
        self.script = script

    def launch(self, prompt: Prompt) -> Launch:
        return Launch(argv=("python3", "-c", HELPERS + self.script))

    def remark(self, text: str) -> str | None:
        return None

    def event(self, line: str) -> CliEvent | None:
        return None


AGENT = McpAgent("")
"""What `tests.fakes.mcp_agent:AGENT` as an engine in SLIPWAY_ENGINES means; a test writes its script."""
ENGINE = "tests.fakes.mcp_agent:AGENT"
