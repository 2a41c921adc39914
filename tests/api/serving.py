"""A real server in a process of its own, on a free loopback port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0


class Server:
    """Starts on entering, is terminated on leaving; `settings` become environment variables."""

    def __init__(self, home: Path, *, prefix: Sequence[str] = (), **settings: object) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        defaults = {"home": home, "port": self.port, "examiners": ["c2pa", "marks"]}
        values = {**defaults, **settings}
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")}
        for name, value in values.items():
            self.environment[f"ASSAY_{name.upper()}"] = str(value) if isinstance(value, Path | str) else json.dumps(value)
        self._command = [*prefix, sys.executable, "-m", "api.main"]
        self.log = home.parent / f"server-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def __enter__(self) -> Server:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command, env=self.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.client.get("/healthz")
                return self
            except httpx.TransportError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.stop(signal.SIGKILL)
                    raise RuntimeError(f"the server did not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal, wait for the end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        self.stop()
