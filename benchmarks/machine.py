"""What a benchmark's numbers were measured on, and how they are written down.

Machines are shared and noisy: a result is a ratio of medians within one run, with the machine beside it.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_LIBRARIES = (
    "assay", "c2pa-python", "encypher-c2pa", "pillow", "isal", "numpy", "onnxruntime", "torch", "timm", "diffusers", "fastapi",
    "celery",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Processor, cores, memory in bytes, system, Python and the versions of what was measured."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "load_average": list(os.getloadavg()),
    }


def interleaved(subjects: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, list[float]]:
    """Seconds of every call, by name; the subjects take turns, so that noise falls on all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for call in subjects.values():
        call()  # first calls load libraries and fill caches
    for _ in range(repeats):
        for name, call in subjects.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 5th and 95th percentile in milliseconds, and n."""
    ordered = sorted(seconds)
    at = (len(ordered) - 1) / 100
    return {
        "n": len(ordered),
        "median_ms": statistics.median(ordered) * 1e3,
        "p5_ms": ordered[round(5 * at)] * 1e3,
        "p95_ms": ordered[round(95 * at)] * 1e3,
    }


def publish(name: str, result: Mapping[str, Any], out: Path | None) -> None:
    """Print the result as JSON, with the machine, and write it to `out` as well if one is given."""
    text = json.dumps({"benchmark": name, **result, "machine": describe()}, indent=2)
    sys.stdout.write(text + "\n")
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
