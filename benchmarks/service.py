"""A real service in a process of its own, on a free port of the loopback address, for benchmarks that talk HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from provenance.keys import create_development_credential

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where it answers, its first key, and how long it took to answer."""

    url: str
    key: str
    process_id: int
    start_s: float


@contextmanager
def running_service(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningService]:
    """Start the service with a development signer in the empty folder `home`, and stop it at the end.

    Args:
        home: Its data; no service was started on it before.
        settings: More settings as environment variables, such as {"ASSAY_EXAMINERS": '["c2pa"]'}.

    Raises:
        RuntimeError: It did not answer within `START_TIMEOUT_S`.
    """
    create_development_credential(home, now=datetime.now(UTC))
    port = _free_port()
    own = {"ASSAY_HOME": str(home), "ASSAY_PORT": str(port), "ASSAY_SIGNER_URI": "development:"}
    begun = time.perf_counter()
    with (home / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.main"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **own, **(settings or {})},
        )
    url = f"http://127.0.0.1:{port}"
    with process, _Listener(process) as printed:
        try:
            _await_answer(url, process, begun, home)
            yield RunningService(url, printed.key(), process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()


class _Listener:
    """Reads what the service prints, so that its pipe never fills."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(process,))

    def __enter__(self) -> _Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def key(self) -> str:
        """The first key, which is printed before the first answer."""
        found = re.search(r"^\s{4}(\S+)$", "".join(self._lines), re.MULTILINE)
        if found is None:
            raise RuntimeError("the service printed no key")
        return found.group(1)

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._lines.append(line)


def _await_answer(url: str, process: subprocess.Popen[str], begun: float, home: Path) -> None:
    while time.perf_counter() - begun < START_TIMEOUT_S and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the service did not start: {(home / 'service.log').read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
