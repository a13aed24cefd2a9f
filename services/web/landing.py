"""The page at ``/``: what this service is and where to go from here."""

from collections.abc import Mapping
from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse


def landing_router(title: str, version: str, links: Mapping[str, str]) -> APIRouter:
    """``/`` as HTML for browsers and as JSON for everything else.

    Args:
        title: The service's name.
        version: Its version.
        links: Where to go on: text -> URL.
    """
    page = _page(title, version, links)
    document = {"service": title, "version": version, "links": dict(links)}
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def landing(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(page, headers={"Vary": "Accept"})
        return JSONResponse(document, headers={"Vary": "Accept"})

    return router


def _page(title: str, version: str, links: Mapping[str, str]) -> str:
    items = "\n".join(f'<li><a href="{escape(url)}">{escape(text)}</a></li>' for text, url in links.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<style>
body{{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}
small{{color:#555}}
</style>
</head><body><h1>{escape(title)} <small>{escape(version)}</small></h1>
<ul>
{items}
</ul></body></html>
"""
