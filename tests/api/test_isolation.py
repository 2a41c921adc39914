"""The service parses in processes of their own: one that dies, or a file that is too much for it, costs one request."""

from __future__ import annotations

import os
import signal
import zlib
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.auth import Scope
from api.main import create_app
from provenance.errors import IsolationUnavailable
from provenance.isolation.confinement import Confinement
from provenance.isolation.process import ParserProcess
from tests.api.conftest import encoded, key_for
from tests.api.serving import Server
from tests.assets.pictures import png_chunk


def bomb() -> bytes:
    """25 megapixels of one colour in 80 kilobytes: within the limits, and 75 MB once decoded."""
    side = 5000
    deflate = zlib.compressobj(1)
    data = b"".join([*(deflate.compress(bytes(1 + 3 * side)) for _ in range(side)), deflate.flush()])
    chunks = [
        png_chunk(b"IHDR", side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])),
        png_chunk(b"IDAT", data),
        png_chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def children(process_id: int) -> list[int]:
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(child) for path in tasks for child in path.read_text(encoding="ascii").split()]


def unavailable(report: dict[str, object]) -> list[str]:
    return [e["explanation"] for e in report["evidence"] if e["code"] == "examiner.unavailable"]


def test_parsers_that_were_killed_are_replaced_and_none_outlives_the_service(home, png):
    with Server(home) as server:
        first = children(server.process.pid)
        assert len(first) == 2
        for process_id in first:
            os.kill(process_id, signal.SIGKILL)
        for _ in range(3):
            report = server.client.post("/v1/checks", files={"file": png}).json()
            assert unavailable(report) == []
        later = children(server.process.pid)
        assert later
        assert not set(first) & set(later)
        assert server.client.get("/readyz").json()["checks"]["isolation"] == "ok"
        server.stop(signal.SIGTERM)
        assert [process_id for process_id in later if Path(f"/proc/{process_id}").exists()] == []


def test_a_bomb_costs_one_request(signing_settings, png):
    settings = signing_settings.model_copy(
        update={"parser_memory_bytes": 64 * 2**20, "examiners": ("c2pa", "marks", "pixel-marks"), "parser_processes": 1}
    )
    with TestClient(create_app(settings)) as client:
        headers = key_for(client, Scope.STAMP)
        report = client.post("/v1/checks", files={"file": bomb()}).json()
        assert report["verdict"]["conclusion"] == "inconclusive"
        assert {reason.partition(":")[0] for reason in unavailable(report)} == {"examiner.memory"}
        refused = client.post("/v1/stamps", files={"file": bomb(), "record": b'{"model": "m"}'}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "examiner.memory")
        assert unavailable(client.post("/v1/checks", files={"file": png}).json()) == []


def test_a_service_does_not_start_without_the_isolation_it_requires(settings, monkeypatch):
    really_ready = ParserProcess.ready

    def unconfined(process, limits):
        really_ready(process, limits)
        return Confinement(filtered=False, network_namespace=False, reason="the kernel is too old")

    monkeypatch.setattr(ParserProcess, "ready", unconfined)
    with pytest.raises(IsolationUnavailable, match="the kernel is too old"), TestClient(create_app(settings)):
        pass
    preferred = settings.model_copy(update={"isolation": "preferred"})
    with TestClient(create_app(preferred)) as client:
        assert client.get("/readyz").json()["checks"]["isolation"] == "unavailable: not confined"
        assert unavailable(client.post("/v1/checks", files={"file": encoded()}).json()) == []
