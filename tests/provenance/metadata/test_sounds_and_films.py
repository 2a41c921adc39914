"""XMP and texts of WAV, MP3, MP4, MOV and M4A: read within bounds, written without moving a sample."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.errors import AssetUnreadable, AssetUnsupported
from provenance.evidence import declarations
from provenance.metadata import container, xmp
from provenance.metadata.containers import film, mp3, riff, wav
from provenance.metadata.marks import MarksExaminer
from tests.assets import sounds_and_films as made
from tests.assets.sounds_and_films import box, encoded_timed, id3, id3_frame

TIMED = sorted(TIMED_MEDIA_TYPES)
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PACKET = xmp.packet([xmp.Property(xmp.IPTC_EXTENSION, "DigitalSourceType", TRAINED)])
OTHER = xmp.packet([xmp.Property(xmp.XMP_BASIC, "CreatorTool", "another tool, and a longer packet than the first one" * 3)])
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def written(asset: Asset, packet: bytes = PACKET) -> Asset:
    return container.write(asset, exif=b"", xmp=packet, text=())


def texts(data: bytes, kind: str) -> dict[str, str]:
    found = container.read(Asset(data, kind, ""))
    assert not found.flaws
    return {field.keyword: field.text for field in found.text}


@pytest.mark.parametrize("media_type", TIMED)
def test_a_packet_is_read_back_and_declares(media_type: str) -> None:
    asset = written(encoded_timed(media_type))
    assert asset.media_type == media_type
    assert container.read(asset).xmp == (PACKET,)
    assert [d.digital_source_type for d in declarations(MarksExaminer().examine(asset))] == [TRAINED]


@pytest.mark.parametrize("media_type", TIMED)
def test_a_packet_replaces_the_one_before(media_type: str) -> None:
    twice = written(written(encoded_timed(media_type), OTHER))
    assert container.read(twice).xmp == (PACKET,)
    assert b"another tool" not in twice.data
    assert twice.data == written(encoded_timed(media_type)).data


@pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime", "audio/mp4"])
def test_writing_moves_no_sample(media_type: str) -> None:
    before, after = encoded_timed(media_type).data, written(encoded_timed(media_type)).data
    assert after.startswith(before)
    assert made.chunk_offsets(after) == made.chunk_offsets(before)


def test_samples_of_a_wav_stay() -> None:
    before = dict(riff.chunks(made.wav(), b"WAVE"))
    after = dict(riff.chunks(wav.write(made.wav(), xmp=PACKET), b"WAVE"))
    assert after == {**before, b"_PMX": PACKET}


def test_a_packet_amid_a_film_becomes_free_space_of_the_same_length() -> None:
    head = made.film()
    between = box(b"uuid", XMP_UUID, OTHER) + box(b"mdat", b"behind")
    after = film.write(head + between, xmp=PACKET)
    assert film.read(after).xmp == (PACKET,)
    assert after.index(b"behind") == (head + between).index(b"behind")
    assert b"another tool" not in after


def test_a_packet_in_quicktime_user_data_is_read_and_replaced() -> None:
    data = box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", box(b"udta", box(b"XMP_", OTHER), bytes(4)))
    assert film.read(data).xmp == (OTHER,)
    assert film.read(film.write(data, xmp=PACKET)).xmp == (PACKET,)


def test_a_last_box_without_size_gets_one() -> None:
    data = box(b"ftyp", b"isom", bytes(4)) + b"\0\0\0\0mdatsamples"
    after = film.write(data, xmp=PACKET)
    assert after.index(b"samples") == data.index(b"samples")
    assert film.read(after).xmp == (PACKET,)


def test_the_index_of_a_fragmented_film_stays_last() -> None:
    data = box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", b"x") + box(b"mfra", b"index")
    assert film.write(data, xmp=PACKET).endswith(box(b"mfra", b"index"))


@pytest.mark.parametrize("version", [3, 4])
def test_other_frames_of_a_tag_stay(version: int) -> None:
    title = id3_frame(b"TIT2", b"\3a title", version=version)
    data = id3(title, version=version, padding=20) + made.mp3()
    after = mp3.write(data, xmp=PACKET)
    assert title in after
    assert after.endswith(made.mp3())
    assert texts(after, "audio/mpeg") == {"Title": "a title"}
    assert mp3.read(after).xmp == (PACKET,)


def test_a_tag_of_version_2_2_is_read_and_not_written_to() -> None:
    data = id3(b"TT2\0\0\6\0title", version=2) + made.mp3()
    assert texts(data, "audio/mpeg") == {"TT2": "title"}
    with pytest.raises(AssetUnsupported):
        mp3.write(data, xmp=PACKET)


@pytest.mark.parametrize("version", [3, 4])
def test_an_unsynchronised_tag_is_read_and_written(version: int) -> None:
    frame = id3_frame(b"TIT2", b"\1\xff\xfea\0b\0", version=version)
    if version == 3:  # the whole tag, sizes as before
        body = frame.replace(b"\xff", b"\xff\x00")
        tag = b"ID3\3\0\x80" + made.syncsafe(len(body)) + body
    else:  # frame by frame, each with its length before and a flag
        content = made.syncsafe(7) + b"\1\xff\0\xfea\0b\0"
        body = b"TIT2" + made.syncsafe(len(content)) + b"\0\3" + content
        tag = b"ID3\4\0\x80" + made.syncsafe(len(body)) + body
    assert texts(tag + made.mp3(), "audio/mpeg") == {"Title": "ab"}
    after = mp3.write(tag + made.mp3(), xmp=PACKET)
    assert texts(after, "audio/mpeg") == {"Title": "ab"}
    assert mp3.read(after).xmp == (PACKET,)
    assert after.endswith(made.mp3())


def test_an_extended_header_is_skipped_and_left_out() -> None:
    title = id3_frame(b"TIT2", b"\3a title", version=3)
    tag = b"ID3\3\0\x40" + made.syncsafe(10 + len(title)) + b"\0\0\0\6" + bytes(6) + title
    assert texts(tag + made.mp3(), "audio/mpeg") == {"Title": "a title"}
    assert texts(mp3.write(tag + made.mp3(), xmp=PACKET), "audio/mpeg") == {"Title": "a title"}


def test_texts_of_a_wav() -> None:
    info = b"INFO" + b"ISFT\x05\0\0\0tool\0\0" + b"ICMT\x04\0\0\0note" + b"IXXX\0\0\0\0"
    data = riff.encode(b"WAVE", [*riff.chunks(made.wav(), b"WAVE"), riff.Chunk(b"LIST", info)])
    assert texts(data, "audio/wav") == {"Software": "tool", "Comment": "note"}


def test_texts_of_an_mp3() -> None:
    frames = (
        id3_frame(b"TSSE", b"\3Lavf"),
        id3_frame(b"TXXX", b"\3AIGC\0{}"),
        id3_frame(b"COMM", b"\1eng\xff\xfeh\0i\0\0\0\xff\xfeh\0o\0"),
    )
    assert texts(id3(*frames) + made.mp3(), "audio/mpeg") == {"Software": "Lavf", "AIGC": "{}", "hi": "ho"}


def test_texts_of_a_film() -> None:
    def data(text: bytes) -> bytes:
        return box(b"data", b"\0\0\0\1\0\0\0\0", text)

    free = box(b"----", box(b"mean", bytes(4), b"x"), box(b"name", bytes(4), b"AIGC"), data(b"{}"))
    listed = box(b"meta", bytes(4), box(b"ilst", box(b"\xa9too", data(b"tool")), free))
    keys = box(b"keys", bytes(4), b"\0\0\0\1", box(b"mdta", b"com.apple.quicktime.comment"))
    keyed = box(b"meta", box(b"hdlr", bytes(20)), keys, box(b"ilst", box(b"\0\0\0\1", data(b"note"))))
    old = box(b"\xa9nam", b"\0\4\0\0name")
    film_data = box(b"ftyp", b"isom", bytes(4)) + box(b"moov", keyed, box(b"udta", listed, old))
    assert texts(film_data, "video/mp4") == {"Software": "tool", "AIGC": "{}", "Comment": "note", "Title": "name"}


@pytest.mark.parametrize(
    ("data", "kind", "locator"),
    [
        (made.wav()[:-10], "audio/wav", "WAV"),
        (id3(id3_frame(b"TIT2", b"\3a"))[:-1], "audio/mpeg", "ID3"),
        (id3(b"TIT2" + made.syncsafe(9999) + b"\0\0a") + made.mp3(), "audio/mpeg", "ID3"),
        (id3(b"TIT2" + made.syncsafe(2) + b"\0\x08\3a") + made.mp3(), "audio/mpeg", "ID3:TIT2"),
        (made.film()[:-10], "video/mp4", "BMFF"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"udta", b"\0\0\0\7nope")), "video/mp4", "BMFF"),
    ],
    ids=["short WAV", "short tag", "frame beyond its tag", "compressed frame", "short film", "box too small"],
)
def test_what_cannot_be_read_is_a_flaw(data: bytes, kind: str, locator: str) -> None:
    assert [flaw.locator for flaw in container.read(Asset(data, kind, "")).flaws] == [locator]


@pytest.mark.parametrize("media_type", TIMED)
@given(data=st.data())
def test_damaged_files_are_read_and_written_or_refused(media_type: str, data: st.DataObject) -> None:
    sound = written(encoded_timed(media_type)).data
    at = data.draw(st.integers(0, len(sound) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    cut = data.draw(st.integers(at, len(sound) + 8))
    asset = Asset((sound[:at] + patch + sound[at + len(patch) :])[:cut], media_type, "")
    MarksExaminer().examine(asset)
    with contextlib.suppress(AssetUnreadable, AssetUnsupported):
        container.write(asset, exif=b"", xmp=PACKET, text=())


@pytest.mark.parametrize("name", ["nested_moov_1000.mp4", "riff_bomb_1000.wav", "id3v23_compression_underflow.mp3"])
def test_hostile_files_of_others_get_an_answer(name: str, shared) -> None:
    asset = Asset.from_bytes((shared / "c2pa" / "other" / name).read_bytes())
    assert MarksExaminer().examine(asset)
