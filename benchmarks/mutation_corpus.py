"""The originals of the mutation campaign: small stamps in every format, made here, and test files of others where they are."""

from __future__ import annotations

import io
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from provenance.asset import Asset
from provenance.errors import AssetError
from provenance.evidence import Tier
from provenance.generation import GenerationMode, GenerationRecord
from provenance.keys import create_development_credential, signer_from_uri
from provenance.stamp import ENCODABLE_MEDIA_TYPES, Stamper
from provenance.trust.store import TrustList, TrustPurpose, TrustStore

_MAX_PICTURE_BYTES: Final = 300_000
_MAX_TIMED_BYTES: Final = 1_000_000
_ROOTS: Final = ("c2pa-rs-test-roots.pem", "lab-roots.pem")


@dataclass(frozen=True, slots=True)
class Original:
    """A file before it is mutated."""

    name: str
    media_type: str
    data: bytes


def load_corpus(folder: Path, shared: Path | None) -> tuple[list[Original], TrustStore]:
    """The originals in `folder`, made on the first call, and trust in whoever signed them."""
    if not (folder / "own.pem").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _stamp_all(folder)
        for path, asset in _shared_assets(shared):
            (folder / f"{path.parent.name}-{path.name}").write_bytes(asset.data)
        (folder / "own.pem").write_bytes((folder / "own.part").read_bytes())
    lists = [TrustList("own", TrustPurpose.SIGNERS, Tier.DEVELOPMENT, (folder / "own.pem").read_bytes())]
    if shared is not None:
        roots = b"".join((shared / "trust" / name).read_bytes() for name in _ROOTS)
        lists.append(TrustList("test roots", TrustPurpose.SIGNERS, Tier.CURRENT, roots))
    originals = []
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".pem", ".part"):
            asset = Asset.from_bytes(path.read_bytes())
            originals.append(Original(path.name, asset.media_type, asset.data))
    return originals, TrustStore(tuple(lists))


def _stamp_all(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        create_development_credential(Path(home), now=datetime.now(UTC))
        signer = signer_from_uri("development:", home=Path(home))
        stamper = Stamper(signer)
        pixels = np.random.default_rng(0).integers(0, 256, (72, 96, 3), dtype=np.uint8)
        record = GenerationRecord(model="example/model", created_at=datetime.now(UTC), prompt="a lighthouse", seed=7)
        for media_type in sorted(ENCODABLE_MEDIA_TYPES):
            stamped = stamper.stamp(pixels, record, media_type=media_type)
            (folder / f"own.{media_type.partition('/')[2]}").write_bytes(stamped.data)
        spoken = GenerationRecord(model="example/voice", created_at=datetime.now(UTC), mode=GenerationMode.TEXT_TO_AUDIO)
        (folder / "own.wav").write_bytes(stamper.stamp_asset(Asset.from_bytes(_tone()), spoken).data)
        (folder / "own.part").write_bytes(signer.credential.pem)


def _tone() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(np.arange(4000) / 3)).astype("<i2").tobytes())
    return out.getvalue()


def _shared_assets(shared: Path | None) -> Iterator[tuple[Path, Asset]]:
    for path in sorted(shared.rglob("*")) if shared is not None else ():
        if not path.is_file() or path.stat().st_size > _MAX_TIMED_BYTES:
            continue
        try:
            asset = Asset.from_bytes(path.read_bytes())
        except AssetError:
            continue
        if not asset.has_pixels or len(asset.data) <= _MAX_PICTURE_BYTES:
            yield path, asset
