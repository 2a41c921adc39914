from __future__ import annotations

import pytest

from provenance.exclusions import content_left_out

C2PA_BOX = {"xpath": "/uuid", "data": [{"offset": 8, "value": "2P7D1hsOSDySl1goh37EgQ=="}]}


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
        ({"boxes": [{"names": ["IDAT"], "excluded": True}]}, "image/png", "what cannot be told"),
        ({"exclusions": "all"}, "image/png", "what cannot be told"),
        ({"exclusions": ["all"]}, "image/png", "what cannot be told"),
        ({"exclusions": [{"start": 0}, {"start": 1, "length": 9}]}, "image/png", "9 bytes"),
        (None, "image/png", "what cannot be told"),
    ],
)
def test_what_is_left_out(binding: object, media_type: str, left_out: str) -> None:
    assert content_left_out(binding, media_type) == left_out
