"""What stamping and checking cost beyond the encoder and the C2PA SDK alone.

    python -m benchmarks.provenance_overhead [--repeats N] [--out FILE]

Three claims, each a ratio of medians within one run over one 512 px JPEG and PNG:

    check   a provenance-only check (digest, manifest, marks, verdict) over a bare SDK read with the same anchor: at most 2
    stamp   a stamp (encode, metadata, sign, read back) over encode + bare sign + bare read: at most 1.5
    rate    stamped 512 px JPEGs a second, in one thread: at least 24
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
from cryptography.hazmat.primitives import serialization
from PIL import Image, ImageFilter

from benchmarks.machine import interleaved, publish, summary
from provenance.asset import Asset
from provenance.evidence import Examiner
from provenance.generation import GenerationRecord
from provenance.inspection import inspect
from provenance.keys import Signer, create_development_credential, signer_from_uri
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import PixelArray
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.trust import TrustStore
from provenance.verdict import VerdictPolicy

_OFFLINE: dict[str, Any] = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"allowed_network_hosts": []},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}
_ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "image/jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "image/png": ("PNG", {"compress_level": 1}),
}


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=200)
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        create_development_credential(home, now=datetime.now(UTC))
        signer = signer_from_uri("development:", home=home)
        result = {media_type: _measure(media_type, signer, home, options.repeats) for media_type in _ENCODERS}
    publish("provenance_overhead", result, options.out)


def _measure(media_type: str, signer: Signer, home: Path, repeats: int) -> dict[str, Any]:
    pixels, record = _picture(), _record()
    stamper, trust = Stamper(signer), TrustStore.load(home)
    stamped = stamper.stamp(pixels, record, media_type=media_type)
    encoded = _encode(pixels, media_type)
    policy = VerdictPolicy()
    examiners: list[Examiner] = [C2paExaminer(trust), MarksExaminer()]
    bare = _BareSdk(signer, media_type, trusting=True)
    bare_untrusting = _BareSdk(signer, media_type, trusting=False)

    def check() -> object:
        return inspect(Asset.from_bytes(stamped.data), examiners, policy, at=datetime.now(UTC))

    seconds = interleaved(
        {
            "check": check,
            "bare_read": lambda: bare.read(stamped.data),
            "bare_read_without_anchor": lambda: bare_untrusting.read(stamped.data),
            "stamp": lambda: stamper.stamp(pixels, record, media_type=media_type),
            "encode": lambda: _encode(pixels, media_type),
            "bare_sign": lambda: bare.sign(encoded),
        },
        repeats=repeats,
    )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    parts = medians["encode"] + medians["bare_sign"] + medians["bare_read"]
    return {
        "check_over_bare_read": medians["check"] / medians["bare_read"],
        "check_over_bare_read_without_anchor": medians["check"] / medians["bare_read_without_anchor"],
        "stamp_over_encode_sign_read": medians["stamp"] / parts,
        "stamps_per_second": 1 / medians["stamp"],
        "times": {name: summary(values) for name, values in seconds.items()},
    }


class _BareSdk:
    """The SDK as its own documentation uses it, without a thumbnail and without network."""

    def __init__(self, signer: Signer, media_type: str, *, trusting: bool) -> None:
        algorithm = getattr(c2pa.C2paSigningAlg, signer.credential.algorithm.name)
        self._signer = c2pa.Signer.from_callback(signer.sign, algorithm, signer.credential.pem.decode())
        anchor = signer.credential.certificates[-1].public_bytes(serialization.Encoding.PEM).decode()
        trust = {"trust": {"trust_anchors": anchor}} if trusting else {}
        self._context = c2pa.Context.from_dict({**_OFFLINE, **trust})
        self._media_type = media_type

    def sign(self, encoded: bytes) -> bytes:
        source_type = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        action = {"action": "c2pa.created", "digitalSourceType": source_type, "softwareAgent": {"name": "bare"}}
        definition = {
            "claim_version": 2,
            "claim_generator_info": [{"name": "bare", "version": "1"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}, "created": True}],
        }
        out = io.BytesIO()
        with c2pa.Builder(json.dumps(definition), context=self._context) as builder:
            builder.sign(self._signer, self._media_type, io.BytesIO(encoded), out)
        return out.getvalue()

    def read(self, signed: bytes) -> str:
        with c2pa.Reader(self._media_type, io.BytesIO(signed), context=self._context) as reader:
            return str(reader.json())


def _encode(pixels: PixelArray, media_type: str) -> bytes:
    name, options = _ENCODERS[media_type]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, name, **options)
    return out.getvalue()


def _picture() -> PixelArray:
    """512 px of smooth colour with some texture, seeded: neither flat nor noise."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((512, 512), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 4, (512, 512, 3))
    blurred = np.asarray(coarse.filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)
    return np.clip(blurred + grain, 0, 255).astype(np.uint8)


def _record() -> GenerationRecord:
    return GenerationRecord(
        model="example/model",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        prompt="a lighthouse",
        seed=7,
        parameters={"steps": 4},
    )


if __name__ == "__main__":
    main()
