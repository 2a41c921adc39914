"""How much room the service takes: resident memory over many checks, time to the first answer, size of the light runtime.

    python -m benchmarks.footprint [--checks N] [--runtime VENV] [--out FILE]

A real service with its default settings and the default detector checks N different JPEGs over HTTP. Claims: resident memory,
that of its parsers included, at most 700 MB and flat, an answer within 20 s of starting, and `VENV` (`make
.venv/runtime.installed` in a fresh clone) at most 700 MB. Flat means that the median of the last tenth is within 5 % of the
median of the second tenth; the first is warm-up.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.machine import publish
from benchmarks.service import running_service


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--checks", type=int, default=1000)
    arguments.add_argument("--runtime", type=Path, help="a virtual environment that holds the light runtime only")
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    result: dict[str, Any] = {}
    if options.runtime is not None:
        result["runtime_installed_mb"] = _size(options.runtime) / 1e6
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        samples = []
        with httpx.Client(base_url=service.url, timeout=120) as client:
            for index in track(range(options.checks), "checks", console=Console(stderr=True)):
                answer = client.post("/v1/checks", files={"file": ("upload", _picture(index))})
                answer.raise_for_status()
                samples.append(_resident_bytes(service.process_id))
        tenth = max(1, len(samples) // 10)
        early, late = statistics.median(samples[tenth : 2 * tenth]), statistics.median(samples[-tenth:])
        result |= {
            "start_s": service.start_s,
            "checks": len(samples),
            "resident_mb": {"early": early / 1e6, "late": late / 1e6, "peak": max(samples) / 1e6},
            "late_over_early": late / early,
        }
    publish("footprint", result, options.out)


def _picture(seed: int) -> bytes:
    """A 512 px JPEG that differs with `seed`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((512, 512), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def _resident_bytes(process_id: int) -> int:
    """Of this process and of those it started, pages they share counted once for each."""
    for line in Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 + sum(_resident_bytes(child) for child in _children(process_id))
    raise RuntimeError("this system does not say how much memory is resident")


def _children(process_id: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process_id}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    main()
