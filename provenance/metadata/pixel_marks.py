"""Read the marks generators leave in pixels: public watermarks, hidden text, and NovelAI's signature over both.

Apart from the examiner of written marks, because this one decodes. What anybody can put on any picture is declared as `public`;
only a signature that holds is `signed`. A signature that does not hold is said, and declares nothing: the text beside it could
have been pasted onto any picture, so it is no sign that this one was altered.

Source: `provenance.metadata.dwt_dct`, `provenance.metadata.stealth` and `provenance.metadata.novelai_signature` name theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import AssetUnreadable
from provenance.evidence import DeclarationEvidence, Evidence, Forgeability, Layer, Outcome, StatusEvidence
from provenance.metadata import mark_readers as read
from provenance.metadata.dwt_dct import HIT_AGREEMENT, WEAK_AGREEMENT, Match, best_matches
from provenance.metadata.fields import Field, Source, read_fields
from provenance.metadata.mark_readers import Declared
from provenance.metadata.novelai_signature import NOVELAI_KEY, signature_holds, signed_comment
from provenance.metadata.stealth import HiddenText, hidden_text
from provenance.metadata.stored_samples import SampleArray, stored_rgba
from provenance.pixels import MAX_ASSET_PIXELS, PixelArray, decode
from provenance.quoting import quoted
from provenance.status_codes import (
    MARKS_ABSENT,
    MARKS_MALFORMED,
    MARKS_NOT_APPLICABLE,
    MARKS_PRESENT,
    MARKS_SIGNATURE_MISMATCH,
    MARKS_SIGNATURE_VALIDATED,
    MARKS_WEAK,
)

_EXACT: Final = frozenset({"image/png", "image/webp", "image/tiff"})
"""Media types that can keep the lowest bit of a sample. Of a lossy WebP that is alpha only."""
_TRAINED: Final = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
_MAX_GENERATOR: Final = 200
_MAX_SIGNATURES: Final = 4
"""Most signatures checked in one asset: each is a hash over all pixels."""
_HIDDEN: Final[tuple[Callable[[str], Declared | None], ...]] = (
    read.parameters,
    read.swarmui,
    read.fooocus,
    read.comfyui,
    read.novelai_hidden,
    read.novelai_comment,
    read.aigc,
)
"""Readers of hidden text, in the order they are asked."""


class PixelMarksExaminer:
    """Looks for known marks in the pixels of an image; safe to share between threads."""

    name = "pixel-marks"

    def __init__(self, *, max_pixels: int = MAX_ASSET_PIXELS, novelai_key: bytes = NOVELAI_KEY) -> None:
        """Decode at most `max_pixels`, and check NovelAI's signatures with its public key (32 bytes)."""
        self._max_pixels = max_pixels
        self._novelai_key = novelai_key

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """Declarations found and their statuses, `marks.absent`, or `marks.not_applicable` for a sound or a film.

        Raises:
            PixelsTooMany, AssetAnimated, AssetUnreadable: The pixels cannot be decoded.
        """
        if not asset.has_pixels:
            why = f"{asset.media_type} is no still image"
            return [StatusEvidence(self.name, MARKS_NOT_APPLICABLE, Outcome.NOT_APPLICABLE, explanation=why)]
        return self.examine_pixels(asset, decode(asset, max_pixels=self._max_pixels))

    def examine_pixels(self, asset: Asset, pixels: PixelArray) -> Sequence[Evidence]:
        """As `examine`, of an image whose pixels are decoded already.

        Args:
            asset: A still image.
            pixels: What `provenance.pixels.decode` gives of it.

        Raises:
            AssetUnreadable: Alpha is there, and the image cannot be decoded with it.
        """
        found = list(dict.fromkeys([*self._lowest_bits(asset, pixels), *_watermarks(pixels)]))
        declared = [e for e in found if isinstance(e, DeclarationEvidence)]
        if declared:
            names = ", ".join(dict.fromkeys(d.locator for d in declared))
            found.insert(0, StatusEvidence(self.name, MARKS_PRESENT, Outcome.INFORMATIONAL, explanation=names))
        return found or [StatusEvidence(self.name, MARKS_ABSENT, Outcome.INFORMATIONAL)]

    def _lowest_bits(self, asset: Asset, pixels: PixelArray) -> Iterator[Evidence]:
        if asset.media_type not in _EXACT:
            return
        rgba = stored_rgba(asset, max_pixels=self._max_pixels)
        # Without alpha, what was decoded is what is stored, for these formats and as long as nothing was turned upright.
        samples = pixels if rgba is None else rgba
        hidden: HiddenText | None = None
        try:
            hidden = hidden_text(samples)
        except AssetUnreadable as err:
            yield StatusEvidence(self.name, MARKS_MALFORMED, Outcome.UNAVAILABLE, "pixels:stealth", quoted(err))
        if hidden is not None:
            yield _hidden(hidden)
        yield from self._signatures(asset, samples, hidden)

    def _signatures(self, asset: Asset, samples: SampleArray, hidden: HiddenText | None) -> Iterator[Evidence]:
        texts = [(field.text, field.locator, Layer.METADATA) for field in read_fields(asset).fields if _may_be_signed(field)]
        if hidden is not None:
            texts.insert(0, (hidden.text, f"pixels:{hidden.magic}", Layer.WATERMARK))
        checked: list[tuple[dict[str, Any], bool]] = []
        for text, locator, layer in texts:
            comment = signed_comment(text)
            if comment is None:
                continue
            holds = next((answer for known, answer in checked if known == comment), None)
            if holds is None:
                if len(checked) >= _MAX_SIGNATURES:
                    return
                holds = signature_holds(comment, samples, self._novelai_key)
                checked.append((comment, holds))
            yield from _signature(holds, quoted(locator), layer)


