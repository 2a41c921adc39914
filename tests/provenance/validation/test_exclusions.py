from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.validation.exclusions import content_left_out

C2PA_BOX = {"xpath": "/uuid", "data": [{"offset": 8, "value": "2P7D1hsOSDySl1goh37EgQ=="}]}

OWN_BOX = {"xpath": "/uuid", "data": [{"offset": 8, "value": "AAAAAAAAAAAAAAAAAAAAAA=="}]}


@pytest.mark.parametrize(
    ("binding", "media_type", "left_out"),
    [
        ({"exclusions": [{"start": 33, "length": 13126}]}, "image/png", ""),
        ({"exclusions": []}, "image/png", ""),
        ({"exclusions": [{"start": 10, "length": 4}, {"start": 20, "length": 13133}]}, "image/tiff", ""),
        ({"exclusions": [{"start": 10, "length": 5}, {"start": 20, "length": 13133}]}, "image/tiff", "5 bytes"),
        ({"exclusions": [{"start": 10, "length": 4}, {"start": 20, "length": 13133}]}, "image/png", "4 bytes"),
        ({"exclusions": [{"start": 10, "length": 1}] * 4 + [{"start": 20, "length": 90}]}, "image/jpeg", "4 bytes"),
        ({"exclusions": [{"start": 33, "length": 100}, {"start": 200, "length": 9000}]}, "image/png", "100 bytes"),
        ({"exclusions": [C2PA_BOX, {"xpath": "/ftyp"}, {"xpath": "/mfra"}, {"xpath": "/free"}]}, "image/avif", ""),
        ({"exclusions": [C2PA_BOX, {"xpath": "/mdat"}]}, "image/avif", "boxes /mdat"),
        ({"exclusions": [C2PA_BOX, {"xpath": "/meta/iloc"}]}, "image/heic", "boxes /meta/iloc"),
        ({"exclusions": [C2PA_BOX, {"xpath": "/mdat[1]"}, {"xpath": "//mdat"}]}, "image/heic", "boxes //mdat, /mdat[1]"),
        ({"exclusions": [C2PA_BOX, {"xpath": "/moov/trak/mdia/minf/stbl/stco"}]}, "video/mp4", ""),
        (
            {"exclusions": [C2PA_BOX, OWN_BOX, {"xpath": "/moov/trak/mdia/minf/stbl/stco"}]},
            "video/mp4",
            "boxes /moov/trak/mdia/minf/stbl/stco, /uuid",
        ),
        ({"boxes": [{"names": ["IDAT"], "excluded": True}]}, "image/png", "what cannot be told"),
        ({"exclusions": "all"}, "image/png", "what cannot be told"),
        ({"exclusions": ["all"]}, "image/png", "what cannot be told"),
        ({"exclusions": [{"start": 0}, {"start": 1, "length": 9}]}, "image/png", "9 bytes"),
        (None, "image/png", "what cannot be told"),
    ],
)
def test_what_is_left_out(binding: object, media_type: str, left_out: str) -> None:
    assert content_left_out(binding, media_type, b"") == left_out


@pytest.mark.parametrize(("filled", "left_out"), [(1024, ""), (1025, "1025 bytes in /free, /skip")])
def test_boxes_of_no_use_have_next_to_nothing_in_them(filled: int, left_out: str) -> None:
    data = box(b"ftyp", b"avif") + box(b"free", bytes(5000)) + box(b"mdat", b"x" * 9000)
    data += box(b"free", b"x" * 1000) + box(b"skip", b"x" * (filled - 1000))
    binding = {"exclusions": [C2PA_BOX, {"xpath": "/free"}, {"xpath": "/skip"}]}
    assert content_left_out(binding, "image/avif", data) == left_out


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@given(st.binary(max_size=80))
def test_any_bytes_are_walked_to_their_end(data: bytes) -> None:
    content_left_out({"exclusions": [{"xpath": "/free"}]}, "video/mp4", data)
