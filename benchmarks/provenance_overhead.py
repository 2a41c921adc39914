"""What stamping and checking cost beyond the encoder and the C2PA SDK alone.

    python -m benchmarks.provenance_overhead [--repeats N] [--out FILE]

Claims, each a ratio of medians within one run over one 512 px JPEG and PNG:

    check   a provenance-only check (digest, manifest, marks, verdict) over a bare SDK read with the same anchor: at most 2
    sign    signing and reading back over a bare lean sign + bare read of the same encoded bytes: at most 1.3; the second ratio
            has the bare read take the stamp, whose manifest is larger
    stamp   a stamp (encode, metadata, sign, read back) over the fastest encode + bare sign + bare read: at most 1.5
    rate    stamped 512 px JPEGs a second, in one thread: at least 24

Lean is a manifest of one action, without thumbnail. The fastest encoder is the one stamping uses itself; the table of PNG
encoders is `benchmarks.png_encoders`. Also measured, without a claim: the check in a confined process, as the command and the
service do it, over the same check in this process; and over a bare read, with the published trust lists on both sides.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
from PIL import Image, ImageFilter

from benchmarks.machine import interleaved, publish, summary
from provenance.asset import Asset
from provenance.evidence import Examiner
from provenance.generation import GenerationRecord
from provenance.inspection import inspect
from provenance.isolation.examiners import IsolatedExaminer, gathered
from provenance.isolation.parsers import Parsers
from provenance.isolation.setup import EXAMINERS, Setup
from provenance.keys import Signer, create_development_credential, signer_from_uri
from provenance.manifest import manifest_for
from provenance.metadata import declaration
from provenance.metadata.encoding import encode_pixels
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import PixelArray
from provenance.reader import C2paExaminer
from provenance.stamp import SOFTWARE, Stamper
from provenance.trust.store import TrustStore
from provenance.verdict import VerdictPolicy

_OFFLINE: dict[str, Any] = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"allowed_network_hosts": []},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}
_MEDIA_TYPES = ("image/jpeg", "image/png")


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
        result = {media_type: _measure(media_type, signer, home, options.repeats) for media_type in _MEDIA_TYPES}
    publish("provenance_overhead", result, options.out)


def _measure(media_type: str, signer: Signer, home: Path, repeats: int) -> dict[str, Any]:
    pixels, made = picture(), record()
    stamper, trust = Stamper(signer), TrustStore.load(home, shipped=False)
    stamped = stamper.stamp(pixels, made, media_type=media_type)
    instance_id = "xmp.iid:00000000-0000-4000-8000-000000000000"
    declared = declaration.encode(pixels, made, media_type=media_type, instance_id=instance_id, software="Assay")
    manifest = manifest_for(made, media_type=media_type, instance_id=instance_id, software=SOFTWARE)
    published = TrustStore.load(home)
    bare, bare_published = _BareSdk(signer, media_type, trust), _BareSdk(signer, media_type, published)
    with Parsers(Setup(EXAMINERS, trust)) as parsers:
        seconds = interleaved(
            {
                "check": _check(stamped.data, [C2paExaminer(trust), MarksExaminer()]),
                "check_published": _check(stamped.data, [C2paExaminer(published), MarksExaminer()]),
                "check_isolated": _check(stamped.data, [IsolatedExaminer(n, parsers) for n in ("c2pa", "marks")], parsers),
                "check_everyone_isolated": _check(stamped.data, [IsolatedExaminer(n, parsers) for n in EXAMINERS], parsers),
                "bare_read": lambda: bare.read(stamped.data),
                "bare_read_published": lambda: bare_published.read(stamped.data),
                "stamp": lambda: stamper.stamp(pixels, made, media_type=media_type),
                "sign_and_verify": lambda: stamper.sign_last(declared, manifest, source=made.digital_source_type),
                "encode": lambda: encode_pixels(pixels, media_type=media_type),
                # In one chain, as stamping is: timed apart, each part would find its bytes in the processor's caches.
                "bare_encode_sign_read": lambda: bare.read(bare.sign(encode_pixels(pixels, media_type=media_type).data)),
                "bare_sign_read": lambda: bare.read(bare.sign(declared.data)),
                "bare_sign_read_stamp": lambda: (bare.sign(declared.data), bare.read(stamped.data)),
            },
            repeats=repeats,
        )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "check_over_bare_read": medians["check"] / medians["bare_read"],
        "check_over_bare_read_published_lists": medians["check_published"] / medians["bare_read_published"],
        "isolated_over_check": medians["check_isolated"] / medians["check"],
        "isolated_over_bare_read": medians["check_isolated"] / medians["bare_read"],
        "sign_and_verify_over_bare_sign_read": medians["sign_and_verify"] / medians["bare_sign_read"],
        "sign_and_verify_over_bare_sign_and_read_of_the_stamp": medians["sign_and_verify"] / medians["bare_sign_read_stamp"],
        "stamp_over_bare_encode_sign_read": medians["stamp"] / medians["bare_encode_sign_read"],
        "stamps_per_second": 1 / medians["stamp"],
        "times": {name: summary(values) for name, values in seconds.items()},
    }


def _check(data: bytes, examiners: Sequence[Examiner], parsers: Parsers | None = None) -> Callable[[], object]:
    policy = VerdictPolicy()

    def check() -> object:
        asset = Asset.from_bytes(data)
        looking = examiners if parsers is None else gathered(asset, examiners, parsers)
        return inspect(asset, looking, policy, at=datetime.now(UTC))

    return check


class _BareSdk:
    """The SDK as its own documentation uses it, without a thumbnail and without network."""

    def __init__(self, signer: Signer, media_type: str, trust: TrustStore) -> None:
        algorithm = getattr(c2pa.C2paSigningAlg, signer.credential.algorithm.name)
        self._signer = c2pa.Signer.from_callback(signer.sign, algorithm, signer.credential.pem.decode())
        anchors = b"".join(entry.anchors_pem for entry in trust.lists).decode()
        self._context = c2pa.Context.from_dict({**_OFFLINE, "trust": {"trust_anchors": anchors}})
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


def picture() -> PixelArray:
    """512 px of smooth colour with some texture, seeded: neither flat nor noise."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((512, 512), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 4, (512, 512, 3))
    blurred = np.asarray(coarse.filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)
    return np.clip(blurred + grain, 0, 255).astype(np.uint8)


def record() -> GenerationRecord:
    """What made it, supposedly."""
    return GenerationRecord(
        model="example/model",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        prompt="a lighthouse",
        seed=7,
        parameters={"steps": 4},
    )


if __name__ == "__main__":
    main()
