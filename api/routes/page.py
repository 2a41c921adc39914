"""Two pages without anything from elsewhere: check one image at `/`, read the API at `/docs`.

Nothing a client sent is ever put into HTML here: the page at `/` writes answers as text, and `/docs` shows this program's own
words.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE: Final = (files("api.routes") / "page.css").read_text("utf-8")
_SCRIPT: Final = (files("api.routes") / "page.js").read_text("utf-8")
_BODY: Final = """
<h1>Assay</h1>
<p>What does an image say of its origin, does that hold, and do its pixels look generated?</p>
<form id="form"><input id="file" type="file" accept="image/*,audio/*,video/*" required aria-label="File"> <button>Check</button>
<p id="access" hidden><label>API key <input id="key" pattern="[!-~]+" autocomplete="off" spellcheck="false"></label>
<span class="quiet">sent with the next check, kept nowhere</span></p></form>
<p class="quiet">The image is deleted once it has been judged; the report keeps its digest only.</p>
<section id="answer" aria-live="polite" hidden>
<h2 id="conclusion"></h2><p id="explanation"></p><ul id="findings"></ul>
<details id="whole"><summary>The whole report</summary><pre id="report"></pre></details></section>
<p class="quiet"><a href="/docs">API</a></p>
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY: Final = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def _page(title: str, body: str, *, script: str = "") -> HTMLResponse:
    inline = f"<script>{script}</script>" if script else ""
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{body}{inline}</body></html>"
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})


@router.get("/")
async def get_page() -> HTMLResponse:
    """Check one image in a browser."""
    return _page("Assay", _BODY, script=_SCRIPT)


@router.get("/docs")
async def get_docs(request: Request) -> HTMLResponse:
    """The API in words, made from the OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    rows = [
        _operation(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    head = f'<h1>Assay {escape(document["info"]["version"])}</h1><p>Machines read <a href="/openapi.json">openapi.json</a>.</p>'
    return _page("Assay: API", head + "".join(rows))


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    bodies = ", ".join(operation.get("requestBody", {}).get("content", {}))
    takes = f"<p>Takes <code>{escape(bodies)}</code>.</p>" if bodies else ""
    return (
        f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2><p>{escape(operation.get('summary', ''))}. "
        f"{escape(operation.get('description', ''))}</p>{takes}<ul>{answers}</ul>"
    )
