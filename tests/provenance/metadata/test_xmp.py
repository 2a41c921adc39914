"""XMP packets: fresh, merged, read by namespace."""

from __future__ import annotations

import pytest

from provenance.errors import AssetUnreadable
from provenance.metadata import xmp
from provenance.metadata.xmp import IPTC_EXTENSION, PHOTOSHOP, XMP_BASIC, Property

TYPE = Property(IPTC_EXTENSION, "DigitalSourceType", "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia")
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def packet(inside: str) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>{inside}</rdf:RDF></x:xmpmeta>'.encode()


def test_a_fresh_packet_reads_back():
    made = xmp.packet([TYPE, Property(XMP_BASIC, "CreatorTool", "a <b> & \x01 c")])
    assert xmp.read(made) == (TYPE, Property(XMP_BASIC, "CreatorTool", "a <b> & \ufffd c"))
    assert made.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode())
    assert made.endswith(b'<?xpacket end="w"?>')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_packets_in_any_unicode_encoding_are_read(encoding):
    assert xmp.read(
        packet(f'<rdf:Description xmlns:q="{IPTC_EXTENSION}" q:DigitalSourceType="x"/>').decode().encode(encoding)
    ) == (Property(IPTC_EXTENSION, "DigitalSourceType", "x"),)


def test_padding_of_nul_bytes_is_no_error():
    assert xmp.read(xmp.packet([TYPE]) + bytes(100)) == (TYPE,)


def test_a_merged_packet_keeps_other_properties_and_says_ours_once():
    old = packet(
        f'<rdf:Description rdf:about="urn:1" xmlns:p="{PHOTOSHOP}" xmlns:i="{IPTC_EXTENSION}" p:City="Ulm"'
        ' i:DigitalSourceType="old">'
        "<i:DigitalSourceType>older</i:DigitalSourceType><i:Event>Fair</i:Event></rdf:Description><!-- kept -->"
    )
    merged = xmp.edited(old, [TYPE])
    assert xmp.read(merged) == (Property(PHOTOSHOP, "City", "Ulm"), Property(IPTC_EXTENSION, "Event", "Fair"), TYPE)
    assert b'rdf:about="urn:1"' in merged
    assert b"<!-- kept -->" in merged
    assert xmp.edited(merged, [TYPE]) == merged


def test_what_is_to_be_dropped_goes_and_nothing_else():
    prompt = Property(IPTC_EXTENSION, "AIPromptInformation", "a secret")
    assert xmp.read(xmp.edited(xmp.packet([TYPE, prompt]), [], {(prompt.namespace, prompt.name)})) == (TYPE,)


def test_terms_are_written_in_no_language_in_particular():
    terms = Property(xmp.PLUS, "OtherConstraints", "ask <us>")
    fresh, added = xmp.packet([terms]), xmp.edited(xmp.packet([TYPE]), [terms])
    assert (xmp.read(fresh), xmp.read(added)) == ((terms,), (TYPE, terms))
    for made in (fresh, added):
        assert b'<rdf:Alt><rdf:li xml:lang="x-default">ask &lt;us&gt;</rdf:li></rdf:Alt>' in made


def test_a_hostile_prefix_cannot_change_the_meaning():
    old = (
        b'<xmp:RDF xmlns:xmp="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<xmp:Description xmlns:rdf="urn:x" rdf:a="1"/></xmp:RDF>'
    )
    tool = Property(XMP_BASIC, "CreatorTool", "ours")
    assert xmp.read(xmp.edited(old, [tool])) == (tool,)


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (b"", "XML"),
        (b"<x>", "XML"),
        (b"<!DOCTYPE x><x/>", "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (b'<?xml version="1.0" encoding="no-such-thing"?><x/>', "XML"),
        (b"<x a='1' a='2'/>", "XML"),
        (b"<x>" + b" " * (4 * 2**20) + b"</x>", "limit"),
    ],
)
def test_hostile_packets_are_refused(hostile, reason):
    with pytest.raises(AssetUnreadable, match=reason):
        xmp.read(hostile)
    with pytest.raises(AssetUnreadable):
        xmp.edited(hostile, [TYPE])


def test_xml_that_is_no_rdf_cannot_take_a_declaration():
    with pytest.raises(AssetUnreadable, match="rdf:RDF"):
        xmp.edited(b"<x/>", [TYPE])
