"""The files that the page's HTML names; their addresses change with what is in them."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from deployments.api.doors import ICON, SCRIPT, STYLE, TELEGRAM
from deployments.web.rendering import ASSETS, content_of

router = APIRouter(include_in_schema=False)

KEPT = "public, max-age=31536000, immutable"


@router.get(STYLE)
@router.get(SCRIPT)
@router.get(TELEGRAM)
@router.get(ICON)
async def asset_file(request: Request) -> Response:
    """Return one of the files."""
    path = request.url.path
    return Response(content_of(path), media_type=ASSETS[path][1], headers={"Cache-Control": KEPT})
