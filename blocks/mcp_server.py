"""Tools of ours by the Model Context Protocol: streamable HTTP, stateless, each answer one JSON document.

https://modelcontextprotocol.io/specification
"""

import logging
from typing import Any
from uuid import uuid4

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from domain.conversations import ToolResult, ToolUse
from domain.roles import Tools
from domain.tool_doors import CALL_LIMIT

CALL_OF = "claudecode/toolUseId"
"""Where Claude Code names the model's own call: one that comes again is the same."""

FAILED = "this could not be done now"

log = logging.getLogger("slipway.doors")


def manager_of(tools: Tools) -> StreamableHTTPSessionManager:
    """Return an ASGI application's two halves: `run()` around its life, `handle_request` for each request."""
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return StreamableHTTPSessionManager(_server(tools), json_response=True, stateless=True, max_request_body_size=CALL_LIMIT)


def _server(tools: Tools) -> Server[Any]:
    async def listed(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(name=spec.name, description=spec.description, input_schema=spec.input_schema or {"type": "object"})
                for spec in tools.specs
            ]
        )

    async def called(_: ServerRequestContext[Any], asked: types.CallToolRequestParams) -> types.CallToolResult:
        call = ToolUse(id=_identity(asked), name=asked.name, input=asked.arguments or {})
        try:
            result = await tools.run(call)
        except Exception as error:
            log.warning("a call of %s raised %s", asked.name[:60], type(error).__name__)
            result = ToolResult(tool_use_id=call.id, text=FAILED, is_error=True)
        return types.CallToolResult(content=[types.TextContent(type="text", text=result.text)], is_error=result.is_error)

    return Server("slipway", on_list_tools=listed, on_call_tool=called)


def _identity(asked: types.CallToolRequestParams) -> str:
    """Return the id of the model's own call where its agent names it, else a new one."""
    named = dict(asked.meta or {}).get(CALL_OF)
    return named if isinstance(named, str) and named else f"mcp_{uuid4().hex[:24]}"
