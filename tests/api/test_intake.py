from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from api.intake import MAX_JSON_BYTES, UploadTurns, read_json_bytes, read_multipart
from api.problems import ProblemError
from provenance.errors import AssetTooLarge

LIMITS = {"file": 1000, "record": 100}
TYPE = "multipart/form-data; boundary=frontier"


class Body:
    """Hands out chunks like a server, and counts how many were asked for."""

    def __init__(self, chunks: list[bytes], *, pause_s: float = 0.0) -> None:
        self._chunks = list(chunks)
        self._pause_s = pause_s
        self.read = 0

    async def receive(self) -> dict[str, object]:
        await asyncio.sleep(self._pause_s)
        self.read += 1
        chunk = self._chunks.pop(0) if self._chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    def request(self, content_type: str = TYPE, **headers: str) -> Request:
        raw = [(b"content-type", content_type.encode("latin-1"))]
        raw += [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        return Request({"type": "http", "method": "POST", "headers": raw}, self.receive)


def part(name: str, data: bytes, more: str = "") -> bytes:
    return f'--frontier\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--frontier--\r\n"


def read(body: Body, content_type: str = TYPE, **headers: str) -> dict[str, bytes]:
    return asyncio.run(read_multipart(body.request(content_type, **headers), LIMITS, timeout_s=2.0))


def refused(body: Body, content_type: str = TYPE, **headers: str) -> tuple[int, str]:
    with pytest.raises(ProblemError) as caught:
        read(body, content_type, **headers)
    return caught.value.problem.status, caught.value.problem.code


def test_parts_come_back_by_name_whatever_the_chunks():
    whole = part("file", b"\x00\r\n--front", '; filename="a.png"') + part("record", b"{}") + END
    for size in (1, 2, 7, len(whole)):
        chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert read(Body(chunks)) == {"file": b"\x00\r\n--front", "record": b"{}"}


def test_a_part_is_refused_at_its_first_byte_too_many_and_the_rest_is_not_read():
    body = Body([part("record", b"x" * 101), *[b"y" * 100] * 50])
    with pytest.raises(AssetTooLarge, match="a part has more than 100 bytes"):
        read(body)
    assert body.read == 1


def test_a_declared_length_too_large_is_refused_unread():
    body = Body([b"z"])
    with pytest.raises(AssetTooLarge):
        read(body, content_length="1000000")
    assert body.read == 0


def test_a_body_that_hides_its_length_is_counted():
    body = Body([b"preamble" * 1000] * 50)
    with pytest.raises((AssetTooLarge, ProblemError)):
        read(body)
    assert body.read < 10


@pytest.mark.parametrize(
    "whole",
    [
        part("file", b"a") + part("file", b"b") + END,
        part("other", b"a") + END,
        b'--frontier\r\nContent-Disposition: attachment; name="file"\r\n\r\na\r\n' + END,
        b"--frontier\r\nContent-Type: image/png\r\n\r\na\r\n" + END,
        part("file", b"a"),
        b"",
        b"no boundary at all",
        b"--frontier\r\n" + b"X-Long: " + b"a" * 10_000 + b"\r\n\r\na\r\n" + END,
        b"--frontier\r\n" + b"X-Many: a\r\n" * 100 + b"\r\na\r\n" + END,
    ],
    ids=["twice", "unknown", "not form-data", "no name", "no end", "empty", "text", "long header", "many headers"],
)
def test_a_body_that_is_not_as_agreed_is_malformed(whole):
    assert refused(Body([whole])) == (400, "request.malformed")


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 300}"]
)
def test_a_boundary_is_needed_and_has_a_limit(content_type):
    assert refused(Body([b""]), content_type) == (400, "request.malformed")


def test_a_body_that_does_not_arrive_is_given_up():
    with pytest.raises(ProblemError) as caught:
        asyncio.run(read_multipart(Body([part("file", b"a"), *[b"a"] * 100], pause_s=0.05).request(), LIMITS, timeout_s=0.1))
    assert caught.value.problem.status == 408


async def _gone() -> dict[str, object]:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize(
    "read_body",
    [lambda request: read_multipart(request, LIMITS, timeout_s=2.0), lambda request: read_json_bytes(request, timeout_s=2.0)],
)
def test_a_client_that_goes_away_is_no_failure_of_the_service(read_body):
    request = Request({"type": "http", "method": "POST", "headers": [(b"content-type", TYPE.encode())]}, _gone)
    with pytest.raises(ProblemError) as caught:
        asyncio.run(read_body(request))
    assert caught.value.problem.code == "request.malformed"


def test_a_json_body_has_a_limit():
    body = Body([b" " * 2**17] * 10)
    with pytest.raises(ProblemError) as caught:
        asyncio.run(read_json_bytes(body.request("application/json"), timeout_s=2.0))
    assert caught.value.problem.status == 413
    assert body.read == MAX_JSON_BYTES // 2**17 + 1


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.sampled_from([END, part("file", b"x"), b"\r\n", b"--frontier", b"Content-Disposition"])
        )
    )
)
def test_no_body_breaks_the_reader(chunks):
    try:
        found = read(Body(chunks))
    except (ProblemError, AssetTooLarge):
        return
    assert set(found) <= set(LIMITS)
    assert all(len(data) <= LIMITS[name] for name, data in found.items())


def test_as_many_bodies_at_a_time_as_there_are_turns():
    async def most() -> int:
        turns, inside, seen = UploadTurns(3, timeout_s=5.0), 0, 0

        async def one() -> None:
            nonlocal inside, seen
            async with turns.turn():
                inside += 1
                seen = max(seen, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(10)))
        return seen

    assert asyncio.run(most()) == 3


def test_a_turn_that_does_not_come_is_a_busy_service():
    async def second() -> None:
        turns = UploadTurns(1, timeout_s=0.01)
        async with turns.turn(), turns.turn():
            raise AssertionError("two turns where there is one")

    with pytest.raises(ProblemError) as caught:
        asyncio.run(second())
    assert (caught.value.problem.status, caught.value.problem.code) == (503, "service.busy")
    assert int(caught.value.problem.headers["Retry-After"]) > 0
