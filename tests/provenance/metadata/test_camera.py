"""A camera is named by make and model beside an exposure, a lens or a position; by less, or by a generator, it is not."""

from __future__ import annotations

import piexif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.metadata.camera import camera

ZEROTH = {piexif.ImageIFD.Make: b"Acme", piexif.ImageIFD.Model: b"One"}
EXPOSURE = {piexif.ExifIFD.ExposureTime: (1, 125)}
POSITION = {
    piexif.GPSIFD.GPSLatitudeRef: b"N",
    piexif.GPSIFD.GPSLatitude: ((47, 1), (0, 1), (0, 1)),
    piexif.GPSIFD.GPSLongitudeRef: b"E",
    piexif.GPSIFD.GPSLongitude: ((8, 1), (0, 1), (0, 1)),
}


def block(zeroth: dict | None = None, exif: dict | None = None, gps: dict | None = None) -> bytes:
    encoded: bytes = piexif.dump({"0th": ZEROTH if zeroth is None else zeroth, "Exif": exif or {}, "GPS": gps or {}})
    return encoded[6:]


@pytest.mark.parametrize(
    ("exif", "gps", "expected"),
    [
        (EXPOSURE, None, "Acme One"),
        ({piexif.ExifIFD.FNumber: (28, 10)}, None, "Acme One"),
        ({piexif.ExifIFD.ISOSpeedRatings: 100}, None, "Acme One"),
        ({piexif.ExifIFD.FocalLength: (50, 1)}, None, "Acme One"),
        ({piexif.ExifIFD.LensModel: b"50mm F1.8"}, None, "Acme One; lens 50mm F1.8"),
        (
            {piexif.ExifIFD.LensMake: b"Glass", piexif.ExifIFD.LensModel: b"50mm"},
            POSITION,
            "Acme One; lens Glass 50mm; GPS position",
        ),
        (None, POSITION, "Acme One; GPS position"),
        (None, None, None),
        (None, {piexif.GPSIFD.GPSDateStamp: b"2026:01:01"}, None),
        ({piexif.ExifIFD.UserComment: b"ASCII\x00\x00\x00hello"}, None, None),
    ],
)
def test_what_names_a_camera(exif, gps, expected):
    assert camera(block(exif=exif, gps=gps)) == expected


@pytest.mark.parametrize(
    "zeroth",
    [
        {},
        {piexif.ImageIFD.Make: b"Acme"},
        {piexif.ImageIFD.Model: b"One"},
        {piexif.ImageIFD.Make: b" ", piexif.ImageIFD.Model: b"One"},
        {piexif.ImageIFD.Make: b"Black Forest Labs", piexif.ImageIFD.Model: b"flux-dev"},
        {piexif.ImageIFD.Make: b"Ideogram AI", piexif.ImageIFD.Model: b"3"},
    ],
)
def test_without_make_and_model_or_with_a_generators_there_is_none(zeroth):
    assert camera(block(zeroth, EXPOSURE, POSITION)) is None


def test_a_model_that_repeats_the_make_is_not_doubled():
    assert camera(block({piexif.ImageIFD.Make: b"Acme", piexif.ImageIFD.Model: b"Acme One"}, EXPOSURE)) == "Acme One"


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_any_block_is_read(noise, at):
    data = bytearray(block(exif=EXPOSURE, gps=POSITION))
    at %= len(data)
    data[at : at + len(noise)] = noise
    camera(bytes(data))
    camera(noise)
