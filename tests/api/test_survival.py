"""What outlives the process: a job survives `kill -9`, a full disk is a coded answer, and the service stays up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import encoded
from tests.api.serving import Server

ASYNC = {"Prefer": "respond-async"}


def wait_for_end(client: httpx.Client, path: str, within_s: float = 30.0) -> dict[str, object]:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        job = client.get(path).json()
        if job["state"] in ("finished", "failed"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"{path} did not end: {job}")


def objects_in(home: Path) -> list[Path]:
    return [path for path in (home / "objects").rglob("*") if path.is_file()]


def test_a_job_survives_kill_9_and_finishes_after_restart(home, png):
    with Server(home, embedded_worker=False) as server:
        answer = server.client.post("/v1/checks", files={"file": png}, headers=ASYNC)
        assert answer.status_code == 202
        path = answer.headers["location"]
        assert server.client.get(path).json()["state"] == "queued"
        server.stop(signal.SIGKILL)
    assert len(objects_in(home)) == 1
    with Server(home) as server:
        job = wait_for_end(server.client, path)
        assert job["state"] == "finished"
        report = server.client.get(job["links"]["report"]).json()
        assert report["verdict"]["conclusion"] == "inconclusive"
    assert objects_in(home) == []


def test_jobs_being_worked_on_survive_kill_9(home):
    """Killed in the middle of many checks: every job that was answered with 202 ends, whatever it was doing."""
    with Server(home, lease_s=2, sweep_interval_s=0.5) as server:
        paths = []
        for number in range(40):
            picture = encoded("JPEG", (1500, 1500), (number, 2, 3))
            paths.append(server.client.post("/v1/checks", files={"file": picture}, headers=ASYNC).headers["location"])
        server.stop(signal.SIGKILL)
    with Server(home, lease_s=2, sweep_interval_s=0.5) as server:
        states = [wait_for_end(server.client, path)["state"] for path in paths]
        assert states == ["finished"] * 40
        until = time.monotonic() + 10
        while objects_in(home) and time.monotonic() < until:  # an upload may have been orphaned by the kill; the sweep finds it
            time.sleep(0.1)
    assert objects_in(home) == []


def test_a_full_disk_is_a_coded_answer_and_the_service_stays_up(home, png, small_disk):
    with Server(home, prefix=small_disk) as server:
        server.log.write_bytes(b"")
        noise = b"\x89PNG\r\n\x1a\n" + os.urandom(3 * 2**20)
        answer = server.client.post("/v1/checks", files={"file": noise})
        assert (answer.status_code, answer.json()["code"]) == (507, "storage.failed")
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(home) not in answer.text
        again = server.client.post("/v1/checks", files={"file": png})
        assert (again.status_code, again.json()["verdict"]["conclusion"]) == (200, "inconclusive")


def test_uploads_too_large_are_refused_and_the_service_stays_up(home, png):
    with Server(home, max_asset_bytes=2**20) as server:
        declared = server.client.post("/v1/checks", files={"file": b"\xff\xd8\xff" + bytes(8 * 2**20)})
        assert (declared.status_code, declared.json()["code"]) == (413, "asset.too_large")

        def endless():
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
            for _ in range(8):
                yield bytes(2**20)

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        hidden = server.client.post("/v1/checks", content=endless(), headers=headers)
        assert (hidden.status_code, hidden.json()["code"]) == (413, "asset.too_large")
        assert server.client.post("/v1/checks", files={"file": png}).status_code == 200
        assert objects_in(home) == []


def test_the_server_ends_cleanly_with_a_job_at_hand(home):
    with Server(home) as server:
        server.client.post("/v1/checks", files={"file": encoded("PNG", (3000, 3000))}, headers=ASYNC)
        begun = time.monotonic()
        server.stop(signal.SIGTERM)
        assert time.monotonic() - begun < 10
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("count", [int(os.environ.get("ASSAY_TEST_FLAT_CHECKS", "150"))])
def test_memory_stays_flat_over_many_checks(home, count):
    picture = encoded("JPEG", (512, 512))
    with Server(home) as server:

        def resident_kib() -> int:
            status = Path(f"/proc/{server.process.pid}/status")
            if not status.exists():
                pytest.skip("needs /proc to measure a process")
            return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))

        def check(times: int) -> None:
            for _ in range(times):
                assert server.client.post("/v1/checks", files={"file": picture}).status_code == 200

        check(count)
        before = resident_kib()
        check(count)
        assert resident_kib() - before < 8 * 1024
