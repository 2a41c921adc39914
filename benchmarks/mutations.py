"""Mutated files through the provenance examiners of `check`: no crash, no hang, no wrong "trusted".

    python -m benchmarks.mutations --state DIRECTORY [--mutants N] [--seed S] [--processes N] [--minutes M]
                                   [--shared DIRECTORY] [--out FILE]

Bit flips, splices, truncations and the like, of files stamped here in every format and of the files in `--shared`, go through
the parsers that a service uses, with their limits. Everything is decided by the seed and the mutant's number; where a run ends
early it goes on from the state's directory, which also holds the originals (their keys are thrown away) and every mutant that
got no ordinary answer. Counted are mutants that examiners saw; those that `check` refuses by header or first bytes are counted
beside.

A mutant may read "trusted" only if the bytes that differ lie where no hash of the signer reaches, and if it declares what its
original declares: inside the container of the manifest itself (the store has hashes and a signature of its own; its padding,
its framing, its label and the time-stamp beside the signature have none), or in the parts of ISO base media files that C2PA
leaves out (ftyp, free). Every such place is listed with its count; any other is wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import publish
from benchmarks.mutation_corpus import Original, load_corpus
from benchmarks.mutation_kinds import differences, mutated, regions
from provenance.asset import Asset
from provenance.errors import AssetError, ExaminerCrashed, ExaminerError, ExaminerOutOfMemory, ExaminerTimedOut
from provenance.evidence import C2PA_EXAMINER, DeclarationEvidence, Evidence, declarations
from provenance.isolation.answers import Look
from provenance.isolation.limits import Limits
from provenance.isolation.parsers import Parsers
from provenance.isolation.setup import EXAMINERS, Setup
from provenance.trust.store import TrustStore
from provenance.verdict import ProvenanceState, provenance_state

_HANG_S: Final = 20.0
_CHECKPOINT_S: Final = 60.0
_NO_HASH_REACHES: Final = {
    "image/png": {"caBX"},
    "image/jpeg": {"marker EB"},
    "image/webp": {"C2PA"},
    "audio/wav": {"C2PA"},
    "image/tiff": {"manifest store"},
    "image/gif": {"manifest store"},
    "audio/mpeg": {"manifest store"},
}
_NO_HASH_REACHES_BMFF: Final = {"uuid", "ftyp", "free", "skip", "mfra"}
_MAX_KEPT: Final = 200


def main() -> None:
    """Run, or go on, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--state", type=Path, required=True)
    arguments.add_argument("--mutants", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--minutes", type=float, help="stop after this long; a later run goes on")
    arguments.add_argument("--shared", type=Path, help="a folder of C2PA test files")
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    originals, trust = load_corpus(options.state / "corpus", options.shared)
    campaign = Campaign(options.state, options.seed, originals, trust, options.processes)
    until = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    with Parsers(Setup(EXAMINERS, trust), Limits(wall_s=_HANG_S, processes=options.processes)) as parsers:
        campaign.run(parsers, options.mutants, until)
    publish("mutations", campaign.result(), options.out)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """What the untouched original reads as."""

    state: ProvenanceState | None
    declared: Sequence[DeclarationEvidence]


class Campaign:
    """Counts outcomes, keeps what is unusual, and can be taken up again."""

    def __init__(self, state: Path, seed: int, originals: Sequence[Original], trust: TrustStore, processes: int) -> None:
        self._state = state
        self._seed = seed
        self._originals = originals
        self._all = [original.data for original in originals]
        self._processes = processes
        self._lock = threading.Lock()
        self._progress = state / f"progress-{seed}.json"
        found = json.loads(self._progress.read_text("utf-8")) if self._progress.exists() else {}
        self._next = int(found.get("next", 0))
        self._seconds = float(found.get("seconds", 0.0))
        self._counts = {
            name: Counter(found.get(name, {})) for name in ("outcomes", "kinds", "trusted_at", "defects", "formats")
        }
        self._slowest_s = float(found.get("slowest_s", 0.0))
        self._baselines: list[_Baseline] = []
        self._kept = 0

    @property
    def examined(self) -> int:
        """Mutants that examiners saw."""
        return sum(count for name, count in self._counts["outcomes"].items() if not name.startswith("refused"))

    def run(self, parsers: Parsers, mutants: int, until: float) -> None:
        """Go on until so many were examined, or the time is over."""
        self._baselines = [self._baseline(parsers, original) for original in self._originals]
        begun, saved = time.monotonic(), time.monotonic()
        before = self._seconds
        with ThreadPoolExecutor(self._processes) as threads:
            while self.examined < mutants and time.monotonic() < until:
                batch = range(self._next, self._next + min(200, max(1, mutants - self.examined)))
                list(threads.map(lambda number: self._one(parsers, number), batch))
                self._next = batch.stop
                self._seconds = before + time.monotonic() - begun
                if time.monotonic() - saved > _CHECKPOINT_S:
                    self._save()
                    saved = time.monotonic()
        self._save()

    def result(self) -> dict[str, Any]:
        """The counts."""
        outcomes = self._counts["outcomes"]
        return {
            "seed": self._seed,
            "examined": self.examined,
            "originals": len(self._originals),
            "originals_trusted": sorted(
                original.name
                for original, baseline in zip(self._originals, self._baselines, strict=True)
                if baseline.state is ProvenanceState.TRUSTED
            ),
            "crashes": outcomes["crash"],
            "hangs": outcomes["hang"],
            "out_of_memory": outcomes["memory"],
            "defects": dict(self._counts["defects"]),
            "wrong_trusted": outcomes["wrong trusted"],
            "slowest_s": self._slowest_s,
            "seconds": self._seconds,
            "outcomes": dict(outcomes.most_common()),
            "kinds": dict(self._counts["kinds"].most_common()),
            "formats": dict(self._counts["formats"].most_common()),
            "trusted_where_no_hash_reaches": dict(self._counts["trusted_at"].most_common()),
        }

    def _baseline(self, parsers: Parsers, original: Original) -> _Baseline:
        try:
            look = parsers.look(Asset.from_bytes(original.data), EXAMINERS)
        except AssetError:
            return _Baseline(None, ())
        evidence = _evidence(look)
        return _Baseline(provenance_state(evidence), declarations(evidence))

    def _one(self, parsers: Parsers, number: int) -> None:
        rng = random.Random(f"{self._seed}:{number}")  # noqa: S311  # reproducible, not secret
        # Half of the mutants are of our own stamps, of which there are few: one of each format.
        own = [index for index, original in enumerate(self._originals) if original.name.startswith("own.")]
        index = rng.choice(own if rng.random() < 0.5 else range(len(self._originals)))
        kind, data = mutated(self._all[index], self._all, rng)
        begun = time.monotonic()
        outcome, detail = self._outcome(parsers, index, data)
        took = time.monotonic() - begun
        with self._lock:
            self._counts["outcomes"][outcome] += 1
            if not outcome.startswith("refused"):
                self._counts["kinds"][kind] += 1
                self._counts["formats"][self._originals[index].media_type] += 1
                self._slowest_s = max(self._slowest_s, took)
            if outcome == "trusted where no hash reaches":
                self._counts["trusted_at"][detail] += 1
            elif outcome == "defect":
                self._counts["defects"][detail] += 1
            if outcome in ("crash", "hang", "memory", "wrong trusted", "defect") and self._kept < _MAX_KEPT:
                self._kept += 1
                name = f"{outcome.replace(' ', '_')}-{self._seed}-{number}-{self._originals[index].name}"
                (self._state / name).write_bytes(data)
                (self._state / f"{name}.txt").write_text(f"{kind}: {detail}\n", encoding="utf-8")

    def _outcome(self, parsers: Parsers, index: int, data: bytes) -> tuple[str, str]:  # noqa: PLR0911  # one for each
        try:
            asset = Asset.from_bytes(data)
        except AssetError as err:
            return f"refused: {err.code}", ""
        try:
            look = parsers.look(asset, EXAMINERS)
        except AssetError as err:
            return f"refused: {err.code}", ""
        except ExaminerTimedOut as err:
            return "hang", str(err)
        except ExaminerOutOfMemory as err:
            return "memory", str(err)
        except ExaminerCrashed as err:
            return "crash", str(err)
        for name, found in look.found.items():
            if isinstance(found, ExaminerError) and "not foreseen" in str(found):
                return "defect", f"{name}: {found}"
        evidence = _evidence(look)
        state = provenance_state(evidence)
        if state is not ProvenanceState.TRUSTED:
            return str(state or "unavailable"), ""
        return self._trusted(index, asset, evidence)

    def _trusted(self, index: int, asset: Asset, evidence: Sequence[Evidence]) -> tuple[str, str]:
        """Whether this mutant may be trusted, and where it differs from its original."""
        original, baseline = self._originals[index], self._baselines[index]
        ranges = differences(original.data, asset.data)
        where = regions(original.data, original.media_type, ranges)
        bmff = _NO_HASH_REACHES_BMFF if original.data[4:8] == b"ftyp" else set()
        unreached = where <= _NO_HASH_REACHES.get(original.media_type, bmff)
        same_report = _declared_alike(baseline.declared, declarations(evidence))
        detail = f"{original.media_type}: {', '.join(sorted(where))}"
        if baseline.state is ProvenanceState.TRUSTED and same_report and unreached:
            return "trusted where no hash reaches", detail
        return "wrong trusted", f"{detail}, first {ranges[0]}, last {ranges[-1]}, same report: {same_report}"

    def _save(self) -> None:
        with self._lock:
            counts = {name: dict(counter) for name, counter in self._counts.items()}
            values = {"next": self._next, "seconds": self._seconds, "slowest_s": self._slowest_s, **counts}
            part = self._progress.with_suffix(".part")
            part.write_text(json.dumps(values), encoding="utf-8")
            part.replace(self._progress)


def _declared_alike(before: Sequence[DeclarationEvidence], after: Sequence[DeclarationEvidence]) -> bool:
    """Whether the manifests declare the same, but for their names, and for a time-stamp that may have been lost."""
    pairs = zip_longest(*([e for e in found if e.examiner == C2PA_EXAMINER] for found in (before, after)))
    return all(
        old is not None
        and new is not None
        and new.signed_at in (None, old.signed_at)
        and replace(new, locator="", signed_at=None) == replace(old, locator="", signed_at=None)
        for old, new in pairs
    )


def _evidence(look: Look) -> list[Evidence]:
    return [item for found in look.found.values() if isinstance(found, tuple) for item in found]


if __name__ == "__main__":
    main()
