"""Which requirements of the rubric our manifests meet, for every kind of generation, as a table.

    python -m benchmarks.rubric [--out FILE]

Everything is stamped here, with a throw-away development credential; the requirements are those of
`provenance.conformance.rubric`. No time-stamp authority is asked, so that requirement does not arise; a bound watermark is
pending.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.machine import publish
from benchmarks.varied_images import painted
from provenance.asset import Asset
from provenance.conformance.requirements import Standing
from provenance.conformance.rubric import Result, evaluate
from provenance.derivation import Derivation, Deriver
from provenance.evidence import Permission, UsageWish, Use
from provenance.generation import GenerationMode, GenerationRecord
from provenance.keys import create_development_credential, signer_from_uri
from provenance.metadata.png_encoding import encode_png
from provenance.pixels import PixelArray
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.trust.store import TrustStore

_SIGNS = {Standing.PASSED: "yes", Standing.FAILED: "NO", Standing.NOT_APPLICABLE: "-", Standing.PENDING: "pending"}


def main() -> None:
    """Stamp, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        create_development_credential(home, now=datetime.now(UTC))
        stamper = Stamper(signer_from_uri("development:", home=home))
        examiner = C2paExaminer(TrustStore.load(home, shipped=False))
        results = {kind: _judged(examiner, asset) for kind, asset in _assets(stamper).items()}
    _print(results)
    table = {kind: {result.id: result.standing for result in found} for kind, found in results.items()}
    counts = {kind: dict(Counter(standings.values())) for kind, standings in table.items()}
    wrong = {f"{kind}: {r.id}": r.found for kind, found in results.items() for r in found if r.standing is Standing.FAILED}
    publish("rubric", {"counts": counts, "failed": wrong, "table": table}, options.out)


def _assets(stamper: Stamper) -> dict[str, Asset]:
    rng = np.random.default_rng(0)
    pixels: list[PixelArray] = [np.asarray(painted(256, 192, rng)) for _ in range(3)]
    plain = Asset.from_bytes(encode_png(pixels[1]))
    generated = stamper.stamp(pixels[2], _record(GenerationMode.TEXT_TO_IMAGE))
    made = {"text-to-image": generated, "stamped again": stamper.stamp_asset(generated, _record(GenerationMode.TEXT_TO_IMAGE))}
    for mode in (GenerationMode.IMAGE_TO_IMAGE, GenerationMode.INPAINTING, GenerationMode.UPSCALING):
        made[f"{mode.value} of a plain image"] = stamper.stamp(pixels[0], _record(mode, plain))
    made["inpainting of a generated image"] = stamper.stamp(pixels[0], _record(GenerationMode.INPAINTING, generated))
    made["derivative of a generated image"] = Deriver(stamper).derive(generated, Derivation(width=100, media_type="image/jpeg"))
    made["image-to-image of two"] = stamper.stamp(pixels[0], _record(GenerationMode.IMAGE_TO_IMAGE, generated, plain))
    return made


def _record(mode: GenerationMode, *parents: Asset) -> GenerationRecord:
    return GenerationRecord(
        model="example/model",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        mode=mode,
        prompt="a lighthouse at dusk",
        seed=7,
        parents=parents,
        wishes=(UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),),
    )


def _judged(examiner: C2paExaminer, asset: Asset) -> Sequence[Result]:
    document = examiner.crjson(asset)
    if document is None:
        raise SystemExit("a stamped image carries no manifest")
    return evaluate(document)


def _print(results: dict[str, Sequence[Result]]) -> None:
    kinds = list(results)
    for number, kind in enumerate(kinds):
        sys.stderr.write(f"{number}: {kind}\n")
    for row in zip(*results.values(), strict=True):
        signs = "".join(f"{_SIGNS[result.standing]:>8}" for result in row)
        sys.stderr.write(f"{row[0].id:32}{signs}  {row[0].requirement}\n")


if __name__ == "__main__":
    main()
