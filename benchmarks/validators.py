"""Whether two independent validators find our stamped images intact, and altered copies of them not.

    python -m benchmarks.validators --node-modules DIR [--count N] [--photographs DIR] [--keep DIR] [--out FILE]

encypher-c2pa (Rust, from PyPI) and @trustnxt/c2pa-ts (TypeScript; `npm install @trustnxt/c2pa-ts` makes DIR) are asked
about every image, and about a copy with one bit of its content flipped: a validator that calls that intact as well has
not looked. Intact is all that is asked; whom to trust is another question. A format a validator does not know is "not read".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import encypher_c2pa

from benchmarks.machine import publish
from benchmarks.varied_images import VariedImage, stamped_images
from benchmarks.varied_roads import signed_files, trusting
from provenance.asset import Asset
from provenance.evidence import failure_codes
from provenance.keys import create_development_credential, signer_from_uri
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.status_codes import MISMATCHES
from provenance.trust.store import TrustStore


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a validator says of one file."""

    intact: bool | None
    """None: the format is not read."""
    codes: tuple[str, ...] = ()
    """Why it is not intact."""


def main() -> None:
    """Stamp, ask, and print tables by format and by road."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node-modules", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--photographs", type=Path, help="folder of photographs; none: all images are painted")
    parser.add_argument("--keep", type=Path, help="folder to keep the files in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = sorted(options.photographs.rglob("*.jpg")) if options.photographs else []
    photographs = found[:: max(1, 2 * len(found) // options.count)]  # every second image is one
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        create_development_credential(home, now=datetime.now(UTC))
        stamper = Stamper(signer_from_uri("development:", home=home))
        images = list(stamped_images(stamper, options.count, photographs=photographs))
        folder = options.keep or home
        result = {
            "images": {"n": len(images), "photographs": len(photographs)}
            | _asked(images, TrustStore.load(home, shipped=False), folder / "images", options.node_modules),
            "other_roads": _asked(list(signed_files()), trusting(), folder / "roads", options.node_modules, by_road=True),
        }
    publish("validators", {**result, "c2pa-ts": _version_of(options.node_modules)}, options.out)


def _asked(
    files: Sequence[VariedImage], trust: TrustStore, folder: Path, node_modules: Path, *, by_road: bool = False
) -> dict[str, Any]:
    """Both validators' opinions of the files and of altered copies, which are written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    examiner = C2paExaminer(trust)
    sound = _written(folder, "sound", [file.asset for file in files])
    altered = _written(folder, "altered", [_altered(file.asset, examiner) for file in files])
    opinions = {
        "encypher-c2pa": (_encypher(sound), _encypher(altered)),
        "c2pa-ts": (_c2pa_ts(sound, node_modules), _c2pa_ts(altered, node_modules)),
    }
    return {name: _table(files, *asked, by_road=by_road) for name, asked in opinions.items()}


def _version_of(node_modules: Path) -> str:
    package = json.loads((node_modules / "@trustnxt/c2pa-ts/package.json").read_text(encoding="utf-8"))
    return str(package["version"])


def _altered(asset: Asset, examiner: C2paExaminer) -> Asset:
    """A copy with one bit of its content flipped, as far back as our own reader calls that a mismatch and nothing else."""
    for at in range(1, len(asset.data), max(1, len(asset.data) // 200)):
        data = bytearray(asset.data)
        data[-at] ^= 1
        changed = replace(asset, data=bytes(data))
        if failure_codes(examiner.examine(changed)) & MISMATCHES:
            return changed
    raise SystemExit(f"no bit of this {asset.media_type} could be flipped with a mismatch for an answer")


def _written(folder: Path, kind: str, assets: Sequence[Asset]) -> list[tuple[Path, str]]:
    written = []
    for number, asset in enumerate(assets):
        path = folder / f"{number:03d}-{kind}.{asset.media_type.partition('/')[2]}"
        path.write_bytes(asset.data)
        written.append((path, asset.media_type))
    return written


def _encypher(files: Sequence[tuple[Path, str]]) -> list[Opinion]:
    known = set(encypher_c2pa.supported_mime_types())
    return [_encypher_one(path, media_type) if media_type in known else Opinion(None) for path, media_type in files]


def _encypher_one(path: Path, media_type: str) -> Opinion:
    report: Mapping[str, Any] = encypher_c2pa.verify(
        path.read_bytes(), media_type, no_default_trust=True, telemetry=False, online=False
    )
    failures = (report.get("validation_results") or {}).get("failure") or []
    codes = tuple(str(status.get("code")) for status in failures)
    return Opinion(report["integrity"] == "valid", codes or (str(report["integrity"]),))


def _c2pa_ts(files: Sequence[tuple[Path, str]], node_modules: Path) -> list[Opinion]:
    runner = Path(__file__).with_name("c2pa_ts.mjs")
    asked = "".join(f"{path}\n" for path, _ in files)
    done = subprocess.run(["node", runner, node_modules], input=asked, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if [answer["path"] for answer in answers] != [str(path) for path, _ in files]:
        raise SystemExit("c2pa-ts did not answer for every file")
    return [Opinion(answer.get("intact") if answer["read"] else None, tuple(answer.get("codes") or ())) for answer in answers]


def _table(
    files: Sequence[VariedImage], sound: Sequence[Opinion], altered: Sequence[Opinion], *, by_road: bool
) -> dict[str, Any]:
    """Counts by format, also by road if asked for, and every disagreement in words."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    disagreements = []
    for file, found, control in zip(files, sound, altered, strict=True):
        for group in (file.asset.media_type, file.traits) if by_road else (file.asset.media_type,):
            groups[group]["not_read" if found.intact is None else "intact" if found.intact else "not_intact"] += 1
            groups[group]["altered_called_intact"] += bool(control.intact)
        if found.intact is False or control.intact:
            said = {"intact": found.intact, "altered_copy_intact": control.intact, "codes": found.codes}
            disagreements.append({"file": f"{file.asset.media_type}, {file.traits}", **said})
    totals = {
        "intact": sum(found.intact is True for found in sound),
        "not_intact": sum(found.intact is False for found in sound),
        "not_read": sum(found.intact is None for found in sound),
        "altered_called_intact": sum(bool(control.intact) for control in altered),
    }
    return {"all": totals, "groups": {name: dict(counts) for name, counts in groups.items()}, "disagreements": disagreements}


if __name__ == "__main__":
    main()
