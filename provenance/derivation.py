"""Make a derivative of a picture, such as a thumbnail, that keeps its provenance: for platforms that must not strip it.

The road is that of a stamp: decode, resample, encode once, carry the source's own labels over, sign last with the source as
parent, read back. The manifest says what was done and nothing else: `c2pa.opened` with the source's manifest kept, then
`c2pa.resized.proportional` if its size changed, then `c2pa.transcoded`. Nothing new is declared of how the picture came to be:
what is made of a generated picture is synthetic because its parent says so.

A source that was altered after it was signed, or whose manifest cannot be taken in, is refused: a derivative would launder it.

Source: C2PA Technical Specification 2.4, "Actions", "Ingredient".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from provenance.asset import Asset
from provenance.errors import AssetUnsupported, DerivationInvalid, RecordInvalid
from provenance.evidence import StatusEvidence, failure_codes
from provenance.manifest import SPECIFICATION_VERSION, Ingredient, ManifestDefinition
from provenance.metadata.carried import carry
from provenance.metadata.encoding import ENCODABLE_MEDIA_TYPES, TRANSPARENT_MEDIA_TYPES, encode_pixels
from provenance.pixels import MAX_ASSET_PIXELS
from provenance.rendition import Rendition, Size, render
from provenance.stamp import SOFTWARE, Stamper
from provenance.status_codes import IDENTITY_CODES_PREFIX, MANIFEST_REMOTE

MAX_EDGE: Final = 16_384
"""Longest edge that can be asked for, in pixels."""
_SAME_AS: Final = {"image/gif": "image/png", "image/heif": "image/heic"}
"""Formats that are read and not written, and what is written instead unless something else is asked for."""
_PARENT: Final = "parent-0"
_ABOUT_SIGNERS: Final = ("signingCredential.", "timeStamp.", "claimSignature.outsideValidity", IDENTITY_CODES_PREFIX)
"""How codes begin that say who signed and when, and nothing of whether the manifest holds together."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is asked for; the aspect ratio is always kept.

    Raises:
        DerivationInvalid: A value is out of range, or the format is not one that is written.
    """

    width: int | None = None
    """The derivative is at most this wide, in pixels, upright."""
    height: int | None = None
    """And at most this high."""
    enlarge: bool = False
    """Whether a smaller picture is enlarged until it touches the limits; otherwise its size stays."""
    media_type: str | None = None
    """One of `ENCODABLE_MEDIA_TYPES`; none: the source's own, PNG for GIF, HEIC for HEIF."""
    quality: int | None = None
    """1 to 100 for lossy formats; none: high, see `provenance.metadata.encoding`."""

    def __post_init__(self) -> None:
        for name, edge in (("width", self.width), ("height", self.height)):
            if edge is not None and not 1 <= edge <= MAX_EDGE:
                raise DerivationInvalid(f"{name} must lie between 1 and {MAX_EDGE} pixels, got {edge}")
        if self.enlarge and self.width is None and self.height is None:
            raise DerivationInvalid("enlarging needs a width or a height")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise DerivationInvalid(f"quality must lie between 1 and 100, got {self.quality}")
        if self.media_type is not None and self.media_type not in ENCODABLE_MEDIA_TYPES:
            formats = ", ".join(ENCODABLE_MEDIA_TYPES)
            raise DerivationInvalid(f"derivatives are not written as {self.media_type}; choose one of {formats}")

    def size_for(self, source: Size) -> Size:
        """The size of the derivative of a picture of this size.

        Raises:
            DerivationInvalid: Enlarged to it, the longer edge would be beyond `MAX_EDGE`.
        """
        limits = ((self.width, source.width), (self.height, source.height))
        scale = min((limit / edge for limit, edge in limits if limit is not None), default=1.0)
        if scale >= 1.0 and not self.enlarge:
            return source
        size = Size(*(max(1, round(edge * scale)) for edge in source))
        if scale > 1.0 and max(size) > MAX_EDGE:
            raise DerivationInvalid(f"{size.width} x {size.height} pixels are asked for, an edge may have {MAX_EDGE}")
        return size


THUMBNAIL: Final = Derivation(width=256, height=256, media_type="image/jpeg", quality=85)
"""A picture for lists and previews."""


def _now() -> datetime:
    return datetime.now(UTC)


