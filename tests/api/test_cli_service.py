"""`assay serve` and `assay worker` as processes of their own: how they start, what they print, how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.assets.pictures import encoded

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return {**kept, "ASSAY_HOME": str(home), "ASSAY_EXAMINERS": '["c2pa", "marks"]'}


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "api.cli", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment(home), **pipes)  # type: ignore[call-overload,no-any-return]


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    try:
        return process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def listens_to_sigterm(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM by now: the last thing a worker sets up."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
            return
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
    raise AssertionError("the service did not start within 60 s")


def key_in(stdout: str) -> list[str]:
    return [word for word in stdout.split() if word.startswith("assay_")]


def test_the_first_start_prints_a_key_that_stamps_and_the_second_prints_none(tmp_path: Path) -> None:
    port = free_port()
    first = start(tmp_path, "serve", "--port", str(port), "--development-signer")
    wait_for(port, first)
    keys = subprocess.run(
        [sys.executable, "-m", "api.cli", "tokens", "list", "--json"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"scopes": ["admin", "check", "generate", "stamp"]' in keys.stdout
    files = {"file": ("x.png", encoded().data, "image/png")}
    assert httpx.post(f"http://127.0.0.1:{port}/v1/stamps", files=files, timeout=30).status_code == 401
    stdout, _ = end(first)
    assert "The first API key (check, stamp, generate, admin), shown this once:" in stdout
    (key,) = key_in(stdout)

    second = start(tmp_path, "serve", "--port", str(port), "--development-signer")
    wait_for(port, second)
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"http://127.0.0.1:{port}/v1/credentials", headers=headers, timeout=30)
    assert answer.status_code in (200, 404), answer.text  # known, whatever is asked of it
    wrong = httpx.get(f"http://127.0.0.1:{port}/v1/jobs/none", headers={"Authorization": "Bearer assay_x"}, timeout=30)
    assert wrong.status_code == 401
    stdout, _ = end(second)
    assert key_in(stdout) == []


def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode not in (0, 2), (stdout, stderr)


def test_a_home_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    process = start(tmp_path / "file" / "home", "serve", "--port", str(free_port()))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "could not open the database" in stderr


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_trust_list_that_cannot_be_used_stops_the_start_in_one_line(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "trust" / "signers"
    folder.mkdir(parents=True)
    (folder / "x.pem").write_text("junk")
    arguments = ("--port", str(free_port())) if command == "serve" else ()
    process = start(tmp_path, command, *arguments)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (3, "")
    (line,) = stderr.splitlines()
    assert line.startswith("trust.unusable: ")


def test_a_full_disk_stops_the_start_in_one_line(tmp_path: Path, small_disk: list[str]) -> None:
    fill = f'head -c 2M /dev/zero > "{tmp_path}/zeros"; exec "$@"'
    command = [*small_disk, "sh", "-c", fill, "sh", sys.executable, "-m", "api.cli", "serve", "--port", str(free_port())]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path / "home"), check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("storage.failed: ")
    assert "Traceback" not in done.stderr
    assert "Background" not in done.stderr


@pytest.mark.parametrize("queues", ["check", "check,stamp"])
def test_a_worker_ends_when_it_is_told_to(tmp_path: Path, queues: str) -> None:
    process = start(tmp_path, "worker", "--queues", queues)
    until = time.monotonic() + 60
    while not listens_to_sigterm(process.pid):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    end(process)
    assert process.returncode == 0
