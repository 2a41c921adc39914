"""Take uploads from hostile hands: bytes are counted while they arrive, and a body too many is refused before it is read.

A multipart body may hold the parts that the caller names and no others, each once, each within its own limit; part headers are
limited by the parser. The file's own name and declared type are not believed and not kept. Few bodies are taken in at a time,
because each may have to be held in memory; the others wait unread.

Source: RFC 7578, multipart/form-data; python-multipart's callbacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from api.problems import ProblemError
from provenance.errors import AssetTooLarge

MAX_JSON_BYTES: Final = 256 * 2**10
_OVERHEAD_BYTES: Final = 16 * 2**10  # boundaries and part headers

CLOSE: Final = {"Connection": "close"}
"""The rest of a refused body is not read, so the connection is of no more use."""


class UploadTurns:
    """Turns to hold a request body in memory, of which there are few."""

    def __init__(self, count: int, *, timeout_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn within the block; let go of the body before it ends.

        Raises:
            ProblemError: 503, no turn came in time.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._timeout_s)
        except TimeoutError as err:
            raise ProblemError(503, "service.busy", "too many bodies are arriving", {"Retry-After": "10", **CLOSE}) from err
        try:
            yield
        finally:
            self._free.release()


def content_type(request: Request) -> str:
    """Media type of the body, lower case, without parameters."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


async def read_json_bytes(request: Request, *, timeout_s: float) -> bytes:
    """The body, which may have `MAX_JSON_BYTES`.

    Raises:
        ProblemError: 408, 413 or 400.
    """
    body = bytearray()

    async def read() -> None:
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > MAX_JSON_BYTES:
                raise ProblemError(413, "request.too_large", f"a JSON body may have {MAX_JSON_BYTES} bytes", CLOSE)

    await _within(timeout_s, read())
    return bytes(body)


async def read_multipart(request: Request, limits: Mapping[str, int], *, timeout_s: float) -> dict[str, bytes]:
    """The parts of a multipart/form-data body, by name.

    Args:
        request: The request; its body has not been touched.
        limits: Most bytes of every part that may be there.
        timeout_s: The body has to be here by then.

    Raises:
        AssetTooLarge: A part, or the body, has too many bytes.
        ProblemError: 400 for what is no such body or holds other parts, 408 when it takes too long.
    """
    max_body = sum(limits.values()) + _OVERHEAD_BYTES
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_body:
        raise AssetTooLarge(f"the body has {int(declared)} bytes, the limit is {max_body}")
    parts = _Parts(limits)
    parser = _parser(request, parts)

    async def read() -> None:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > max_body:
                raise AssetTooLarge(f"the body has more than {max_body} bytes")
            parser.write(chunk)
        parser.finalize()

    try:
        await _within(timeout_s, read())
    except FormParserError as err:
        raise _bad(f"not a multipart body: {err}") from err
    if not parts.ended:
        raise _bad("the multipart body ends before its last boundary")
    return {name: bytes(parts.found.pop(name)) for name in list(parts.found)}  # one part at a time is here twice


class _Parts:
    """Collects parts as the parser finds them."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self.found: dict[str, bytearray] = {}
        self.ended = False
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        self._current = bytearray()
        self._limit = 0

    def on_part_begin(self) -> None:
        self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("latin-1")
        if kind != b"form-data" or name not in self._limits:
            raise _bad(f"a part is not one of these: {', '.join(self._limits)}")
        if name in self.found:
            raise _bad(f"more than one part is named {name}")
        self._limit = self._limits[name]
        self._current = self.found[name] = bytearray()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._current) + end - start > self._limit:
            raise AssetTooLarge(f"a part has more than {self._limit} bytes")
        self._current += data[start:end]

    def on_end(self) -> None:
        self.ended = True


def _parser(request: Request, parts: _Parts) -> MultipartParser:
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _bad("the Content-Type has no boundary")
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": parts.on_part_begin,
                "on_header_field": parts.on_header_field,
                "on_header_value": parts.on_header_value,
                "on_header_end": parts.on_header_end,
                "on_headers_finished": parts.on_headers_finished,
                "on_part_data": parts.on_part_data,
                "on_end": parts.on_end,
            },
        )
    except FormParserError as err:
        raise _bad(str(err)) from err


async def _within(timeout_s: float, reading: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(reading, timeout_s)
    except TimeoutError as err:
        raise ProblemError(408, "request.timeout", f"the body did not arrive within {timeout_s:g} s", CLOSE) from err
    except ClientDisconnect as err:  # nobody hears this answer; unanswered, it would be a traceback in the log
        raise _bad("the client went away before the body was here") from err


def _bad(detail: str) -> ProblemError:
    return ProblemError(400, "request.malformed", detail, CLOSE)