class Deriver:
    """Makes derivatives and signs them as its stamper does; safe to share between threads."""

    def __init__(self, stamper: Stamper, *, clock: Callable[[], datetime] = _now, max_pixels: int = MAX_ASSET_PIXELS) -> None:
        """Sign with `stamper`.

        Args:
            stamper: Who signs, and reads back.
            clock: Current time, with a time zone.
            max_pixels: Limit of decoded pixels, and of those of a derivative.
        """
        self._stamper = stamper
        self._clock = clock
        self._max_pixels = max_pixels

    def derive(self, source: Asset, derivation: Derivation) -> Asset:
        """A derivative of `source`, signed, with `source` as its parent.

        Raises:
            AssetUnsupported: It is a sound or a film, or has transparency or a size that the format cannot hold.
            AssetError: It cannot be decoded or examined, or its metadata cannot be carried over.
            DerivationInvalid: The derivative would be larger than is allowed.
            RecordInvalid: The source was altered after it was signed, or what it declares cannot be kept.
            ManifestError, SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        if not source.has_pixels:
            raise AssetUnsupported(f"{source.media_type} is no still image: derivatives are made of still images only")
        media_type = derivation.media_type or _SAME_AS.get(source.media_type, source.media_type)
        rendition = render(
            source,
            lambda size: self._allowed(derivation.size_for(size)),
            transparency=media_type in TRANSPARENT_MEDIA_TYPES,
            max_pixels=self._max_pixels,
        )
        _require_keepable(source, self._stamper)
        bare = encode_pixels(
            rendition.pixels, media_type=media_type, quality=derivation.quality, icc_profile=rendition.icc_profile
        )
        at, instance_id = self._clock(), f"xmp.iid:{uuid.uuid4()}"
        carried = carry(source, bare, size=rendition.size, instance_id=instance_id, at=at, max_pixels=self._max_pixels)
        return self._stamper.sign_last(carried, _manifest(source, carried, rendition, instance_id=instance_id, at=at))

    def _allowed(self, size: Size) -> Size:
        if size.width * size.height > self._max_pixels:
            raise DerivationInvalid(f"{size.width} x {size.height} pixels are asked for, the limit is {self._max_pixels}")
        return size


def _require_keepable(source: Asset, stamper: Stamper) -> None:
    """Return only if what the source's manifest says can be kept in the derivative's, whoever signed it.

    Raises:
        RecordInvalid: It was altered, its manifest is malformed, or it is elsewhere.
    """
    evidence = stamper.examine_parent(source)
    unsound = sorted(code for code in failure_codes(evidence) if not code.startswith(_ABOUT_SIGNERS))
    if unsound:
        found = ", ".join(unsound)
        raise RecordInvalid(f"the manifest of {source.sha256[:12]} is malformed and cannot be kept in a derivative: {found}")
    if any(isinstance(e, StatusEvidence) and e.code == MANIFEST_REMOTE for e in evidence):
        raise RecordInvalid(f"the manifest of {source.sha256[:12]} is elsewhere, so it cannot be kept: embed it first")


def _manifest(source: Asset, derivative: Asset, rendition: Rendition, *, instance_id: str, at: datetime) -> ManifestDefinition:
    when = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    done: dict[str, Any] = {"when": when, "softwareAgent": {"name": SOFTWARE.name, "version": SOFTWARE.version}}
    parent = {"ingredientIds": [_PARENT]}
    actions: list[dict[str, Any]] = [{"action": "c2pa.opened", "when": when, "parameters": parent}]
    before, after = rendition.source_size, rendition.size
    if after != before:
        description = f"{before.width} x {before.height} to {after.width} x {after.height} pixels"
        actions.append({"action": "c2pa.resized.proportional", **done, "description": description})
    description = f"{source.media_type} to {derivative.media_type}"
    if rendition.flattened:
        description += ", transparency laid on white"
    # The specification asks transcoding, like opening, to name what it was done to.
    actions.append({"action": "c2pa.transcoded", **done, "description": description, "parameters": parent})
    definition = {
        "claim_version": 2,
        "claim_generator_info": [
            {"name": SOFTWARE.name, "version": SOFTWARE.version, "specVersion": SPECIFICATION_VERSION},
        ],
        "format": derivative.media_type,
        "instance_id": instance_id,
        "assertions": [
            {"label": "c2pa.actions.v2", "created": True, "data": {"actions": actions, "allActionsIncluded": True}},
        ],
    }
    return ManifestDefinition(definition, (Ingredient(_PARENT, "parentOf", source),))