def _may_be_signed(field: Field) -> bool:
    return (field.source, field.name) in ((Source.TEXT, "Comment"), (Source.EXIF, "UserComment"))


def _signature(holds: bool, locator: str, layer: Layer) -> Iterator[Evidence]:
    name = PixelMarksExaminer.name
    if not holds:
        why = "the pixels or the parameters are not those NovelAI signed"
        yield StatusEvidence(name, MARKS_SIGNATURE_MISMATCH, Outcome.FAILURE, locator, why)
        return
    yield StatusEvidence(name, MARKS_SIGNATURE_VALIDATED, Outcome.SUCCESS, locator)
    yield DeclarationEvidence(
        name,
        layer,
        Forgeability.SIGNED,
        digital_source_type=_TRAINED,
        generator="NovelAI",
        signer="NovelAI's image signing key",
        locator=locator,
    )


def _hidden(hidden: HiddenText) -> DeclarationEvidence:
    declared = next((found for reader in _HIDDEN if (found := reader(hidden.text)) is not None), None)
    # The extension that hides text also hides what it knows of a photograph that was only scaled up.
    declared = declared or Declared(None, "hidden text of no known generator")
    return _public(declared.digital_source_type, quoted(declared.generator, _MAX_GENERATOR), f"pixels:{hidden.magic}")


def _watermarks(pixels: PixelArray) -> Iterator[Evidence]:
    for match in best_matches(pixels):
        if match.message.suffices and match.agreement >= HIT_AGREEMENT:
            yield _public(_TRAINED, match.message.generator, f"pixels:dwtDct {_agreement(match)}")
        elif match.agreement >= WEAK_AGREEMENT:
            explanation = f"dwtDct {_agreement(match)}: too few to tell"
            yield StatusEvidence(
                PixelMarksExaminer.name, MARKS_WEAK, Outcome.INFORMATIONAL, "pixels:dwtDct", explanation=explanation
            )


def _public(digital_source_type: str | None, generator: str, locator: str) -> DeclarationEvidence:
    return DeclarationEvidence(
        PixelMarksExaminer.name,
        Layer.WATERMARK,
        Forgeability.PUBLIC,
        digital_source_type=digital_source_type,
        generator=generator,
        locator=locator,
    )


def _agreement(match: Match) -> str:
    return f"{match.message.name}: {match.agreeing} of {len(match.message.bits)} bits"
