"""What the first bytes of an MP3 say: the length of its ID3v2 tag, and whether layer III frames follow.

Below `provenance.asset`, which has to tell an MP3 from other bytes; what the tag contains is `provenance.metadata`'s business.

Source: ISO/IEC 11172-3 and 13818-3, 2.4.2.3 (frame headers); ID3 tag version 2.3.0, 3.3.1, and 2.4.0, 4.1.2 (frame flags).
"""

from __future__ import annotations

from typing import Final

_BITRATES_KBPS: Final = {  # layer III, by MPEG version bits; index 0 means free and 15 is forbidden
    0b11: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    0b10: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0b00: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES_HZ: Final = {0b11: (44100, 48000, 32000), 0b10: (22050, 24000, 16000), 0b00: (11025, 12000, 8000)}
_MAX_PADDING: Final = 4096
"""Most zero bytes between an ID3 tag and the first frame; encoders round tags up."""
_COMPRESSED: Final = {3: 0x80, 4: 0x08}
"""Flag in the second flag byte of a frame, by version."""
_MAX_FRAMES: Final = 65_536


def is_mp3(data: bytes) -> bool:
    """Whether layer III frames follow an ID3v2 tag, or stand at the very beginning, two in a row.

    Two bytes of frame sync are no magic number: of random bytes, one file in some hundreds has them.
    """
    tagged = id3_tag_length(data)
    if not tagged:
        length = _frame_length(data, 0)
        return bool(length) and (length == len(data) or _frame_length(data, length) > 0)
    behind = data[tagged : tagged + _MAX_PADDING]
    return _frame_length(data, tagged + len(behind) - len(behind.lstrip(b"\x00"))) > 0


def id3_tag_length(data: bytes) -> int:
    """Bytes of the ID3v2 tag that `data` begins with, its header and footer included; 0 when it begins with none."""
    head = bytes(data[:10])
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or head[4] == 0xFF or max(head[6:]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    footer = 10 if head[3] == 4 and head[5] & 0x10 else 0
    return 10 + size + footer


def _frame_length(data: bytes, at: int) -> int:
    """Bytes of the layer III frame whose header is at `at`; 0 when there is none, or one of free bit rate."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate_index = head[1] >> 3 & 0b11, head[2] >> 2 & 0b11
    if version == 0b01 or rate_index == 0b11 or head[2] >> 4 == 0b1111:
        return 0
    kbps, hz = _BITRATES_KBPS[version][head[2] >> 4], _SAMPLE_RATES_HZ[version][rate_index]
    return (144 if version == 0b11 else 72) * kbps * 1000 // hz + (head[2] >> 1 & 1) if kbps else 0


def tag_announced_length(data: bytes) -> int:
    """Largest length, stored or inflated, that a compressed frame of the tag `data` begins with announces; 0 without one.

    Such a frame is not believed, and not inflated. Where the tag stops making sense, looking stops.
    """
    length = id3_tag_length(data)
    if not length or data[3] not in _COMPRESSED:
        return 0
    version, flags, tag = data[3], data[5], bytes(data[10:length])
    if version == 3 and flags & 0x80:
        tag = tag.replace(b"\xff\x00", b"\xff")
    at = 0
    if flags & 0x40:
        at = _number(tag[:4], version) + (0 if version == 4 else 4)
    largest = 0
    for _ in range(_MAX_FRAMES):
        head = tag[at : at + 10]
        if len(head) < 10 or not head[0]:
            break
        if head[9] & _COMPRESSED[version]:
            largest = max(largest, _number(head[4:8], version), _number(tag[at + 10 : at + 14], version))
        at += 10 + _number(head[4:8], version)
    return largest


def _number(field: bytes, version: int) -> int:
    """A size: seven bits a byte in version 2.4, eight before."""
    value = 0
    for byte in field:
        value = value << 7 | byte & 0x7F if version == 4 else value << 8 | byte
    return value
