"""What is written survives the signer: the SDK shifts offsets and rewrites containers, which not every layout lives through."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from provenance.asset import Asset
from provenance.evidence import declarations
from provenance.keys import create_development_credential, signer_from_uri
from provenance.metadata import declaration
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import decode
from provenance.stamp import Stamper


@pytest.fixture(scope="module")
def stamper(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    create_development_credential(home, now=datetime.now(UTC))
    return Stamper(signer_from_uri("development:", home=home))


def check(before: Asset, after: Asset) -> None:
    assert np.array_equal(decode(after), decode(before))
    image = Image.open(io.BytesIO(after.data))
    image.load()
    assert image.getexif()[305].startswith("AI generated;")
    assert {d.locator for d in declarations(MarksExaminer().examine(after))} >= {"XMP:Iptc4xmpExt:DigitalSourceType"}


@pytest.mark.parametrize("media_type", declaration.MEDIA_TYPES)
def test_a_stamped_picture_still_reads_and_can_be_taken_apart(media_type, stamper, pixels, record):
    stamped = stamper.stamp(pixels, record, media_type=media_type)
    bare = declaration.without_manifest(stamped)
    assert len(bare.data) != len(stamped.data)
    check(bare, stamped)


@pytest.mark.parametrize("media_type", declaration.MEDIA_TYPES)
def test_a_file_of_other_software_is_declared_and_signed(media_type, stamper, plain, record):
    before = Asset.from_bytes(plain[media_type])
    check(before, stamper.stamp_asset(before, record))


@pytest.mark.parametrize(
    "name", ["c2pa-rs/sample1.avif", "c2pa-ts/trustnxt-icon.heic", "c2pa-rs/TUSCANY.TIF", "c2pa-rs/sample1.webp"]
)
def test_files_from_elsewhere_are_declared_and_signed(name, shared, stamper, record):
    before = Asset.from_bytes((shared / "c2pa" / name).read_bytes())
    check(before, stamper.stamp_asset(before, record))
