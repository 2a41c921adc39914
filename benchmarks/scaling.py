"""Whether stamping and checking use both cores, and whether memory stays flat.

    python -m benchmarks.scaling [--seconds S] [--rounds N] [--count N] [--out FILE]

Stamps and checks of 512 px JPEG and PNG in turn, as many as go into S seconds, by one and by two threads of one process and by
one and by two processes; the four take turns, N rounds of them. Checks are whole ones: digest, header, examiners in a confined
parser per thread, verdict. The claim is a ratio within one run: two over one, by threads or by processes, at least 1.7. Then
`--count` stamps and as many checks in one process: resident memory of it and of its parser, where flat means that the median of
the last tenth is within 5 % of the median of the second tenth.

A machine that is busy with something else makes the ratios too small. So hashing is measured in the same turns, which scales as
far as the machine lets anything: where its ratio is not near 2, the others say nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import publish
from benchmarks.provenance_overhead import picture, record
from provenance.asset import Asset
from provenance.inspection import inspect
from provenance.isolation.examiners import IsolatedExaminer, gathered
from provenance.isolation.limits import Limits
from provenance.isolation.parsers import Parsers
from provenance.isolation.setup import EXAMINERS, Setup
from provenance.keys import create_development_credential, signer_from_uri
from provenance.stamp import Stamper
from provenance.trust.store import TrustStore
from provenance.verdict import VerdictPolicy

_MEDIA_TYPES: Final = ("image/jpeg", "image/png")
_WORKS: Final = ("hashes", "stamps", "checks")


def main() -> None:
    """Measure and print; with `--worker`, be one of the processes measured."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=4.0)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--worker", choices=_WORKS, help=argparse.SUPPRESS)
    arguments.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker is not None:
        _serve(options.worker, options.home, options.seconds)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        create_development_credential(home, now=datetime.now(UTC))
        result = _scaling(home, options.seconds, options.rounds)
        memory = {work: _memory(work, home, options.count) for work in ("stamps", "checks")}
    publish("scaling", {**result, "memory": memory}, options.out)


@contextmanager
def _doing(work: str, home: Path, threads: int) -> Iterator[tuple[Callable[[int], object], Parsers | None]]:
    """A function that does the n-th piece of work, and the parsers it uses."""
    if work == "hashes":
        yield lambda _: hashlib.sha256(bytes(2**22)).digest(), None
        return
    stamper, pixels = Stamper(signer_from_uri("development:", home=home)), picture()
    if work == "stamps":
        yield lambda n: stamper.stamp(pixels, record(), media_type=_MEDIA_TYPES[n % 2]), None
        return
    stamped = [stamper.stamp(pixels, record(), media_type=media_type).data for media_type in _MEDIA_TYPES]
    policy = VerdictPolicy()
    with Parsers(Setup(EXAMINERS, TrustStore.load(home, shipped=False)), Limits(processes=threads)) as parsers:
        parsers.start()
        examiners = [IsolatedExaminer(name, parsers) for name in EXAMINERS]

        def check(n: int) -> object:
            asset = Asset.from_bytes(stamped[n % 2])
            return inspect(asset, gathered(asset, examiners, parsers), policy, at=datetime.now(UTC))

        yield check, parsers


def _scaling(home: Path, seconds: float, rounds: int) -> dict[str, Any]:
    rates: dict[tuple[str, str], list[float]] = {}
    for _, work in itertools.product(range(rounds), _WORKS):
        for count in (1, 2):
            rates.setdefault((work, f"{count}_threads"), []).append(_by_threads(work, home, count, seconds))
        for count in (1, 2):
            rates.setdefault((work, f"{count}_processes"), []).append(_by_processes(work, home, count, seconds))
    medians = {key: statistics.median(values) for key, values in rates.items()}
    return {
        work: {
            "per_second": {how: rate for (what, how), rate in medians.items() if what == work},
            "threads_two_over_one": medians[work, "2_threads"] / medians[work, "1_threads"],
            "processes_two_over_one": medians[work, "2_processes"] / medians[work, "1_processes"],
        }
        for work in _WORKS
    }


def _by_threads(work: str, home: Path, threads: int, seconds: float) -> float:
    with _doing(work, home, threads) as (do, _), ThreadPoolExecutor(threads) as pool:
        list(pool.map(do, range(2 * threads)))  # first calls load libraries and fill caches
        return sum(pool.map(lambda _: _rate(do, seconds), range(threads)))


def _rate(do: Callable[[int], object], seconds: float) -> float:
    begun = time.perf_counter()
    for done in itertools.count(1):
        do(done)
        took = time.perf_counter() - begun
        if took >= seconds:
            return done / took
    raise AssertionError("counting has no end")


def _by_processes(work: str, home: Path, processes: int, seconds: float) -> float:
    command = [sys.executable, "-m", "benchmarks.scaling", "--worker", work, "--home", str(home), "--seconds", str(seconds)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return sum(float(worker.communicate()[0]) for worker in workers)


def _serve(work: str, home: Path, seconds: float) -> None:
    with _doing(work, home, 1) as (do, _):
        do(0), do(1)
        print("ready", flush=True)
        sys.stdin.readline()
        print(_rate(do, seconds), flush=True)


def _memory(work: str, home: Path, count: int) -> dict[str, Any]:
    """Resident megabytes of this process and of its parser, early, late and at most."""
    own: list[int] = []
    parser: list[int] = []
    with _doing(work, home, 1) as (do, parsers):
        for n in range(count):
            do(n)
            own.append(_resident_bytes("self"))
            if parsers is not None:
                parser.append(sum(_resident_bytes(str(process_id)) for process_id in parsers.process_ids))
    found = {"count": count, "own_mb": _summary(own)}
    return {**found, "parser_mb": _summary(parser)} if parser else found


def _summary(samples: list[int]) -> dict[str, float]:
    tenth = max(1, len(samples) // 10)
    early, late = statistics.median(samples[tenth : 2 * tenth]), statistics.median(samples[-tenth:])
    return {"early": early / 1e6, "late": late / 1e6, "peak": max(samples) / 1e6, "late_over_early": late / early}


def _resident_bytes(process: str) -> int:
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


if __name__ == "__main__":
    main()
