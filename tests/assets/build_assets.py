"""Build every asset the tests use that is wrong in one way, into a folder, to be looked at or fed to other tools.

    python -m tests.assets.build_assets DIRECTORY

The tests call the same builders in memory. `README.md` says what each asset gets wrong; a test keeps the two in step. All of
it is made here from arithmetic and throw-away keys: there is no picture of anyone, and no two runs sign with the same key.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Final

from PIL import Image

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from tests.assets import attacks, claims, pictures
from tests.assets.attacks import signed
from tests.assets.authorities import ocsp_response, timestamping_authority
from tests.assets.chains import SERVER_AUTHENTICATION, TIME_STAMPING, Chain, chain, sound_chain
from tests.assets.claims import EXPIRED, StampedAt, Stapled, claimed, created, edited, expired_chain, signed_with
from tests.assets.pictures import encoded, picture, saved


def _signed_png() -> bytes:
    return signed().data


def _altered_parent() -> bytes:
    return signed(parents=(Asset.from_bytes(attacks.pixel_flipped(_signed_png())),)).data


def _pixels_excluded(ranges: int) -> bytes:
    bare = Asset.from_bytes(saved(Image.fromarray(picture()), "PNG", compress_level=0))
    return attacks.pixels_excluded(bare, chain=sound_chain(), ranges=ranges)


def _wrong_key() -> bytes:
    return signed(signer=attacks.WrongKeySigner(sound_chain(), chain().signer)).data


def _oriented() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(picture()), "JPEG", exif=exif)


_CAPTURE: Final = DigitalSourceType.DIGITAL_CAPTURE
_IN_FORCE: Final = EXPIRED + timedelta(days=1)
HOSTILE: Final = "<script>alert(1)</script>' OR 1=1; -- \x1b[2J \u202egnp.exe \u200b" + "A" * 5000
"""Markup, SQL, a terminal's escape, a change of direction, something that cannot be seen, and too much of it."""


@cache
def _expired() -> Chain:
    return expired_chain()


def _signed_with_usage(usage: str) -> bytes:
    # Under the root that is trusted, so that nothing but the usage is wrong.
    return signed_with(chain(usages=(usage,), root=sound_chain().authorities[-1])).data


def _resized(parent: Asset) -> Asset:
    return claimed(actions=edited(action="c2pa.resized"), parents=(parent,))


def _edited_capture() -> bytes:
    capture = claimed(actions=created(_CAPTURE))
    return claimed(actions=edited(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA), parents=(capture,)).data


def _disc() -> bytes:
    return saved(Image.radial_gradient("L").resize((96, 64)).convert("RGB"), "PNG")


def _ramp() -> bytes:
    return saved(Image.linear_gradient("L").resize((24, 16)).convert("RGB"), "JPEG")


def _with_camera() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Throw-away Optics", "Mark I"
    exif.get_ifd(0x8769)[0x829D] = (28, 10)  # f/2.8
    return saved(Image.fromarray(picture()), "JPEG", exif=exif)


ASSETS: Final[Mapping[str, Callable[[], bytes]]] = {
    "unsigned.png": lambda: encoded().data,
    "signed.png": _signed_png,
    "signed.jpg": lambda: signed(encoded("image/jpeg")).data,
    "signed.webp": lambda: signed(encoded("image/webp")).data,
    "signed.avif": lambda: signed(encoded("image/avif")).data,
    "signed.heic": lambda: signed(encoded("image/heic")).data,
    "signed.tiff": lambda: signed(encoded("image/tiff")).data,
    "signed.gif": lambda: signed(encoded("image/gif")).data,
    "altered_pixel.png": lambda: attacks.pixel_flipped(_signed_png()),
    "altered_assertion.png": lambda: attacks.store_flipped(_signed_png(), b"trainedAlgorithmicMedia"),
    "altered_claim.png": lambda: attacks.store_flipped(_signed_png(), b"Assay tests"),
    "altered_parent.png": _altered_parent,
    "appended.png": lambda: _signed_png() + b"\0" * 16,
    "text_added.png": lambda: attacks.text_added(_signed_png()),
    "stripped.png": lambda: attacks.stripped(_signed_png()),
    "transplanted.png": lambda: attacks.transplanted(_signed_png(), encoded(seed=1).data),
    "pixels_excluded_1.png": partial(_pixels_excluded, 1),
    "pixels_excluded_2.png": partial(_pixels_excluded, 2),
    "wrong_key.png": _wrong_key,
    "unknown_signer.png": lambda: signed(chain=chain(name="Adobe Inc.")).data,
    "time_stamping_leaf.png": partial(_signed_with_usage, TIME_STAMPING),
    "wrong_usage_leaf.png": partial(_signed_with_usage, SERVER_AUTHENTICATION),
    "expired.png": lambda: signed_with(_expired()).data,
    "expired_but_stamped.png": lambda: signed_with(_expired(), timestamps=StampedAt(timestamping_authority(), _IN_FORCE)).data,
    "revoked.png": lambda: signed_with(sound_chain(), status=Stapled(ocsp_response(sound_chain(), revoked_at=EXPIRED))).data,
    "resized_generated.png": lambda: _resized(claims.generated()).data,
    "resized_capture.png": lambda: _resized(claimed(actions=created(_CAPTURE))).data,
    "edited_capture.png": _edited_capture,
    "generated_component.png": lambda: claimed(actions=created(_CAPTURE), components=(claims.generated(),)).data,
    "other_thumbnail.png": lambda: claims.generated(asset=Asset.from_bytes(_disc()), thumbnail=_ramp()).data,
    "camera_and_generator.jpg": lambda: signed(Asset.from_bytes(_with_camera())).data,
    "hostile_strings.png": lambda: signed(model=HOSTILE, provider=HOSTILE, prompt=HOSTILE).data,
    "two_stores.png": lambda: attacks.with_second_store(_signed_png(), claims.store_of(signed(chain=chain(name="Stranger")))),
    "detached.png": lambda: claims.detached()[0].data,
    "remote.png": lambda: claims.remote("http://127.0.0.1:9/x.c2pa")[0].data,
    "truncated.png": lambda: _signed_png()[:2000],
    "bomb.png": lambda: pictures.png_announcing(100_000, 100_000),
    "animated.png": lambda: pictures.animated("PNG"),
    "animated.gif": lambda: pictures.animated("GIF"),
    "animated.webp": lambda: pictures.animated("WEBP"),
    "multi_picture.jpg": pictures.multi_picture_jpeg,
    "oriented.jpg": _oriented,
    "cmyk.jpg": lambda: saved(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
    "palette.png": lambda: saved(Image.fromarray(picture()).convert("P"), "PNG"),
    "grey_alpha.png": lambda: saved(Image.fromarray(picture()).convert("LA"), "PNG"),
    "sixteen_bit.png": lambda: saved(Image.fromarray(picture()[..., 0].astype("uint16") * 257), "PNG"),
    "document.png": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <<>> endobj\n%%EOF\n",
    "empty.png": lambda: b"",
}


def build(directory: Path) -> list[Path]:
    """Write every asset into `directory`, which is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, make in ASSETS.items():
        (directory / name).write_bytes(make())
    return sorted(directory / name for name in ASSETS)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.assets.build_assets DIRECTORY")
    sys.stdout.write("".join(f"{path}\n" for path in build(Path(sys.argv[1]))))
